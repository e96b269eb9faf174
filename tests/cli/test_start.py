"""Commands that answer before torch or MMDetection is imported."""

import json

import pytest

from eca_mm.cli import COMMANDS

CONFIG = 'eca_mm::eca_faster_rcnn_r50.py'
WRONG = {
    'train absent.py': 'config absent.py not found',
    'train eca_mm::absent.py': 'config eca_mm::absent.py not found',
    'train nobody::absent.py': "'nobody' is no installed package",
    f'train {CONFIG} --cfg-options a=1 b': '--cfg-options b: give KEY=VALUE',
    f'train {CONFIG} --resume absent.pth': 'checkpoint absent.pth not found',
    f'train {CONFIG} --processes 0': "argument --processes: '0' is no number from 1",
    f'test {CONFIG} absent.pth': 'checkpoint absent.pth not found',
    f'test {CONFIG} absent.pth --out a.txt': 'name must end in .pkl, .pickle, .json',
    'check absent.py': 'config absent.py not found',
    'infer absent.pth a.png': 'checkpoint absent.pth not found',
    'infer a.pth a.png --batch 0': '--batch 0: give at least 1',
    'report absent': 'absent not found: a run is a work dir',
    'report a --replicates 1': '--replicates must be at least 2',
    'compare': 'give --rows, --table or --detector',
    'compare --rows eca_fast_rcnn_r50': "did you mean 'eca_faster_rcnn_r50'?",
    'compare --status --out absent': 'absent has no campaign',
    'convert ecanet://resnet50 out.pth': 'ecanet://resnet50: give a file',
    'convert absent.pth out.pth': 'checkpoint absent.pth not found',
    'complexity absent.py': 'config absent.py not found',
    f'complexity {CONFIG} --shape 8 8': '--shape [8, 8]: each side',
    'benchmark --providers theirs': "'theirs' is none of plain",
    'benchmark --level detector --config absent.py': 'config absent.py not found',
    'benchmark --paper-table 5': 'invalid choice: 5',
    f'visualize {CONFIG} absent.pth': 'checkpoint absent.pth not found',
    f'export {CONFIG} absent.pth out.onnx': 'checkpoint absent.pth not found',
    'trian': "invalid choice: 'trian'",
    '': 'give a command: train, test',
}


@pytest.mark.parametrize('name', ['', *COMMANDS])
def test_help(eca_mm, name):
    status, heavy, out, _ = eca_mm(*name.split(), '--help')
    assert (status, heavy) == (0, [])
    assert f'usage: eca-mm {name}'.strip() in out
    assert 'python tools/' not in out
    told = [name] if name else [f'  {n:<11} {text}' for n, text in COMMANDS.items()]
    assert all(text in out for text in told)


@pytest.mark.parametrize('words', WRONG)
def test_wrong_requests(eca_mm, tmp_path, words):
    status, heavy, out, error = eca_mm(*words.split())
    assert (status, heavy, out) == (2, [], '')
    assert WRONG[words] in error
    assert not any(tmp_path.iterdir())


def test_where_and_version(eca_mm, repo):
    assert eca_mm('--where')[:3] == (0, [], str(repo))
    status, heavy, out, _ = eca_mm('--version')
    assert (status, heavy) == (0, []) and out[0].isdigit()


def test_report_needs_no_mmdet(eca_mm, tmp_path):
    """From two files of detections to the page."""
    truth = dict(
        images=[dict(id=i, width=64, height=64, file_name=f'{i}.png') for i in (1, 2)],
        categories=[dict(id=1, name='thing')],
        annotations=[
            dict(id=i, image_id=i, category_id=1, bbox=[8, 8, 16, 16], area=256,
                 iscrowd=0)
            for i in (1, 2)
        ],
    )  # fmt: skip
    found = [dict(image_id=1, category_id=1, bbox=[8, 8, 16, 16], score=0.9)]
    (tmp_path / 'ann.json').write_text(json.dumps(truth))
    for name in 'ab':
        (tmp_path / f'{name}.json').write_text(json.dumps(found))
        found += [dict(found[0], image_id=2)]
    status, heavy, out, error = eca_mm(
        'report', 'a.json', 'b.json', '--ann', 'ann.json', '--out', 'page',
        '--replicates', 2,
    )  # fmt: skip
    assert status == 0, error
    assert 'mmdet' not in heavy
    # Half of the objects at precision 1: 51 of COCO's 101 points of recall.
    page = (tmp_path / 'page/report.md').read_text()
    assert '50.5' in page and '100.0' in page


def test_convert_refuses_a_file_without_mmdet(eca_mm, tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'no checkpoint')
    status, heavy, _, error = eca_mm('convert', 'a.pth', 'b.pth')
    assert status == 2 and 'mmdet' not in heavy
    assert error.startswith('error: ') and 'a.pth' in error


def test_what_the_requests_repeat():
    """Names that they have as constants, so as not to import those who know them."""
    from eca_mm import export
    from eca_mm.analysis import paper_columns
    from eca_mm.campaign.executors import OPENERS
    from eca_mm.campaign.plan import PLAN
    from eca_mm.checkpoints.layouts import LAYOUTS
    from eca_mm.cli import (
        compare_request,
        complexity,
        complexity_request,
        convert_request,
        export_request,
        test_request,
    )
    from eca_mm.evaluation.dump import SUFFIXES

    assert (*OPENERS,) == compare_request.EXECUTORS
    assert compare_request.PLAN == PLAN
    assert (*paper_columns.TABLES,) == complexity_request.TABLES
    assert (*complexity.FORMATS,) == complexity_request.FORMATS
    assert (*LAYOUTS,) == convert_request.LAYOUTS
    assert export_request.PACKAGES == export.PACKAGES
    assert (*SUFFIXES,) == test_request.SUFFIXES
