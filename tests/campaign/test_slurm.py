"""The way to Slurm, without one: the script that would be submitted, and the queue."""

import os
import stat
import sys

import pytest
from small_campaign import make_rows, plan_of, tools

from eca_mm.campaign import drive, executors, notes
from eca_mm.campaign.executors import Queue, Where, find, is_over
from eca_mm.campaign.status import status_of
from eca_mm.engine import RequestError

SBATCH = """\
#!{python}
import os, sys
with open(os.environ['SUBMITTED'], 'a') as file:
    file.write(sys.argv[1] + '\\n')
print('Submitted batch job', 40 + len(open(os.environ['SUBMITTED']).readlines()))
"""
SQUEUE = '#!/bin/sh\ncat "$QUEUE" && echo "$*" >> "$QUEUE.asked"\n'


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Commands of Slurm that take note; what is in the queue stands in a file."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    scripts = dict(srun='#!/bin/sh\n', squeue=SQUEUE)
    scripts['sbatch'] = SBATCH.format(python=sys.executable)
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv('PATH', f'{folder}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.setenv('SUBMITTED', str(tmp_path / 'submitted'))
    monkeypatch.setenv('QUEUE', str(tmp_path / 'queue'))
    monkeypatch.setattr(executors, 'queue', Queue())
    (tmp_path / 'queue').write_text('41\n42\n')
    return tmp_path


def submitted(folder, where: Where, count: int = 1) -> drive.Driver:
    """A campaign that has submitted its first runs."""
    plan = plan_of(folder / 'out', make_rows(folder), (0,))
    driver = drive.Driver(plan, plan.runs(), where, tools(folder))
    for _ in range(count):
        driver.start(driver.waiting.pop(0))
    return driver


def test_script(slurm):
    where = Where(
        'slurm', gpus=4, partition='fast', minutes=90,
        slurm=dict(account='me', mem_gb=64, cpus_per_task=20),
    )  # fmt: skip
    driver = submitted(slurm, where)
    run = driver.runs[0]
    lines = (run.job / '41_submission.sh').read_text().splitlines()
    flags = {line.removeprefix('#SBATCH --') for line in lines if '#SBATCH' in line}
    assert flags >= {
        'account=me', 'partition=fast', 'time=90', 'mem=64GB', 'cpus-per-task=20',
        'gpus-per-node=4', 'ntasks-per-node=1', 'nodes=1', 'signal=USR2@120',
        'job-name=none-0',
    }  # fmt: skip
    command = lines[-1]
    assert command.startswith('srun ')
    assert command.endswith(f'{sys.executable} -u -m submitit.core._submit {run.job}')
    assert notes.own(run) == dict(
        digest=driver.plan.digests['none'], executor='slurm', job_id='41', devices=None
    )
    work = driver.at_work[run].submission().function
    assert '--nproc_per_node=4' in work.commands['train'] and work.environment == {}


def test_without_gpus(slurm):
    driver = submitted(slurm, Where('slurm', gpus=0))
    script = (driver.runs[0].job / '41_submission.sh').read_text()
    assert '--gpus' not in script and '--partition' not in script


def test_jobs_are_taken_over_and_not_submitted_twice(slurm):
    gone = submitted(slurm, Where('slurm'), 2)
    assert [status_of(run).note for run in gone.runs] == [
        'Slurm job 41',
        'Slurm job 42',
    ]
    after = drive.Driver(gone.plan, gone.runs, Where('slurm'), gone.tools)
    assert [handle.job_id for handle in after.at_work.values()] == ['41', '42']
    assert after.waiting == []
    (slurm / 'queue').write_text('42\n')  # 41 was cancelled: it has left no word
    executors.queue.asked = -1e9
    after = drive.Driver(gone.plan, gone.runs, Where('slurm'), gone.tools)
    assert after.waiting == [gone.runs[0]] and list(after.at_work) == [gone.runs[1]]


def test_the_queue_is_asked_seldom(slurm):
    queue = executors.queue
    assert [queue.has('41'), queue.has('42'), queue.has('41')] == [True] * 3
    asked = slurm / 'queue.asked'
    assert asked.read_text() == '--me --noheader --format=%A\n'
    (slurm / 'queue').write_text('41\n43\n')
    assert queue.has('42')  # as it was some seconds ago
    assert queue.has('43') and not queue.has('44')  # one that is not known is looked up
    assert len(asked.read_text().splitlines()) == 3
    (slurm / 'queue').unlink()  # Slurm does not answer: nothing is given up
    queue.asked = -1e9
    assert queue.has('41') is None


def test_a_job_is_over_when_slurm_has_it_no_more(slurm):
    """Not by its result: a pre-empted job leaves one, and is queued again."""
    driver = submitted(slurm, Where('slurm'))
    run = driver.runs[0]
    handle = find(notes.own(run), run)
    (run.job / '41_0_result.pkl').touch()
    assert not is_over(handle)
    (slurm / 'queue').unlink()  # Slurm does not answer: the result must do
    executors.queue.asked = -1e9
    assert is_over(handle)
    (run.job / '41_0_result.pkl').unlink()
    assert not is_over(handle)
    (slurm / 'queue').write_text('42\n')
    executors.queue.asked = -1e9
    assert is_over(handle)
    assert find(dict(executor='local', job_id='41'), run) is None


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(acount='me'), "Unknown argument 'acount' for executor 'slurm'"),
        (dict(mem_gb='lots'), 'lots'),
    ],
)
def test_wrong_options(slurm, options, said):
    with pytest.raises(RequestError) as error:
        submitted(slurm, Where('slurm', slurm=options))
    (line,) = error.value.args
    assert line.startswith('--executor slurm: ') and said in line and '\n' not in line


def test_no_slurm_here(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(RequestError, match='"srun"'):
        submitted(tmp_path, Where('slurm'))


def test_slurm_refuses(slurm):
    (slurm / 'bin/sbatch').write_text('#!/bin/sh\necho invalid partition >&2; exit 1\n')
    with pytest.raises(RequestError, match='Slurm rejects a job: invalid partition'):
        submitted(slurm, Where('slurm', partition='x'))
