"""A hook that notes what a run's loop spends; it needs mmengine alone.

A benchmark copies this file to where both runs find it: MMDetection's own must not
import eca_mm for it.
"""

import json
import resource
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

OF_ITERATION = ('before_train_iter', 'after_train_iter')


def cpu_seconds() -> float:
    """Of this process, its threads, and the processes it has waited for."""
    spent = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return sum(of.ru_utime + of.ru_stime for of in spent)


@HOOKS.register_module()
class EngineProbe(Hook):
    """Write what was measured as JSON when the run is over.

    ``start``: the clock (s since 1970) and CPU time (s) at the first iteration.
    ``iterations``: for each but the last, wall and CPU time (s) to the next one's
    begin, without those that a validation follows. ``hooks``: what the hooks of each
    of them took, wall time and CPU time of the thread that calls them (s).
    ``validation``, ``run``: wall and CPU time (s), the latter's of the whole process.

    Args:
        out: The file to write.
    """

    priority = 'HIGHEST'

    def __init__(self, out: str) -> None:
        self.out = Path(out)
        self.begins: list[tuple[float, float]] = []  # of iterations: wall, CPU
        self.spent: defaultdict[int, list] = defaultdict(lambda: [0.0, 0.0])
        self.validated: set[int] = set()
        self.validation = (0.0, 0.0)

    def before_run(self, runner) -> None:
        # In front of all hooks of all priorities, those of this one, too.
        runner.call_hook = self.timed(runner.call_hook)
        self.start: tuple[float, float] | None = None

    def timed(self, call_hook: Callable) -> Callable:
        def timed_call(name: str, **kwargs) -> None:
            begin = now()
            if name == 'before_train_iter':
                self.start = self.start or (time.time(), begin[1])
                self.begins.append(begin)
            elif name == 'before_val':
                self.validation = begin
                self.validated.add(len(self.begins) - 1)
            clocks = time.perf_counter(), time.thread_time()
            call_hook(name, **kwargs)
            if name in OF_ITERATION:
                spent = self.spent[len(self.begins) - 1]
                spent[0] += time.perf_counter() - clocks[0]
                spent[1] += time.thread_time() - clocks[1]
            elif name == 'after_val':
                wall, cpu = now()
                self.validation = wall - self.validation[0], cpu - self.validation[1]

        return timed_call

    def after_run(self, runner) -> None:
        pairs = list(zip(self.begins, self.begins[1:], strict=False))
        kept = [i for i in range(len(pairs)) if i not in self.validated]
        found = dict(
            start=self.start,
            iterations=[[b - a for a, b in zip(*pairs[i], strict=True)] for i in kept],
            hooks=[self.spent[i] for i in kept],
            validation=self.validation,
            run=[time.time(), cpu_seconds()],
        )
        self.out.write_text(json.dumps(found))


def now() -> tuple[float, float]:
    return time.perf_counter(), cpu_seconds()
