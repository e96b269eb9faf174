"""index.html, report.md and the numbers behind them, put in place when all is whole."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import itables.options
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eca_mm.files import write_csv

from .content import Cell, Figure, Section, Table
from .markdown import markdown

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
        write_text(data / 'summary.json', json.dumps(facts, indent=2) + '\n')
        for section in sections:
            for block in section.blocks:
                if isinstance(block, (Table, Figure)) and block.data:
                    write_csv(data / f'{block.name}.csv', block.data)
        values = dict(text, sections=sections, data=DATA)
        write_text(folder / MARKDOWN, render('report.md.j2', **values))
        library = table_library()
        write_text(folder / PAGE, render('page.html.j2', **values, **library))


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Give a folder to write a report to, and put it in place when it is whole."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix='.report.tmp') as scratch:
        yield Path(scratch)
        if (out / DATA).is_symlink():  # what it leads to is not ours
            (out / DATA).unlink()
        shutil.rmtree(out / DATA, ignore_errors=True)
        for name in (DATA, MARKDOWN, PAGE):  # the page last: it stands for the whole
            os.replace(Path(scratch) / name, out / name)


def render(template: str, **values) -> str:
    """Fill a template, which escapes whatever is put into it but what it calls safe.

    The page by HTML's rules, all else by Markdown's: in report.md, too, no value can be
    forgotten.
    """
    page = template.endswith('html.j2')
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=page,
        finalize=None if page else in_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters['cell'] = cell_text
    return environment.get_template(template).render(values)


def in_markdown(value) -> str:
    return value if isinstance(value, Markup) else markdown(str(value))


def cell_text(cell: Cell) -> str:
    """A cell on one line, its mark as a sign."""
    note = f' ({"; ".join(cell.note.splitlines())})' if cell.note else ''
    return cell.text + MARKS[cell.mark] + note


def write_text(path: Path, text: str) -> None:
    """As UTF-8, in which JSON's halves of characters have no place."""
    path.write_text(text, encoding='utf-8', errors='backslashreplace')


def table_library() -> dict[str, str]:
    """Script and style of DataTables, as itables carries them for offline pages."""
    bundle = Path(itables.options.dt_bundle)
    # Inside a page only this ends a script; in JavaScript both mean the same.
    script = bundle.read_text().replace('</script', r'<\/script')
    return dict(library=script, library_style=bundle.with_suffix('.css').read_text())
