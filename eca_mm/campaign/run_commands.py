"""The commands of one run: our own tools, as a user would call them."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from .executors import Where
from .job import Job
from .plan import Plan, Run


@dataclass(frozen=True)
class Tools:
    """Where the tools lie, and where relative paths of configs begin."""

    folder: Path
    cwd: Path

    def job(self, run: Run, plan: Plan, where: Where, devices: str | None) -> Job:
        """The work of a run; ``devices`` as of :meth:`Where.slots`."""
        (config,) = (row.config for row in plan.rows if row.name == run.row)
        options = ['--cfg-options', f'randomness.seed={run.seed}', *plan.options]
        launcher = 'pytorch' if where.processes() > 1 else 'none'
        words = [str(config), '--work-dir', str(run.folder), *options,
                 '--launcher', launcher]  # fmt: skip
        commands = dict(train=[*self.started('train.py', where), *words, '--resume'])
        if needs_test(plan.configs[run.row]):
            commands['test'] = [*self.started('test.py', where), *words]
        return Job(
            commands,
            folder=str(run.job),
            work_dir=str(run.folder),
            environment=environment(where, devices),
            cwd=str(self.cwd),
        )

    def started(self, tool: str, where: Where) -> list[str]:
        """The words that start a tool, in all ranks of a run on one machine."""
        words = [sys.executable]
        if where.processes() > 1:  # standalone: each run finds a free port
            words += [str(self.folder / 'launch.py'), '--standalone',
                      f'--nproc_per_node={where.processes()}']  # fmt: skip
        return [*words, str(self.folder / tool)]


def needs_test(cfg: Config) -> bool:
    """Whether a training does not end with the test: its last validation is another.

    MMDetection's configs validate on what they test on, after the last epoch, too.
    """
    if not cfg.get('test_dataloader'):
        return False
    if not cfg.get('val_cfg'):
        return True
    validated, tested = (
        ((cfg.get(f'{split}_dataloader') or {}).get('dataset'),
         cfg.get(f'{split}_evaluator'))
        for split in ('val', 'test')
    )  # fmt: skip
    return validated != tested


def environment(where: Where, devices: str | None) -> dict[str, str]:
    """Variables of a run: its GPUs, or its share of the cores."""
    if devices is not None:
        return dict(CUDA_VISIBLE_DEVICES=devices)
    if where.executor == 'slurm' or 'OMP_NUM_THREADS' in os.environ:
        return {}
    threads = (os.cpu_count() or 1) // (len(where.slots()) * where.processes())
    return dict(OMP_NUM_THREADS=str(max(1, threads)))
