"""A stranger's work dir: what the report opens, runs, embeds and says."""

import base64
import csv
import re
import subprocess

import pytest
from file_watch import watched
from hostile_dirs import (
    CLASSES,
    FORMULA,
    LINK,
    MARK,
    MOST,
    NO_CAPTIONS,
    REFUSED,
    SCRIPT,
    make,
    tricks,
)
from markupsafe import escape

from eca_mm.report.markdown import markdown
from eca_mm.report.runs import ReportError
from eca_mm.report.write import SECTIONS, write_report


@pytest.fixture(scope='module', autouse=True)
def libraries(tmp_path_factory):
    """A first report: what Python and its libraries load once is not looked at."""
    place = make(tmp_path_factory.mktemp('first'))
    write_report([str(place.run)], place.root / 'out', replicates=2, **place.given)


@pytest.mark.parametrize('number', range(MOST))
def test_nothing_outside_is_read_and_nothing_runs(
    tmp_path, number, capsys, monkeypatch
):
    if number >= len(CLASSES):  # classes come again, and drawing takes long
        slow = ('scores', 'precision and recall', 'errors')
        quick = {name: make for name, make in SECTIONS.items() if name not in slow}
        monkeypatch.setattr('eca_mm.report.write.SECTIONS', quick)
    place = make(tmp_path)
    secret = (place.secret / 'gates.png').read_bytes()
    done = tricks(number)
    for change, _ in done.values():
        change(place)
    out = tmp_path / 'out'
    out.mkdir()
    with watched(place.run, place.data, out) as found:
        write_report([str(place.run)], out, replicates=2, **place.given)
    assert found == []
    assert not place.proof.exists()
    page, text = ((out / name).read_text() for name in ('index.html', 'report.md'))
    lines = capsys.readouterr().err.splitlines()
    warnings = [line for line in lines if line.startswith('warning: ')]
    expected = [said for _, said in done.values() if said]
    assert len(warnings) == len(expected), warnings
    for said in expected:
        assert sum(said in line for line in warnings) >= 1, said
        assert markdown(said) in text and escape(said) in page
    for path in out.rglob('*.*'):
        assert path.is_dir() or MARK not in path.read_text(), path
    embedded = re.findall('src="data:image/png;base64,([^"]*)', page)
    allowed = NO_CAPTIONS not in ''.join(expected)
    assert [base64.b64decode(part) == secret for part in embedded] == [True] * allowed
    assert page.count('src="data:image/jpeg') == 3


@pytest.mark.parametrize('trick', REFUSED)
def test_no_report_of_these(tmp_path, trick):
    change, said = REFUSED[trick]
    place = make(tmp_path)
    change(place)
    out = tmp_path / 'out'
    out.mkdir()
    with watched(place.run, place.data, out) as found, pytest.raises(ReportError) as e:
        write_report([str(place.run)], out, replicates=2, **place.given)
    assert found == []
    assert said in str(e.value) and '\n' not in str(e.value)
    assert [*out.iterdir()] == []


def test_images_of_the_machine_are_not_shown(tmp_path, capsys):
    place = make(tmp_path)
    place.change('run/results.json', images=str(place.data / 'images'))
    del place.given['images']
    write_report([str(place.run)], tmp_path / 'out', replicates=2, **place.given)
    assert 'data:image/jpeg' not in (tmp_path / 'out/index.html').read_text()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('warning: run: images of results.json: ')
    assert line.endswith(
        'lies outside of its folder: to show some, give it with --images'
    )


def test_links_in_the_place_of_a_report(tmp_path):
    """What a report replaces is the link, and not what it leads to."""
    place = make(tmp_path)
    (place.run / 'index.html').symlink_to(place.secret / 'text')
    (place.run / 'report_data').symlink_to(place.secret)
    write_report([str(place.run)], place.run, replicates=2, **place.given)
    assert (place.secret / 'text').read_text() == MARK
    assert (place.run / 'report_data/summary.json').is_file()
    assert not (place.secret / 'summary.json').exists()


def test_what_lies_outside_is_seen(tmp_path):
    """The watch, on what it is there for."""
    place = make(tmp_path)
    (place.run / 'a.py').write_text('b = 1')
    place.link('run/link', 'secret/text')
    with watched(place.run, place.data) as found:
        (place.data / 'ann.json').read_text()
        assert found == []
        (place.secret / 'text').read_text()
        (place.run / 'link').read_text()
        exec(compile('b = 1', str(place.run / 'a.py'), 'exec'))
        subprocess.run(['true'])
    (place.secret / 'text').read_text()
    kinds = [line.split()[0] for line in found]
    assert kinds[:2] == ['opened', 'opened'] and kinds[2] == 'ran'
    assert 'subprocess.Popen' in kinds


def names_in(tmp_path, trick: str):
    place = make(tmp_path)
    CLASSES[trick][0](place)
    run = place.run.rename(tmp_path / '=1|2 <b>`x`')
    write_report([str(run)], tmp_path / 'out', replicates=2, **place.given)
    return tmp_path / 'out'


def test_names_in_the_page(tmp_path):
    page = (names_in(tmp_path, 'page') / 'index.html').read_text()
    assert SCRIPT not in page and '<b>`x`' not in page
    assert '&lt;script&gt;alert(1)&lt;/script&gt;' in page
    assert not re.search(r'<[^>]*"onload=', page)


def test_names_in_the_tables(tmp_path):
    out = names_in(tmp_path, 'spreadsheet')
    cells = [
        cell
        for path in (out / 'report_data').glob('*.csv')
        for row in csv.reader(path.open())
        for cell in row
    ]
    assert "'" + FORMULA in cells and "'@SUM(1)" in cells and "'=1|2 <b>`x`" in cells
    for cell in cells:
        assert cell[:1] not in '=@\t\r' or not cell
        assert cell[:1] not in '+-' or not cell or float(cell) <= 0


def test_names_in_markdown(tmp_path):
    """By markdown-it, a reader of Markdown: each name is text of a cell, no more."""
    markdown_it = pytest.importorskip('markdown_it')
    text = (names_in(tmp_path, 'Markdown') / 'report.md').read_text()
    reader = markdown_it.MarkdownIt('gfm-like', dict(linkify=False))
    tokens = reader.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    kinds = {'text', 'strong_open', 'strong_close', 'text_special', 'softbreak'}
    assert {token.type for token in inline} <= kinds
    assert not {'html_block', 'hr', 'fence', 'code_block', 'bullet_list_open'} & {
        token.type for token in tokens
    }
    cells = [
        ''.join(child.content for child in token.children)
        for token in tokens
        if token.type == 'inline'
    ]
    assert LINK in cells and '# x | y ---' in cells and '=1|2 <b>`x`' in cells
