"""Campaigns that are stopped or killed, and runs that are pre-empted."""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from small_campaign import (
    BOTH_WAIT,
    here,
    make_rows,
    plan_of,
    run,
    starts,
    tools,
    wait_for,
)

from eca_mm.campaign import drive, notes
from eca_mm.campaign.status import status_of
from eca_mm.checkpoints.safe import load_file
from eca_mm.engine import RunStopped


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_runs_cleanly(tmp_path, number):
    rows = make_rows(tmp_path, **BOTH_WAIT)

    def show(runs):
        if all((one.folder / 'last_checkpoint').exists() for one in runs):
            show.told = getattr(show, 'told', 0) or os.kill(os.getpid(), number) or 1

    with pytest.raises(RunStopped) as stop:
        run(tmp_path, rows, show=show)
    assert stop.value.status == 128 + number
    assert str(stop.value) == (
        f'by {signal.Signals(number).name}: 0 of 2 runs are done; the same command '
        'continues'
    )
    runs = plan_of(tmp_path / 'out', rows, (0,)).runs()
    for one in runs:
        assert notes.of_job(one)['status'] == 143
        assert status_of(one).note == 'was interrupted, continues'
        saved = (one.folder / 'last_checkpoint').read_text()
        assert 0 < load_file(saved)['meta']['iter'] <= 3
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_two_signals_at_once_reach_the_runs(tmp_path):
    """Both before the campaign looks: it ends, and the runs save and end as well."""
    rows = make_rows(tmp_path, **BOTH_WAIT)
    plan = plan_of(tmp_path / 'out', rows, (0,))
    driver = drive.Driver(plan, plan.runs(), here(), tools(tmp_path))
    while driver.waiting:
        driver.start(driver.waiting.pop(0))
    runs = driver.runs
    wait_for(lambda: all((one.folder / 'last_checkpoint').exists() for one in runs))
    driver.hear(signal.SIGINT, None)
    with pytest.raises(RunStopped, match='they save, and end on their own'):
        driver.hear(signal.SIGINT, None)
    wait_for(lambda: not any(map(driver.is_alive, runs)))
    assert [notes.of_job(one)['status'] for one in runs] == [143, 143]


def test_a_run_whose_controller_is_gone_is_told(tmp_path):
    """submitit's controller forwards signals; without it the job itself is told."""
    rows = make_rows(tmp_path, **BOTH_WAIT)
    plan = plan_of(tmp_path / 'out', rows, (0,))
    driver = drive.Driver(plan, plan.runs()[:1], here(), tools(tmp_path))
    (one,) = driver.runs
    driver.start(driver.waiting.pop(0))
    wait_for((one.folder / 'last_checkpoint').exists)
    os.kill(int(driver.at_work[one].job_id), signal.SIGKILL)
    wait_for(driver.at_work[one].done)
    assert driver.is_alive(one)
    assert driver.tell() == [one]
    wait_for(lambda: not driver.is_alive(one))
    assert notes.of_job(one)['status'] == 143


def test_runs_of_a_killed_campaign_are_taken_over(tmp_path):
    """They are at work when the next campaign begins: it waits, and repeats nothing."""
    rows = make_rows(tmp_path, **BOTH_WAIT)
    folder = tmp_path / 'out'
    plan = plan_of(folder, rows, (0,))
    gone = drive.Driver(plan, plan.runs(), here(), tools(tmp_path))
    while gone.waiting:
        gone.start(gone.waiting.pop(0))
    wait_for(lambda: all((one.folder / 'starts.txt').exists() for one in gone.runs))
    assert [status_of(one).state for one in gone.runs] == ['running', 'running']
    after = drive.Driver(plan, plan.runs(), here(), tools(tmp_path))
    assert after.at_work == dict.fromkeys(plan.runs()) and after.free == []
    for one in plan.runs():
        (one.folder / 'fixed').touch()
    after.drive(lambda runs: None)
    assert set(after.done) == set(plan.runs())
    assert [starts(one) for one in plan.runs()] == [['0'], ['0']]


def test_submitit_requeues_a_pre_empted_job(tmp_path):
    """SIGUSR2, as before a time limit: the run saves, and the same job continues."""
    rows = make_rows(tmp_path, **BOTH_WAIT)
    plan = plan_of(tmp_path / 'out', rows[:1], (0,))
    driver = drive.Driver(plan, plan.runs(), here(), tools(tmp_path))
    (one,) = driver.runs
    driver.start(driver.waiting.pop())
    handle = driver.at_work[one]
    wait_for(lambda: (one.folder / 'iter_2.pth').exists())
    os.kill(task_of(one.job), signal.SIGUSR2)
    driver.drive(lambda runs: None)
    assert driver.done == [one] and driver.failures == {}
    assert starts(one) == ['0', '3']
    assert notes.own(one)['job_id'] == handle.job_id  # not submitted a second time


def task_of(folder) -> int:
    """The process in which submitit works on a local job."""
    words = (b'submitit.core._submit', os.fsencode(folder))
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        with suppress(OSError):  # it has ended
            if path.read_bytes().split(b'\0')[-3:-1] == [*words]:
                return int(path.parent.name)
    raise AssertionError(f'no task of {folder}')


def test_signals_are_left_alone_in_a_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(list(enter())))
    thread.start()
    thread.join()
    assert found == [[1]]


def enter():
    with drive.heard(lambda number, frame: None):
        yield 1
