"""The campaign at work: start runs, wait for them, note what became of them."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable

from eca_mm.engine import RunStopped
from eca_mm.engine.run_lock import only_run
from eca_mm.engine.signals import heard

from . import job, notes
from .executors import Where, find, is_over, submit, tell_to_stop
from .plan import Plan, Run
from .run_commands import Tools

TRIES = 2  # of a run that fails
PAUSE = 1.0  # seconds between two looks

Show = Callable[[list[Run]], None]


def run_campaign(plan: Plan, where: Where, tools: Tools, show: Show) -> list[Run]:
    """Bring all runs of a plan to their ends; the ones that failed.

    Args:
        show: Is called with all runs after every look.

    Raises:
        RequestError: Another campaign is at work in the folder, a config is not the one
            that runs were begun with, or the executor refuses.
        RunStopped: A signal has ended it, and the runs have saved; or nothing can be
            noted any more.
    """
    with only_run(plan.folder, '--out'):
        runs = plan.runs()
        notes.refuse_changed(runs, plan.digests)
        plan.write()
        driver = Driver(plan, runs, where, tools)
        try:
            with heard(driver.hear):
                driver.drive(show)
        except OSError as error:  # the disk is full, or the folder is gone
            raise RunStopped(
                f'{error}: mend it, and the same command goes on'
            ) from error
    return [run for run in runs if run in driver.failed]


class Driver:
    """Keeps as many runs at work as there is room for.

    Attributes:
        waiting, at_work, done, failed: Every run is in one of them; with those at work
            stands submitit's handle, or None for a local job of a campaign before this.
    """

    def __init__(self, plan: Plan, runs: list[Run], where: Where, tools: Tools) -> None:
        self.plan = plan
        self.runs = runs
        self.where = where
        self.tools = tools
        self.free = where.slots()
        self.slots: dict[Run, str | None] = {}
        self.failures: Counter[Run] = Counter()
        self.saved: dict[Run, int | None] = {}
        self.waiting: list[Run] = []
        self.at_work: dict[Run, object] = {}
        self.done: list[Run] = []
        self.failed: list[Run] = []
        self.signal = 0
        for run in runs:
            self.take_over(run)

    def take_over(self, run: Run) -> None:
        """Find out where an earlier campaign, perhaps a killed one, left a run."""
        noted = notes.own(run)
        if notes.finished(run):
            self.done.append(run)
            return
        handle = find(noted, run)
        if notes.is_alive(run) or not is_over(handle):
            self.at_work[run] = handle
            devices = noted.get('devices')
            if self.free:  # there may be less room than there was
                slot = devices if devices in self.free else self.free[0]
                self.free.remove(slot)
                self.slots[run] = slot
        elif notes.of_job(run).get('status') == 0:  # and it was killed before it looked
            self.settle(run)
        else:
            if noted.get('failed'):  # it is given another chance
                notes.update(run, failed='')
            self.waiting.append(run)

    def drive(self, show: Show) -> None:
        while self.waiting or self.at_work:
            self.collect(self.at_work)
            if self.signal:
                self.stop(show)
            while self.waiting and self.free:
                self.start(self.waiting.pop(0))
            show(self.runs)
            time.sleep(PAUSE if self.at_work else 0)
        show(self.runs)

    def start(self, run: Run) -> None:
        self.plan.refuse_edited(run.row)
        devices = self.free.pop(0)
        run.job.mkdir(parents=True, exist_ok=True)
        notes.write(run.job / notes.OWN, dict(digest=self.plan.digests[run.row]))
        (run.job / job.NOTE).unlink(missing_ok=True)
        work = self.tools.job(run, self.plan, self.where, devices)
        handle = submit(self.where.open(run), work)
        executor = self.where.executor
        notes.update(run, executor=executor, job_id=handle.job_id, devices=devices)
        self.at_work[run], self.slots[run] = handle, devices

    def collect(self, runs: Iterable[Run]) -> None:
        """Note what became of those whose jobs are over."""
        for run in list(runs):
            if not self.is_alive(run):
                del self.at_work[run]
                if run in self.slots:
                    self.free.append(self.slots.pop(run))
                self.settle(run)

    def is_alive(self, run: Run) -> bool:
        return not is_over(self.at_work[run]) or notes.is_alive(run)

    def settle(self, run: Run) -> None:
        """A run's job is over: note what became of the run."""
        told = notes.of_job(run)
        words = told.get('words') or f'its job ended without a word: see {run.job}'
        if told.get('status') == 0:
            cfg, digest = self.plan.configs[run.row], self.plan.digests[run.row]
            words = notes.finish(run, cfg, digest)
            if not words:
                self.done.append(run)
                return
        elif told.get('status') in notes.INTERRUPTED and self.has_moved(run):
            self.waiting.insert(0, run)
            return
        self.failures[run] += 1
        if self.failures[run] < TRIES:
            self.waiting.insert(0, run)
            return
        notes.update(run, failed=words)
        self.failed.append(run)

    def has_moved(self, run: Run) -> bool:
        """Whether a run has saved anything since it was last interrupted.

        Without this one that is ended each time, as for its memory, would never fail.
        """
        path = run.folder / 'last_checkpoint'
        now = path.stat().st_mtime_ns if path.exists() else None
        before, self.saved[run] = self.saved.get(run, 0), now
        return now != before

    def hear(self, number: int, frame) -> None:
        """A signal: the runs are told at the next look. A second one ends it now."""
        if self.signal:
            self.tell()  # it may have come before that look
            raise self.stopped('they save, and end on their own')
        self.signal = number

    def tell(self) -> list[Run]:
        """Tell the runs of this machine to save and end; a run hears it once."""
        noted = {run: notes.own(run) for run in self.at_work}
        here = [run for run in noted if noted[run].get('executor') == 'local']
        for run in here:
            numbers = noted[run].get('job_id'), notes.of_job(run).get('pid')
            tell_to_stop(self.at_work[run], numbers, run.job)
        return here

    def stop(self, show: Show) -> None:
        """Let the runs of this machine save and end; those of Slurm stay."""
        here = self.tell()
        while any(map(self.is_alive, here)):
            show(self.runs)
            time.sleep(PAUSE)
            self.tell()  # a job that was only starting has not heard it
        self.collect(here)
        away = sum(notes.own(r).get('executor') == 'slurm' for r in self.at_work)
        raise self.stopped(f'{away} stay in the queue of Slurm' if away else '')

    def stopped(self, left: str) -> RunStopped:
        name = signal.Signals(self.signal).name
        done = f'{len(self.done)} of {len(self.runs)} runs are done'
        line = '; '.join(filter(None, (done, left, 'the same command goes on')))
        return RunStopped(f'by {name}: {line}', status=128 + self.signal)
