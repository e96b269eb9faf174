"""Where runs are executed: submitit's processes on this machine, its jobs on Slurm.

https://github.com/facebookincubator/submitit. In the local executor a run has a
controller, which forwards SIGTERM, and survives the campaign if that is killed.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch

from eca_mm.engine import RequestError

from . import job
from .job import Job, blocked
from .plan import Run

YEARS = 60 * 24 * 365 * 10  # minutes; submitit ends local jobs after 5 by default
EVERY = 10  # seconds between two questions to Slurm
SAVE = 120  # seconds to save in before a time limit
REQUEUES = 1000  # at the time limit: each continues where the last one was


@dataclass
class Where:
    """How and where the runs of a campaign are executed.

    Attributes:
        executor: A key of :data:`OPENERS`.
        jobs: Runs at a time; 0 for as many as there is room for.
        gpus: Of each run; on this machine without a GPU, processes.
        partition, minutes: Of Slurm jobs, and their time limit.
        slurm: More of submitit's parameters for Slurm, such as ``account``.
    """

    executor: str = 'local'
    jobs: int = 0
    gpus: int = 1
    partition: str | None = None
    minutes: int = 60 * 24
    slurm: dict = field(default_factory=dict)

    def slots(self) -> list[str | None]:
        """What each of the runs at a time gets as CUDA_VISIBLE_DEVICES; None: no word.

        Raises:
            RequestError: There are not enough GPUs.
        """
        if self.executor == 'slurm':
            return [None] * (self.jobs or 1000)
        if self.executor == 'debug':
            return [None]
        devices, each = visible_devices(), self.processes()
        if not devices:
            return [None] * (self.jobs or 1)
        room = len(devices) // each
        if room < max(1, self.jobs):
            raise RequestError(
                f'--jobs {self.jobs or 1} of {each} GPU(s) each: there are '
                f'{len(devices)} on this machine'
            )
        groups = [devices[i * each : (i + 1) * each] for i in range(self.jobs or room)]
        return [','.join(group) for group in groups]

    def processes(self) -> int:
        """Ranks of a run."""
        return max(1, self.gpus)

    def open(self, run: Run):
        """A submitit executor for one run, whose files go to the run's job folder.

        Raises:
            RequestError: It is not there, or does not know an option.
        """
        try:
            import submitit  # noqa: F401
        except ImportError:
            raise RequestError(
                'a campaign needs submitit: pip install submitit'
            ) from None
        return OPENERS[self.executor](self, run)


def visible_devices() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if not torch.cuda.is_available():
        return []
    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    count = torch.cuda.device_count()
    return named.split(',')[:count] if named else [str(i) for i in range(count)]


def open_local(where: Where, run: Run):
    from submitit import LocalExecutor

    executor = LocalExecutor(run.job)
    executor.update_parameters(timeout_min=YEARS)
    return executor


def open_debug(where: Where, run: Run):
    from submitit import DebugExecutor

    return DebugExecutor(run.job)


def open_slurm(where: Where, run: Run):
    from submitit import AutoExecutor

    try:
        executor = AutoExecutor(
            run.job, cluster='slurm', slurm_max_num_timeout=REQUEUES
        )
        options = dict(partition=where.partition, signal_delay_s=SAVE) | where.slurm
        executor.update_parameters(
            name=f'{run.row}-{run.seed}',
            timeout_min=where.minutes,
            gpus_per_node=where.gpus or None,
            tasks_per_node=1,  # torchrun starts the ranks
            **{f'slurm_{key}': value for key, value in options.items()},
        )
    except (RuntimeError, NameError, ValueError, AssertionError) as error:
        said = ' '.join(str(error).split())
        raise RequestError(f'--executor slurm: {said}') from None
    return executor


OPENERS: dict[str, Callable] = dict(
    local=open_local, slurm=open_slurm, debug=open_debug
)


def submit(executor, work: Job):
    """Start a job that a closed terminal or Ctrl-C does not reach; submitit's handle.

    The campaign gets those, and tells the job to save and end.

    Raises:
        RequestError: Slurm rejects it.
    """
    import cloudpickle
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    cloudpickle.register_pickle_by_value(job)
    try:
        with blocked(signal.SIGINT, signal.SIGHUP):
            return executor.submit(work)
    except (FailedJobError, FailedSubmissionError) as error:
        raise RequestError(
            f'Slurm rejects a job: {error} (if it limits how many you have: --jobs N)'
        ) from error
    finally:
        cloudpickle.unregister_pickle_by_value(job)


def find(noted: dict, run: Run):
    """submitit's handle of a job of an earlier campaign; None for one of a machine."""
    if noted.get('executor') != 'slurm' or not noted.get('job_id'):
        return None
    from submitit import SlurmJob

    return SlurmJob(run.job, noted['job_id'], tasks=[0])


def is_over(handle) -> bool:
    """Whether a job has ended, as far as can be told; a debug job runs now."""
    if type(handle).__name__ != 'SlurmJob':
        return handle is None or handle.done()
    # One that has a result may be queued again: Slurm does so after a pre-emption.
    known = queue.has(handle.job_id)
    return handle.paths.result_pickle.exists() if known is None else not known


class Queue:
    """The jobs of this user that Slurm has.

    submitit asks ``sacct``, which says nothing where Slurm keeps no accounts: there it
    would wait without end for a job that has left no result.
    """

    def __init__(self) -> None:
        self.asked: float = -EVERY
        self.jobs: list[str] | None = []  # None: there was no answer

    def has(self, job_id: str) -> bool | None:
        """Whether a job waits or runs; None if Slurm does not answer."""
        is_old = time.monotonic() - self.asked > EVERY
        if is_old or (self.jobs is not None and job_id not in self.jobs):
            self.asked = time.monotonic()
            command = ['squeue', '--me', '--noheader', '--format=%A']
            try:
                said = subprocess.run(command, capture_output=True, text=True)
            except OSError:
                said = None
            self.jobs = said.stdout.split() if said and not said.returncode else None
        return None if self.jobs is None else job_id in self.jobs


queue = Queue()


def tell_to_stop(handle, numbers: Iterable, folder: Path) -> None:
    """Tell a local job to save and end.

    A number that belongs to another process by now is left alone.

    Args:
        numbers: Of the processes of its controller and, should that be gone, of the job
            itself; None for one that is not known.
    """
    from submitit import LocalJob

    if isinstance(handle, LocalJob) and not handle.done():
        numbers = [handle.job_id]  # not waited for: its number is its own
    else:
        numbers = [n for n in numbers if n and folder_of(n) == str(folder.absolute())]
    for number in numbers[:1]:
        with suppress(ProcessLookupError):
            os.kill(int(number), signal.SIGTERM)


def folder_of(number: int | str) -> str:
    """The folder that a process of submitit's was started with; '' of no such."""
    try:
        return Path(f'/proc/{number}/cmdline').read_text().split('\0')[-2]
    except (OSError, ValueError, IndexError):
        return ''
