import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def study(repo, monkeypatch):
    monkeypatch.syspath_prepend(repo / 'projects/digits')
    import study

    return study


def fake_run(method, seed, box, mask) -> dict:
    return dict(method=method, seed=seed, bbox_AP=box, segm_AP=mask, seconds=1.0)


def test_mean_interval_and_p_by_hand(study, monkeypatch):
    """Two seeds: their mean, and t(0.975, 1 degree) = 12.706 times half the gap."""
    monkeypatch.setattr(study, 'complexity_of', lambda m: dict(params=1, gflops=1))
    runs = [
        fake_run('none', 0, 0.10, 0.30), fake_run('none', 1, 0.12, 0.30),
        fake_run('ECA', 0, 0.20, 0.31), fake_run('ECA', 1, 0.22, 0.29),
    ]  # fmt: skip
    none, eca = study.summarise(runs, ['none', 'ECA'])
    assert none['bbox'] == pytest.approx(11) and eca['bbox'] == pytest.approx(21)
    assert eca['bbox ±'] == pytest.approx(12.706, abs=0.01)
    # Welch: t = 10 / sqrt(1 + 1) = 7.07 with 2 degrees of freedom: p = 0.019
    assert eca['bbox p'] == pytest.approx(0.0194, abs=1e-3)
    assert eca['segm p'] == pytest.approx(1)
    assert 'bbox p' not in none


@pytest.mark.slow
def test_study_runs_and_keeps_what_is_finished(repo, tmp_path):
    data, out = tmp_path / 'data', tmp_path / 'out'
    digits = repo / 'projects/digits'
    build = [digits / 'build.py', '--out', data, '--train', 4, '--val', 2]
    ann_file = data / 'annotations/instances_val.json'
    loaders = [f'{split}_dataloader' for split in ('train', 'val', 'test')]
    options = [
        *(f'{loader}.dataset.data_root={data}/' for loader in loaders),
        *(f'{loader}.num_workers=0' for loader in loaders),
        *(f'{loader}.persistent_workers=False' for loader in loaders),
        *(f'{s}_evaluator.ann_file={ann_file}' for s in ('val', 'test')),
        'train_dataloader.batch_size=2', 'train_cfg.max_epochs=1',
        'default_hooks.logger.interval=1', 'model.test_cfg.rcnn.score_thr=0.001',
    ]  # fmt: skip
    command = [
        digits / 'study.py', '--seeds', 2, '--methods', 'none', 'ECA', '--jobs', 2,
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

    call(*build)
    call(*command)
    runs = [out / 'runs' / m / f'seed_{s}' for m in ('none', 'ECA') for s in (0, 1)]
    results = [json.loads((run / 'results.json').read_text()) for run in runs]
    assert [r['seed'] for r in results] == [0, 1, 0, 1]
    assert len((out / 'study.csv').read_text().splitlines()) == 1 + 4
    assert (out / 'study.png').stat().st_size > 0
    logs = sorted(out.glob('jobs/*/*/run.log'))
    before = [os.stat(log).st_mtime_ns for log in logs]
    assert '± ' in call(*command)
    assert [os.stat(log).st_mtime_ns for log in logs] == before and len(logs) == 4


def test_wrong_arguments(repo):
    done = subprocess.run(
        [sys.executable, repo / 'projects/digits/study.py', '--seeds', '1'],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert '--seeds 1' in done.stderr and len(done.stderr.splitlines()) == 1
