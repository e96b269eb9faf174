import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture
def study(repo, monkeypatch):
    monkeypatch.syspath_prepend(repo / 'projects/digits')
    import study

    return study


NONE = dict(run='none', figure='AP', value=0.3, low=0.28, high=0.32, images=50, seeds=2)
ECA = dict(
    run='ECA', figure='AP', value=0.35, low=0.33, high=0.37, images=50, seeds=2,
    difference_value=0.05, difference_low=0.01, difference_high=0.09,
    difference_p=0.02, p_adjusted=0.04, mark='better',
)  # fmt: skip


@pytest.fixture
def report(tmp_path):
    """What a campaign's report says of AP, and of another figure."""
    other = dict(ECA, figure='AP50', value=0.9)
    (tmp_path / 'report_data').mkdir()
    with (tmp_path / 'report_data/scores_bbox.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, ECA)
        writer.writeheader()
        writer.writerows([NONE, ECA, other])
    return tmp_path


def test_table_says_what_the_report_says(study, report):
    none, eca = study.read_scores(report)
    known = dict(params=1.5, gflops=0.25)
    cells = study.as_cells(none | known)
    assert cells == ['none', '1.500', '0.2500', '30.0 (28.0 to 32.0)', '', '', '']
    difference = ['+5.0 (+1.0 to +9.0)', 'p 0.040', 'better']
    assert study.as_cells(eca | known)[4:] == difference


def test_picture_shows_runs_intervals_and_the_mark(study, report):
    rows = study.read_scores(report)
    aps = dict(none=(0.29, 0.31), ECA=(0.34, 0.36))
    runs = [dict(method=name, AP=ap) for name, pair in aps.items() for ap in pair]
    scores, differences = study.draw(runs, rows).axes
    shown = [spots.get_offsets().tolist() for spots in scores.collections[::2]]
    assert np.allclose(shown, [[[0, 29], [0, 31]], [[1, 34], [1, 36]]])
    (dot, *_), *_ = differences.containers
    assert dot.get_xydata().tolist() == [[1, 5]]
    assert dot.get_markerfacecolor() == 'black'
    rows[1]['mark'] = ''
    (dot, *_), *_ = study.draw(runs, rows).axes[1].containers
    assert dot.get_markerfacecolor() == 'white'


@pytest.mark.slow
def test_study_runs_and_keeps_what_is_finished(repo, tmp_path):
    data, out = tmp_path / 'data', tmp_path / 'out'
    digits = repo / 'projects/digits'
    build = [digits / 'build.py', '--out', data, '--size', 64]
    ann_file = data / 'annotations/instances_val.json'
    splits = ('train', 'val', 'test')
    options = [
        *(f'{s}_dataloader.dataset.data_root={data}/' for s in splits),
        *(f'{s}_evaluator.ann_file={ann_file}' for s in splits[1:]),
        'train_dataloader.batch_size=2', 'train_cfg.max_iters=4',
        'train_cfg.val_interval=4', 'param_scheduler.0.total_steps=4',
        'default_hooks.logger.interval=1', 'model.test_cfg.rcnn.score_thr=0.001',
    ]  # fmt: skip
    command = [
        digits / 'study.py', '--seeds', 2, '--methods', 'none', 'ECA',
        '--out', out, '--cfg-options', *options,
    ]  # fmt: skip

    def call(*command) -> str:
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip
        logs = '\n'.join(path.read_text()[-2000:] for path in out.rglob('run.log'))
        assert done.returncode == 0, done.stderr + logs
        return done.stdout

    call(*build, '--train', 4, '--val', 2)
    call(*command)
    runs = [out / 'runs' / m / f'seed_{s}' for m in ('none', 'ECA') for s in (0, 1)]
    results = [json.loads((run / 'results.json').read_text()) for run in runs]
    assert [r['seed'] for r in results] == [0, 1, 0, 1]
    with (out / 'study.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [(row['method'], row['seed']) for row in rows] == [
        ('none', '0'), ('ECA', '0'), ('none', '1'), ('ECA', '1'),
    ]  # fmt: skip
    assert all(float(row['cpu_seconds']) > 0 for row in rows)
    assert (out / 'study.png').stat().st_size > 0
    logs = sorted(out.glob('jobs/*/*/run.log'))
    before = [os.stat(log).st_mtime_ns for log in logs]
    assert '| ECA |' in call(*command)
    assert [os.stat(log).st_mtime_ns for log in logs] == before and len(logs) == 4


def test_wrong_arguments(repo):
    done = subprocess.run(
        [sys.executable, repo / 'projects/digits/study.py', '--seeds', '1'],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert '--seeds 1' in done.stderr and len(done.stderr.splitlines()) == 1
