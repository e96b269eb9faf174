"""The examples in a page: fenced blocks, and Python sessions among them."""

import doctest
import re
from collections.abc import Iterator
from dataclasses import dataclass

BLOCK = re.compile(
    r'^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```',
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is that of its first line of text, from 1."""

    language: str
    text: str
    line: int


def blocks(page: str, language: str) -> Iterator[Block]:
    """The blocks of a language, such as ``bash``, without their indentation."""
    for match in BLOCK.finditer(page):
        if match['language'] == language:
            lines = match['text'].splitlines(keepends=True)
            text = ''.join(line[len(match['indent']) :] or '\n' for line in lines)
            yield Block(language, text, page.count('\n', 0, match.start('text')) + 1)


def session(page: str, name: str) -> doctest.DocTest:
    """The ``pycon`` blocks of a page as one doctest, with the page's line numbers."""
    lines = [''] * (page.count('\n') + 1)
    for block in blocks(page, 'pycon'):
        for place, line in enumerate(block.text.splitlines(), start=block.line - 1):
            lines[place] = line
    return doctest.DocTestParser().get_doctest('\n'.join(lines), {}, name, name, 0)
