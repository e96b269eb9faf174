"""How far a campaign is, from its files alone: as text, table and JSON."""

import fcntl
import io
import json
import os
import sys
import time
from pathlib import Path

import pytest
from mmengine.hooks import LoggerHook
from rich.console import Console
from small_campaign import make_rows, plan_of

from eca_mm.campaign import job, notes
from eca_mm.campaign.show import Screen, duration, line_of, table_of
from eca_mm.campaign.status import PROGRESS, as_dict, progress, read_status, status_of

sys.path.insert(0, str(Path(__file__).parents[1] / 'engine'))
from small_run import small_runner  # noqa: E402

EPOCHS = (
    '2026/11/27 10:00:00 - mmengine - INFO - Epoch(train)  [{epoch}][{now}/100]  '
    'lr: 1.0e-03  eta: {eta}  time: 0.5  data_time: 0.01  loss: 1.5\n'
)


@pytest.fixture
def plan(tmp_path):
    plan = plan_of(tmp_path / 'out', make_rows(tmp_path))
    plan.folder.mkdir()
    plan.write()
    for run in plan.runs():
        run.job.mkdir(parents=True)
    return plan


@pytest.fixture
def in_all_states(plan):
    """none: done, running, failed; eca: interrupted, queued on Slurm, waiting."""
    done, interrupted, running, queued, failed, _ = plan.runs()
    notes.write(done.folder / notes.FINISHED, dict(digest='d'))
    coco = dict(bbox=dict(AP=0.3744), segm=dict(AP=0.3))
    (done.folder / 'results.json').write_text(json.dumps(dict(coco=coco)))
    notes.write(interrupted.job / job.NOTE, dict(stage='train', status=143, words='x'))
    notes.update(interrupted, executor='local', job_id='1')
    notes.update(queued, executor='slurm', job_id='77')
    notes.update(failed, failed='status 1: RuntimeError: no room')
    notes.write(running.job / job.NOTE, dict(stage='train', host=os.uname().nodename))
    log = EPOCHS.format(epoch=1, now=' 50', eta='0:09:00')
    log += EPOCHS.format(epoch=2, now=' 40', eta='1:02:03') + 'some other line\n'
    (running.job / job.LOG).write_text(log)
    with open(running.job / job.LOCK, 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield plan


def test_lines(in_all_states):
    lines = [line_of(status) for status in read_status(in_all_states.folder)]
    assert lines == [
        'none, seed 0: done, bbox AP 37.4, segm AP 30.0',
        'eca, seed 0: waiting: was interrupted, continues',
        'none, seed 1: running: epoch 2, 40/100, 1 h 02 min left',
        'eca, seed 1: waiting: Slurm job 77',
        'none, seed 2: failed: status 1: RuntimeError: no room',
        'eca, seed 2: waiting',
    ]


def test_table(in_all_states):
    screen = Console(file=io.StringIO(), width=100)
    screen.print(table_of(read_status(in_all_states.folder)))
    text = screen.file.getvalue()
    cells = [
        [cell.strip() for cell in line.split('│')[1:-1]]
        for line in text.splitlines()
        if line.startswith('│')
    ]
    assert cells == [
        ['none', '37.4 / 30.0', 'epoch 2, 40/100, 1 h 02 min left', 'failed'],
        ['eca', 'interrupted', 'waiting', 'waiting'],
    ]
    assert '1 done, 1 running, 3 waiting, 1 failed' in text
    assert 'none, seed 2: failed: status 1: RuntimeError: no room' in text


def test_json(in_all_states):
    found = as_dict(in_all_states.folder, read_status(in_all_states.folder))
    found = json.loads(json.dumps(found))
    assert found['counts'] == dict(done=1, running=1, waiting=3, failed=1)
    runs = {(run['row'], run['seed']): run for run in found['runs']}
    assert runs['none', 0]['scores'] == dict(bbox=37.44, segm=30)
    assert 3700 < runs['none', 1]['eta'] <= 3723


@pytest.mark.parametrize(
    ('line', 'where', 'left'),
    [
        (EPOCHS.format(epoch=12, now='100', eta='1 day, 0:00:01'), 'epoch 12, 100/100',
         86401),
        (EPOCHS.format(epoch=1, now='  1', eta='2 days, 10:00:00'), 'epoch 1, 1/100',
         208800),
        ('Iter(train) [   300/90000]  lr: 1  eta: 0:00:59  time: 1', '300/90000', 59),
        ('Epoch(val) [1][ 10/20]    eta: 0:00:01  time: 1', 'train', None),
        ('', 'train', None),
    ],
)  # fmt: skip
def test_progress(plan, line, where, left):
    run = plan.runs()[0]
    assert progress(run) == ('start', None)
    notes.write(run.job / job.NOTE, dict(stage='train'))
    (run.job / job.LOG).write_text(line)
    found, eta = progress(run)
    assert found == where and (eta is None) == (left is None)
    assert left is None or left - 10 < eta <= left
    notes.write(run.job / job.NOTE, dict(stage='test'))
    assert progress(run) == ('test', None)


def test_progress_of_what_mmengine_writes(tmp_path):
    """The line is mmengine's own, and not what this test takes it for."""
    runner = small_runner(tmp_path, hooks=[LoggerHook(interval=2)])
    for teller in (runner.logger, *runner.logger.handlers):
        teller.setLevel('INFO')
    runner.train()
    (log,) = tmp_path.glob('*/*.log')
    found = [
        tuple(m.group('epoch', 'now', 'all'))
        for m in PROGRESS.finditer(log.read_text())
    ]
    wanted = [(str(epoch), now, '4') for epoch in (1, 2, 3) for now in ('2', '4')]
    assert sorted(set(found)) == wanted


def test_a_run_elsewhere_lives_while_it_prints(plan):
    """Its lock may not be seen from here."""
    run = plan.runs()[0]
    notes.write(run.job / job.NOTE, dict(stage='train', host='node7'))
    (run.job / job.LOG).touch()
    assert status_of(run).state == 'running'
    os.utime(run.job / job.LOG, (time.time() - 300,) * 2)
    assert status_of(run).state == 'waiting'
    (run.job / job.LOG).touch()
    notes.write(
        run.job / job.NOTE, dict(stage='train', host='node7', status=1, words='')
    )
    assert status_of(run).state == 'waiting'
    notes.write(run.job / job.NOTE, dict(stage='train', host=os.uname().nodename))
    assert status_of(run).note == 'was interrupted, continues'  # killed, here


def test_a_screen_without_a_terminal_tells_changes_once(plan, capsys):
    run = plan.runs()[0]
    screen = Screen()
    with screen:
        screen.show([run])
        for words in ('no room', 'no room', 'no disk'):
            notes.update(run, failed=words)
            screen.show([run])
    lines = [line.partition(' ')[2] for line in capsys.readouterr().out.splitlines()]
    assert lines == ['none, seed 0: failed: no room', 'none, seed 0: failed: no disk']


@pytest.mark.parametrize(
    ('seconds', 'text'),
    [(0.4, '0 min 00 s'), (59.6, '1 min 00 s'), (3599, '59 min 59 s'),
     (3600, '1 h 00 min'), (93784, '26 h 03 min')],
)  # fmt: skip
def test_duration(seconds, text):
    assert duration(seconds) == text
