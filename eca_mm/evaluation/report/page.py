"""index.html, report.md and the numbers behind them, put in place when all is whole."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import itables.options
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from eca_mm.files import write_csv

from .blocks import Cell, Figure, Section, Table

PAGE, MARKDOWN, DATA = 'index.html', 'report.md', 'report_data'
MARKS = {'better': ' ▲', 'worse': ' ▼', '': ''}


def write_page(out: Path, sections: list[Section], facts: dict, **text: str) -> None:
    """Write the report into ``out``, which keeps the report it has if this fails.

    Args:
        facts: Versions, settings and results, for report_data/summary.json.
        text: ``title``, ``subtitle`` and ``footer``.
    """
    with whole(out) as folder:
        data = folder / DATA
        data.mkdir()
        (data / 'summary.json').write_text(json.dumps(facts, indent=2) + '\n')
        for section in sections:
            for block in section.blocks:
                if isinstance(block, (Table, Figure)) and block.data:
                    write_csv(data / f'{block.name}.csv', block.data)
        values = dict(text, sections=sections, data=DATA)
        (folder / MARKDOWN).write_text(render('report.md.j2', **values))
        (folder / PAGE).write_text(render('page.html.j2', **values, **table_library()))


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Give a folder to write a report to, and put it in place when it is whole."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix='.report.tmp') as scratch:
        yield Path(scratch)
        shutil.rmtree(out / DATA, ignore_errors=True)
        for name in (DATA, MARKDOWN, PAGE):  # the page last: it stands for the whole
            os.replace(Path(scratch) / name, out / name)


def render(template: str, **values) -> str:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=select_autoescape(['html.j2']),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= dict(cell=escaped, markdown=as_markdown)
    return environment.get_template(template).render(values)


def as_markdown(cell: Cell) -> str:
    """A cell on one line, its mark as a sign."""
    note = f' ({"; ".join(cell.note.splitlines())})' if cell.note else ''
    return escaped(cell.text + MARKS[cell.mark] + note)


def escaped(text: str) -> str:
    """Text that cannot end a cell of a Markdown table."""
    return ' '.join(text.replace('|', r'\|').split())


def table_library() -> dict[str, str]:
    """Script and style of DataTables, as itables carries them for offline pages."""
    bundle = Path(itables.options.dt_bundle)
    # Inside a page only this ends a script; in JavaScript both mean the same.
    script = bundle.read_text().replace('</script', r'<\/script')
    return dict(library=script, library_style=bundle.with_suffix('.css').read_text())
