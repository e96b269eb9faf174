"""tools/compare.py as it is called: wrong requests, the dry run, the status."""

import json
import sys

import pytest
from small_campaign import STAND_IN, make_rows

from eca_mm.cli import compare as tool
from eca_mm.cli import run_command

CONFIG = """\
_base_ = 'mmdet::_base_/models/retinanet_r50_fpn.py'
model = dict(backbone=dict(depth=18, init_cfg=None), neck=dict(in_channels=[64, 128,
    256, 512]), bbox_head=dict(num_classes=3))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12)
data = dict(type='CocoDataset', data_root='data/', ann_file='train.json')
train_dataloader = dict(batch_size=2, num_workers=0, dataset=data)
test_dataloader = dict(dataset=dict(pipeline=[dict(type='Resize', scale=(64, 64))]))
default_hooks = dict(checkpoint=dict(type='SafeCheckpointHook', interval=1))
custom_hooks = [dict(type='ReportHook')]
"""


@pytest.fixture
def compare(repo, tmp_path, monkeypatch, capsys):
    """Call the tool in this process; returns status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*words) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', ['compare.py', *map(str, words)])
        try:
            status = run_command('compare')
        except SystemExit as end:  # argparse's
            status = end.code
        return status, *capsys.readouterr()

    call.tool = tool
    return call


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ([], 'give --rows, --table or --detector'),
        (['--table', 7], 'argument --table: invalid choice: 7'),
        (['--table', 5, '--detector', 'retinanet'], 'not allowed with'),
        (['--rows', 'nothing_like_it'], 'row nothing_like_it: no config of that name'),
        (['--table', 6, '--seeds', 0], '--seeds 0: give a number from 1'),
        (['--table', 6, '--seeds', 1, 1], '--seeds 1 1: give'),
        (['--table', 6, '--seeds', -1, 2], '--seeds -1 2: give'),
        (['--table', 6, '--jobs', -1], '--jobs -1: below 0'),
        (['--table', 6, '--gpus-per-run', 0], '--gpus-per-run 0: below 1'),
        (['--table', 6, '--time', 0, '--executor', 'slurm'], '--time 0: below 1'),
        (['--table', 6, '--partition', 'x'], 'are for --executor slurm'),
        (['--table', 6, '--executor', 'slurm', '--slurm', 'qos'], '--slurm qos: give'),
        (['--rows', 'nl_mask_rcnn_r50', '--cfg-options', 'a'], 'a: give KEY=VALUE'),
        (['--table', 6, '--dry-run', '--tflops', 0], '--tflops 0: give'),
        (['--status', '--out', 'absent'], 'absent has no campaign'),
        (['--table', 6, '--out', 'file'], 'file is not a folder'),
    ],
)
def test_wrong_requests(compare, tmp_path, words, said):
    (tmp_path / 'file').touch()
    status, out, err = compare(*words)
    assert status == 2 and out == ''
    assert said in err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ['file']


@pytest.fixture
def stand_ins(compare, monkeypatch):
    """The tool, with stand-ins for those that it calls."""
    used = compare.tool.Tools
    monkeypatch.setattr(compare.tool, 'Tools', lambda tools, cwd: used(STAND_IN, cwd))
    return compare


def test_a_campaign_to_its_report(stand_ins, tmp_path):
    """One run fails: status 1, the others are done and reported; status, JSON."""
    none, eca = make_rows(tmp_path, eca=dict(faults={(1, 2): 'fail'}))
    rows = ['--rows', none.config, f'ours={eca.config}', '--seeds', 2, '--jobs', 2]
    status, out, err = stand_ins(*rows, '--out', 'out')
    assert status == 1, err
    told = [line.partition(' ')[2] for line in out.splitlines()]
    assert 'ours, seed 1: failed: status 1: RuntimeError: no room on the card' in told
    assert any(line.startswith('none, seed 0: done, bbox AP ') for line in told)
    assert f'report: {tmp_path}/out/report/index.html' in out
    text = (tmp_path / 'out/report/report.md').read_text()
    assert 'none' in text and 'ours' in text
    status, out, _ = stand_ins('--status', '--out', 'out')
    assert status == 1 and len(out.splitlines()) == 4
    status, out, _ = stand_ins('--json', '--out', 'out')
    assert json.loads(out)['counts'] == dict(done=3, running=0, waiting=0, failed=1)
    (tmp_path / 'out/runs/ours/seed_1/fixed').touch()
    status, out, _ = stand_ins(*rows, '--out', 'out')
    assert status == 0 and 'ours, seed 1: done' in out


def test_dry_run(compare, tmp_path):
    """12 epochs of 1000 images of 64x64: hours by hand, from the GFLOPs shown."""
    (tmp_path / 'row.py').write_text(CONFIG)
    (tmp_path / 'data').mkdir()
    images = [dict(id=i) for i in range(1000)]
    (tmp_path / 'data/train.json').write_text(json.dumps(dict(images=images)))
    words = ['--rows', 'row.py', '--seeds', 5, '--dry-run', '--tflops', 0.001]
    status, out, err = compare(*words)
    assert status == 2 and 'to fix before this can run' in err  # it has no evaluator
    row = next(line for line in out.splitlines() if line.startswith('│ row '))
    name, runs, gflops, count, hours, all_hours, disk = (
        cell.strip() for cell in row.split('│')[1:-1]
    )
    assert (name, runs, count) == ('row', '5', '12,000')
    wanted = 6 * float(gflops) * 12_000 / 3600  # 0.001 TFLOP/s = 1 GFLOP/s
    assert float(hours) == pytest.approx(wanted, rel=0.02)
    assert float(all_hours) == pytest.approx(5 * float(hours), rel=0.01)
    assert 'at 0.001 TFLOP/s' in ' '.join(out.split())
    assert not (tmp_path / 'work_dirs').exists()
