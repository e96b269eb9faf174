"""The list "where is ..." in CONTRIBUTING.md, whose line numbers are kept right.

PYTHONPATH=tools python -m docs_site.questions writes the lines at which the names are
found.
"""

import re

from .links import REPO

PAGE = REPO / 'CONTRIBUTING.md'
# | question | [path:line](path#Lline), `name` |
ROW = re.compile(
    r'^\| (?P<question>[^|]+\?) \| \[(?P<path>[^\]:]+):(?P<line>\d+)\]'
    r'\((?P=path)#L(?P=line)\), `(?P<name>\w+)` \|$',
    re.MULTILINE,
)


def line_of(path: str, name: str) -> int:
    """The line that defines a name in a file of the repository, from 1.

    Raises:
        ValueError: It is not there, or more than once.
    """
    text = (REPO / path).read_text()
    definition = rf'^ *(?:def|class) {name}\b|^ *{name}(?:: [^=]+)? = |^ *{name}='
    found = [*re.finditer(definition, text, re.MULTILINE)]
    if len(found) != 1:
        raise ValueError(f'{path} defines {name} {len(found)} times')
    return text.count('\n', 0, found[0].start()) + 1


def renewed(page: str) -> str:
    """The page with the lines at which the names are now."""

    def row(match: re.Match) -> str:
        question, path, name = match['question'], match['path'], match['name']
        line = line_of(path, name)
        return f'| {question} | [{path}:{line}]({path}#L{line}), `{name}` |'

    return ROW.sub(row, page)


if __name__ == '__main__':
    PAGE.write_text(renewed(PAGE.read_text()))
