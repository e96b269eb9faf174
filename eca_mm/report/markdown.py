"""Text from files as plain words of a Markdown document, whatever is in it."""

import re

from .plain_text import one_line

# Begins or ends something within a line: code, emphasis, a link or picture, a table's
# cell, a line through. Entities, because not every reader takes a backslash before <.
SPECIAL = re.compile(r'[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])')
ENTITIES = {'&': '&amp;', '<': '&lt;', '>': '&gt;'}
# GitHub makes links of bare addresses.
ADDRESS = re.compile(r'(://)|\b(www)\.', re.IGNORECASE)
# At the begin of a line: a heading, a list, a rule or an underline.
BEGIN = re.compile(r'(#{1,6}|[-+]|=+|-+|\d+[.)])(?=\s|$)')


def markdown(text: str) -> str:
    """The text on one line, in which nothing means anything but itself.

    Every value of report.md goes through here: see :func:`.page.render`.
    """
    text = one_line(text)
    text = SPECIAL.sub(lambda found: '\\' + found[0], text)
    text = ''.join(ENTITIES.get(letter, letter) for letter in text)
    text = ADDRESS.sub(lambda found: r':\//' if found[1] else found[2] + r'\.', text)
    begin = BEGIN.match(text)
    if begin:
        end = begin.end() - 1 if begin[0][0].isdigit() else 0
        text = f'{text[:end]}\\{text[end:]}'
    return text
