"""Campaigns of stand-ins: what goes wrong stays with the run that it happens to."""

import json
import shutil
import subprocess
import sys
from functools import partial

import pytest
from small_campaign import here, make_rows, plan_of, run, starts

from eca_mm.campaign import notes
from eca_mm.campaign.outcome import report_runs
from eca_mm.campaign.status import status_of
from eca_mm.checkpoints.safe import load_file
from eca_mm.engine import RequestError
from eca_mm.engine.run_lock import only_run
from eca_mm.report.runs import ReportError


def test_a_failing_run_is_tried_once_more_and_stops_no_other(tmp_path):
    """none: fails always, and once; eca: is told to end once, and is killed once."""
    rows = make_rows(
        tmp_path, seeds=(0, 1),
        none=dict(faults={(0, 2): 'fail', (1, 3): 'fail_once'}),
        eca=dict(faults={(0, 1): 'term_once', (1, 4): 'kill_once'}),
    )  # fmt: skip
    runs, failed = run(tmp_path, rows, seeds=(0, 1))
    assert [str(one) for one in failed] == ['none, seed 0']
    found = {str(one): status_of(one) for one in runs}
    assert [status.state for status in found.values()] == [
        'failed', 'done', 'done', 'done',
    ]  # fmt: skip
    assert found['none, seed 0'].note == 'status 1: RuntimeError: no room on the card'
    assert [starts(one) for one in runs] == [
        ['0', '2'], ['0', '2'], ['0', '3'], ['0', '4'],
    ]  # fmt: skip
    (runs[0].folder / 'mended').touch()
    _, failed = run(tmp_path, rows, seeds=(0, 1))
    assert failed == [] and status_of(runs[0]).state == 'done'
    assert starts(runs[0]) == ['0', '2', '2']
    assert [len(starts(one)) for one in runs[1:]] == [2, 2, 2]  # not repeated


def test_pre_emption_is_no_failure(tmp_path):
    """Told to end three times: more than a run may fail."""
    faults = {(0, step): f'term_{step}_once' for step in (1, 2, 3)}
    rows = make_rows(tmp_path, seeds=(0,), none=dict(faults=faults))
    runs, failed = run(tmp_path, rows[:1])
    assert failed == [] and starts(runs[0]) == ['0', '2', '3', '4']


def test_ended_again_and_again_without_a_save_is_a_failure(tmp_path):
    """As by a limit of memory: nothing is saved; the first time may be bad luck."""
    rows = make_rows(tmp_path, seeds=(0,), none=dict(faults={(0, 0): 'end'}))
    runs, failed = run(tmp_path, rows[:1])
    assert failed == runs and starts(runs[0]) == ['0', '0', '0']
    assert status_of(runs[0]).note == 'ended by SIGTERM: stopped: by SIGTERM'


def test_a_config_that_is_edited_meanwhile_is_refused(tmp_path):
    rows = make_rows(tmp_path)

    def show(runs):
        with rows[0].config.open('a') as file:
            file.write('more = 1\n')

    with pytest.raises(RequestError, match='row none: .*none.py was edited'):
        run(tmp_path, rows[:1], seeds=(0, 1), show=show, jobs=1)


def test_the_first_row_is_what_the_others_are_compared_with(tmp_path):
    """Also where its first seed is not done; and there is no report without it."""
    rows = make_rows(tmp_path)
    runs, _ = run(tmp_path, rows, seeds=(0, 1))
    for one in runs[::2]:  # those of none
        (one.folder / notes.FINISHED).rename(one.folder / 'not yet')
        page = partial(report_runs, tmp_path / 'out', runs)
        if one is runs[0]:
            text = (page().parent / 'report.md').read_text()
            assert 'eca against none, box AP' in text
    with pytest.raises(ReportError, match='no run of none is done, which the others'):
        page()


def test_rows_of_two_data_sets_are_not_compared(tmp_path):
    runs, _ = run(tmp_path, make_rows(tmp_path))
    path = runs[1].folder / 'results.json'
    record = json.loads(path.read_text())
    other = tmp_path / 'other.json'
    shutil.copy(runs[1].folder / record['annotations'], other)
    path.write_text(json.dumps(record | dict(annotations=str(other))))
    with pytest.raises(ReportError, match=r'tested on .*ann.json and .*other.json: '):
        report_runs(tmp_path / 'out', runs)


def test_a_campaign_is_extended(tmp_path):
    rows = make_rows(tmp_path)
    (first,), _ = run(tmp_path, rows[:1])
    shutil.rmtree(first.job)  # the record is in the work dir
    runs, failed = run(tmp_path, rows, seeds=(0, 2))
    assert failed == [] and len(runs) == 4
    assert starts(first) == ['0'] and all(map(notes.finished, runs))
    last = [load_file(one.folder / 'iter_5.pth')['state_dict'] for one in runs]
    assert len({state['value'] for state in last}) == 4


def test_what_is_not_whole_is_not_finished(tmp_path):
    """The tool ends with status 0, without results; then with a spoilt checkpoint."""
    rows = make_rows(tmp_path, none=dict(evaluates=False))
    runs, failed = run(tmp_path, rows[:1])
    assert failed == runs
    assert 'the run ended, but' in status_of(runs[0]).note
    assert 'results.json' in status_of(runs[0]).note
    runs, _ = run(tmp_path, rows[1:])
    digest = plan_of(tmp_path / 'out', rows[1:]).digests['eca']
    (cfg,) = plan_of(tmp_path / 'out', rows[1:]).configs.values()
    assert notes.finish(runs[0], cfg, digest) == ''
    record = json.loads((runs[0].folder / 'results.json').read_text())
    (runs[0].folder / 'results.json').write_text(json.dumps(dict(record, iteration=4)))
    assert 'is not of its last checkpoint, iter_5.pth' in notes.finish(
        runs[0], cfg, digest
    )
    (runs[0].folder / 'results.json').write_text(
        json.dumps(dict(record, iteration=None, checkpoint='/x/iter_5.pth'))
    )
    assert notes.finish(runs[0], cfg, digest) == ''
    path = runs[0].folder / 'iter_5.pth'
    content = path.read_bytes()
    value = load_file(path)['state_dict']['value'].encode()
    assert value in content
    path.write_bytes(content.replace(value, value[::-1]))
    assert 'iter_5.pth is damaged' in notes.finish(runs[0], cfg, digest)


HOLD = """
import fcntl, os, sys
file = open(sys.argv[1], 'w')
fcntl.lockf(file, fcntl.LOCK_EX)
print(f'{{"pid": {os.getpid()}}}', file=file, flush=True)
print(flush=True)
sys.stdin.read()
"""


def test_a_second_campaign_is_refused(tmp_path):
    rows = make_rows(tmp_path)
    (tmp_path / 'out').mkdir()
    other = subprocess.Popen(
        [sys.executable, '-c', HOLD, tmp_path / 'out/.run.lock'], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    other.stdout.readline()
    with pytest.raises(RequestError) as error:
        run(tmp_path, rows)
    other.communicate()
    (line,) = error.value.args
    assert f'in use by another run (process {other.pid} on' in line
    assert line.endswith('wait for it, or name another --out')
    assert not (tmp_path / 'out/runs').exists()
    with only_run(tmp_path / 'out'):  # it has let go
        pass


def test_debug_executor_runs_here(tmp_path):
    rows = make_rows(tmp_path, none=dict(faults={(0, 1): 'fail'}))
    runs, failed = run(tmp_path, rows, executor='debug')
    assert failed == runs[:1] and notes.finished(runs[1])
    assert starts(runs[0]) == ['0', '1']


def test_side_by_side_on_their_own_gpus(tmp_path, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    monkeypatch.setattr('torch.cuda.device_count', lambda: 5)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '1,3,4,5,7')
    assert here(jobs=0, gpus=2).slots() == ['1,3', '4,5']
    with pytest.raises(RequestError, match='--jobs 3 of 2 GPU.* there are 5 on this'):
        here(jobs=3, gpus=2).slots()
    with pytest.raises(RequestError, match='--jobs 1 of 8 GPU'):
        here(jobs=0, gpus=8).slots()
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', 'GPU-aa,GPU-bb')
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    runs, failed = run(tmp_path, make_rows(tmp_path), jobs=0)
    devices = {(one.folder / 'starts.txt').read_text().split()[1] for one in runs}
    assert failed == [] and devices == {'GPU-aa', 'GPU-bb'}
