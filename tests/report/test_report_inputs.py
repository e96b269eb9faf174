"""Wrong requests to tools/report.py: status 2, one line, and nothing half-written."""

import json
import sys
from pathlib import Path

import pytest
from report_runs import make_file, make_truth, make_work_dir

from eca_mm.cli import run_command


@pytest.fixture(scope='module')
def root(tmp_path_factory) -> Path:
    """A data set with a result file, and a finished work dir."""
    root = tmp_path_factory.mktemp('inputs')
    coco = make_truth(root, images=6)
    make_file(root, coco, 'good', 1)
    make_work_dir(root, coco, 'run', 2, 'a.py')
    return root


@pytest.fixture
def call(root, monkeypatch, capsys):
    """Run the tool in ``root``; returns its status and the lines on stderr."""
    monkeypatch.chdir(root)

    def run(*arguments) -> tuple[int, list[str]]:
        monkeypatch.setattr(sys, 'argv', ['report.py', *map(str, arguments)])
        status = run_command('report')
        return status, capsys.readouterr().err.splitlines()

    return run


def changed(**values):
    """Change a detection of the good file."""

    def change(rows: list[dict]) -> None:
        rows[3].update(values)

    return change


BAD_RESULTS = {
    'unknown image': (changed(image_id=10**9), 'image_id 1000000000'),
    'unknown class': (changed(category_id=77), 'category_id 77'),
    'odd image': (changed(image_id=[1]), 'image_id [1], which the annotations lack'),
    'text image': (changed(image_id='1'), "image_id '1', which the annotations lack"),
    'NaN score': (changed(score=float('nan')), 'result 3 has score nan'),
    'text score': (changed(score='high'), "result 3 has score 'high', which is not a"),
    'short box': (
        changed(bbox=[1, 2, 3]),
        'result 3 has bbox [1, 2, 3], which is not 4',
    ),
    'no box': (lambda rows: rows[3].pop('bbox'), 'result 3 has no bbox'),
    'no score': (lambda rows: rows[3].pop('score'), 'result 3 has no score'),
    'no dict': (lambda rows: rows.__setitem__(0, 5), 'not in COCO result format'),
}

FAR = [[1, 1, 1e9, 5, 9, 9]]
RUNS = dict(size=[10**6, 10**6], counts=[10**12])
for name, value, why in (
    ('far polygon', FAR, 'reaches far out of its image'),
    ('polygon of text', [['1', 2, 3, 4, 5, 6]], 'is no mask'),
    ('runs of 10^12 pixels', RUNS, 'is no mask'),
    ('runs beyond the image', RUNS | dict(counts=[10**9]), 'do not fill its image'),
    ('empty mask', {}, 'is no mask'),
):

    def with_masks(rows: list[dict], value=value) -> None:
        for row in rows:
            x, y, w, h = row['bbox']
            row['segmentation'] = [[x, y, x + w, y, x + w, y + h]]
        rows[3]['segmentation'] = value

    BAD_RESULTS[name] = with_masks, f'result 3 has segmentation {str(value)[:20]}'
    BAD_RESULTS[f'{name}, why'] = with_masks, why


@pytest.mark.parametrize('case', BAD_RESULTS)
def test_wrong_results(root, tmp_path, call, case):
    change, said = BAD_RESULTS[case]
    rows = json.loads((root / 'good.json').read_text())
    change(rows)
    path = tmp_path / 'bad.json'
    path.write_text(json.dumps(rows))
    status, lines = call(
        'good=good.json', f'bad={path}', '--ann', 'ann.json', '--out', tmp_path / 'out'
    )
    assert (status, len(lines)) == (2, 1)
    assert lines[0].startswith('error: ') and said in lines[0]
    assert str(path) in lines[0]
    assert [p.name for p in tmp_path.iterdir()] == ['bad.json']


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['a=good.json'], 'no annotation file known: give it with --ann'),
        (['a=good.json', '--ann', 'absent.json'], 'absent.json not found'),
        (['a=good.json', '--ann', 'good.json'], 'good.json is not in COCO format'),
        (['a=good.json', '--ann', 'pictures'], 'pictures not found'),
        (['a=ann.json', '--ann', 'ann.json'], 'not in COCO result format'),
        (['a=absent.json', '--ann', 'ann.json'], 'absent.json not found'),
        (['pictures'], 'work dir pictures has no results: run tools/test.py'),
        (['a=good.json', 'a=run', '--ann', 'ann.json'], 'two runs are called a'),
        (
            ['a=good.json', 'run', '--baseline', 'b'],
            '--baseline b: the runs are a, run',
        ),
        (['run', '--out', 'ann.json'], 'ann.json is a file'),
        (['run', '--images', 'absent'], 'image folder absent not found'),
        (['run'], 'ann.json, outside of its work dir: if the work dir is yours, give'),
        (['fact=run'], 'no run can be called fact'),
    ],
)
def test_wrong_requests(root, tmp_path, call, arguments, said):
    before = sorted(root.rglob('*'))
    if '--out' not in arguments:
        arguments = [*arguments, '--out', str(tmp_path / 'out')]
    status, lines = call(*arguments)
    assert (status, len(lines)) == (2, 1)
    assert said in lines[0]
    assert sorted(root.rglob('*')) == before and not list(tmp_path.iterdir())


@pytest.mark.parametrize('option', ['--replicates=0', '--seed=-1', '--replicates=x'])
def test_wrong_numbers(call, option):
    with pytest.raises(SystemExit) as stop:
        call('run', option)
    assert stop.value.code == 2


@pytest.mark.parametrize(
    ('name', 'text', 'said'),
    [
        ('results.json', '{"coco"', 'is not a record of an evaluation'),
        ('results.json', '[]', 'is not a record of an evaluation'),
        ('predictions.bbox.json', '[{"ima', 'is not valid JSON'),
    ],
)
def test_a_work_dir_that_is_half_written(root, call, tmp_path, name, text, said):
    folder = tmp_path / 'half'
    folder.mkdir()
    for path in (root / 'run').glob('*.json'):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / name).write_text(text)
    before = sorted(folder.iterdir())
    status, lines = call(folder, '--ann', 'ann.json')
    assert (status, len(lines)) == (2, 1) and said in lines[0]
    assert sorted(folder.iterdir()) == before


def test_runs_of_different_data(root, call, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    for path in (root / 'run').glob('*.json'):
        (other / path.name).write_bytes(path.read_bytes())
    record = json.loads((other / 'results.json').read_text())
    for change, given, said in (
        (dict(annotations='elsewhere.json'), (), 'the runs were evaluated on'),
        (dict(classes=['cat']), ('--ann', 'ann.json'), 'not have the same classes'),
    ):
        (other / 'results.json').write_text(json.dumps(record | change))
        status, lines = call('run', other, *given, '--out', tmp_path / 'out')
        assert (status, len(lines)) == (2, 1) and said in lines[0]


def test_a_report_in_place_survives_what_fails(root, call, tmp_path, monkeypatch):
    out = tmp_path / 'out'
    request = ('good=good.json', '--ann', 'ann.json', '--out', out, '--replicates', 2)
    assert call(*request)[0] == 0
    (out / 'mine.txt').write_text('kept')
    before = {p: p.read_bytes() for p in out.rglob('*') if p.is_file()}
    assert {'index.html', 'report.md', 'mine.txt'} <= {p.name for p in out.iterdir()}

    assert call('bad=ann.json', 'run', '--out', out)[0] == 2
    monkeypatch.setattr('eca_mm.report.page.cell_text', lambda cell: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call(*request)
    assert {p: p.read_bytes() for p in out.rglob('*') if p.is_file()} == before

    monkeypatch.setattr('eca_mm.report.page.cell_text', str)
    (out / 'report_data/old.csv').write_text('of an older report')
    assert call(*request)[0] == 0
    assert not (out / 'report_data/old.csv').exists()
    assert (out / 'mine.txt').read_text() == 'kept'


def test_one_work_dir_gets_its_report_itself(root, call):
    data = ('--ann', 'ann.json', '--images', 'pictures')
    assert call('run', *data, '--replicates', '2') == (0, [])
    assert (root / 'run/index.html').is_file()
    # what the run left is as it was
    assert json.loads((root / 'run/results.json').read_text())['iteration'] == 40


@pytest.mark.parametrize('name', ['bad.json', 'ann.json'])
def test_files_nested_too_deeply(root, tmp_path, call, name):
    """Deeper than COCO's format by far, and less deep than what stops the parser."""
    files = {'bad.json': root / 'good.json', 'ann.json': root / 'ann.json'}
    files[name] = tmp_path / name
    files[name].write_text('[' * 300 + ']' * 300)
    request = ('a=' + str(files['bad.json']), '--ann', files['ann.json'])
    status, lines = call(*request, '--out', tmp_path / 'out')
    assert (status, len(lines)) == (2, 1) and 'nested too deeply' in lines[0]


def test_nothing_found_is_compared_and_a_broken_picture_left_out(root, call, tmp_path):
    (tmp_path / 'nothing.json').write_text('[]')
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    names = sorted(path.name for path in (root / 'pictures').iterdir())
    for name in names:
        content = (root / 'pictures' / name).read_bytes()
        (pictures / name).write_bytes(content[:90] if name == names[2] else content)
    status, lines = call(
        'good=good.json', f'nothing={tmp_path / "nothing.json"}', '--ann', 'ann.json',
        '--images', pictures, '--out', tmp_path / 'out', '--replicates', 2,
    )  # fmt: skip
    assert status == 0
    said = [line for line in lines if line.startswith('warning: ')]
    nothing, broken = sorted(said, reverse=True)
    assert nothing == 'warning: nothing: nothing was detected (box)'
    assert broken.startswith(f'warning: Images that are not shown: {names[2]}: not a ')
    page = (tmp_path / 'out/index.html').read_text()
    assert f'Images that are not shown: {names[2]}: not a ' in page
    assert page.count('data:image/jpeg') == 2 * (len(names) - 1)
    report = (tmp_path / 'out/report.md').read_text()
    assert 'nothing: nothing was detected (box)' in report
    (row,) = [li for li in report.splitlines() if li.startswith('| nothing | 0.0')]
    assert row.count('0.0 (') == 7
