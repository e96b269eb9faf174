"""Links of Markdown pages: found, followed, and rewritten."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
# Pages outside of docs/: where they lie, and their place in the site.
OUTSIDE = {
    'README.md': 'index.md',
    **{name: name for name in ('CHANGELOG.md', 'CONTRIBUTING.md', 'configs/README.md')},
    **{
        f'projects/{name}/README.md': f'projects/{name}/README.md'
        for name in ('digits', 'imagenet', 'legacy_v1', 'own_data')
    },
}
FENCE = re.compile(r'^( *)(```+).*?^\1\2 *$', re.MULTILINE | re.DOTALL)
# [text](target) and ![text](target); the text may hold code in backticks.
LINK = re.compile(
    r'(?P<mark>!?)\[(?P<text>(?:`[^`]*`|[^\[\]`])*)\]\((?P<to>[^()\s]+)\)'
)
ELSEWHERE = re.compile(r'[a-z]+:')


def pages() -> list[Path]:
    """All pages, of docs/ and from outside."""
    return [*sorted((REPO / 'docs').rglob('*.md')), *(REPO / name for name in OUTSIDE)]


def local_links(text: str) -> Iterator[re.Match]:
    """The links to files and headings, code left out."""
    fences = [match.span() for match in FENCE.finditer(text)]
    for match in LINK.finditer(text):
        in_code = any(begin <= match.start() < end for begin, end in fences)
        if not in_code and not ELSEWHERE.match(match['to']):
            yield match


def target(page: Path, to: str) -> Path:
    """The file or folder that a link of a page leads to.

    Raises:
        ValueError: It is not there, or not in the repository.
    """
    path = to.partition('#')[0]
    found = (page.parent / path).resolve() if path else page
    if not found.is_relative_to(REPO) or not found.exists():
        raise ValueError(f'{page.relative_to(REPO)} links to {to}, which is not there')
    return found


def rewritten(text: str, change: Callable[[re.Match], str]) -> str:
    """The text with each of its local links replaced by what ``change`` returns."""
    parts, end = [], 0
    for match in local_links(text):
        parts += [text[end : match.start()], change(match)]
        end = match.end()
    return ''.join([*parts, text[end:]])


def slug(heading: str) -> str:
    """The anchor that the forge, and the site, give a heading."""
    words = re.sub(r'[^\w\- ]', '', heading.replace('`', '').strip().lower())
    return words.replace(' ', '-')


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r'^#+ +(.+?)\s*$', FENCE.sub('', text), re.MULTILINE)
    # Of a link only its text shows.
    return {slug(re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', name)) for name in headings}
