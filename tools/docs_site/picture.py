"""The picture and the list of docs/architecture.md, from the imports and their order.

PYTHONPATH=tools python -m docs_site.picture writes both. In the picture a part stands
above all that it imports; an arrow is an import that no chain of others stands for.
"""

import re
from html import escape
from itertools import cycle

from .imports import direct, imports, rows, steps
from .links import REPO

PAGE = REPO / 'docs' / 'architecture.md'
PICTURE = PAGE.with_suffix('.svg')
WIDTH, HEIGHT, ROW = 1080, 30, 78  # pixels
# Of arrows, so that neighbouring boxes differ in theirs.
COLOURS = ('#00695c', '#b26a00', '#5e35b1', '#c2185b', '#1565c0')
STYLE = (
    'text{font:14px sans-serif;text-anchor:middle;fill:#1a2b2b}'
    'rect{fill:#d9efec;stroke:#00796b}path{fill:none;stroke-width:1.4}'
)
HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>Which part of eca_mm imports which</title>
<style>{style}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" \
markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" style="fill:#78909c"/></marker>\
</defs>
<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>
"""


def box_width(name: str) -> int:
    return 9 * len(name) + 18


def places() -> dict[str, tuple[int, int]]:
    """The middle of each box's upper edge; what imports nothing is the lowest row.

    In a row, boxes stand in the order of the mean place of what they import.
    """
    found: dict[str, tuple[int, int]] = {}
    using = imports()
    order = rows(using)
    for i, names in enumerate(order):
        below = {
            name: [found[other][0] for other in using[name] if other in found]
            for name in names
        }
        if any(below.values()):
            mean = {name: sum(x) / max(len(x), 1) for name, x in below.items()}
            names = sorted(names, key=mean.get)
        widths = sum(map(box_width, names))
        gap = min((WIDTH - widths) / (len(names) + 1), 200)
        x = (WIDTH - widths - gap * (len(names) - 1)) / 2
        for name in names:
            middle = round(x + box_width(name) / 2)
            found[name] = (middle, 20 + ROW * (len(order) - 1 - i))
            x += box_width(name) + gap
    return found


def arrow(start: tuple[int, int], end: tuple[int, int], colour: str) -> str:
    """From below one box to the upper edge of another."""
    (x, y), (to_x, to_y) = start, end
    y += HEIGHT
    curve = f'M{x} {y}C{x} {y + 60} {to_x} {to_y - 60} {to_x} {to_y}'
    return f'<path marker-end="url(#tip)" stroke="{colour}" d="{curve}"/>'


def drawn() -> str:
    """The picture as SVG."""
    where = places()
    colours = dict(zip(where, cycle(COLOURS), strict=False))
    arrows = [
        arrow(where[a], where[b], colours[a]) for a, b in sorted(direct(imports()))
    ]
    boxes = []
    for name, (x, y) in where.items():
        width = box_width(name)
        boxes.append(
            f'<rect x="{x - width // 2}" y="{y}" width="{width}" height="{HEIGHT}" '
            f'rx="5"/><text x="{x}" y="{y + 20}">{escape(name)}</text>'
        )
    height = 40 + HEIGHT + max(y for _, y in where.values()) - 20
    head = HEAD.format(width=WIDTH, height=height, style=STYLE)
    return head + '\n'.join([*arrows, *boxes, '</svg>', ''])


def renewed(page: str) -> str:
    """The page with the list of the order as it is now."""
    lines = [
        f'{i}. {", ".join(f"`{name}`" for name in names)}: {what}'
        for i, (names, what) in enumerate(steps(), start=1)
    ]
    marked = r'(<!-- order[^>]*-->\n).*?(<!-- end -->)'
    text = '\n'.join(lines).replace('\\', r'\\')
    return re.sub(marked, rf'\1\n{text}\n\n\2', page, flags=re.DOTALL)


if __name__ == '__main__':
    PICTURE.write_text(drawn())
    PAGE.write_text(renewed(PAGE.read_text()))
