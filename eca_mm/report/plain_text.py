"""Text from files, of which nothing commands what shows it."""

import re

UNSEEN = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]')


def one_line(text: str) -> str:
    """Without control characters, and marks that turn its direction."""
    return ' '.join(UNSEEN.sub(' ', text).split())


def printable(text: str) -> str:
    """A line of a terminal or a figure: what UTF-8 cannot write is spelt out."""
    return one_line(text).encode(errors='backslashreplace').decode()
