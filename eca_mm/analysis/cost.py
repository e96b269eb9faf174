"""What a workload costs beside another: time, memory, bytes kept for the backward pass.

Nothing here needs MMDetection: torch and numpy are enough.
"""

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from .workload import STEPS, Settings, Workload

# Rounds that are not kept: allocators, caches and torch.compile settle in them.
WARM_UP = 2
# ms. What takes less is repeated: a GPU is then busy and not waiting for launches.
SHORTEST = 20.0


def saved_bytes(model: nn.Module, *inputs: Tensor) -> int:
    """Bytes that a forward pass keeps for backward, parameters and buffers aside.

    A storage that several operators save counts once.

    Args:
        inputs: What the model is called with.
    """
    storages = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        # Kept until the end: a freed address could be given out again.
        storages[storage.data_ptr()] = storage
        # Not the tensor itself: an output would keep alive the graph that keeps it.
        return tensor.detach()

    with saved_tensors_hooks(note, lambda tensor: tensor):
        model(*inputs)
    for tensor in chain(model.parameters(), model.buffers()):
        storages.pop(tensor.untyped_storage().data_ptr(), None)
    return sum(storage.nbytes() for storage in storages.values())


def peak_bytes(run: Callable[[], None]) -> int:
    """Most GPU memory that a run has allocated beyond what there was before it."""
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def milliseconds(run: Callable[[], None], repeats: int, device: str) -> float:
    """Mean time of a run: by a GPU's own events, or the wall clock."""
    if device == 'cuda':
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        for _ in range(repeats):
            run()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / repeats
    begin = time.perf_counter()
    for _ in range(repeats):
        run()
    return 1e3 * (time.perf_counter() - begin) / repeats


def interleaved_times(
    runs: Mapping[str, Callable[[], None]],
    rounds: int,
    device: str = 'cpu',
    tick: Callable[[], None] = lambda: None,
) -> dict[str, np.ndarray]:
    """Times in ms, (rounds,) for each run.

    All runs take turns, so that what else the machine does meets them alike, and every
    other round goes backwards, so that none always follows the same one. ``WARM_UP``
    rounds come before and are not kept.

    Args:
        tick: Called after every run of a round.
    """
    times = {name: [] for name in runs}
    repeats = dict.fromkeys(runs, 1)
    for i in range(WARM_UP + rounds):
        for name in list(runs)[:: -1 if i % 2 else 1]:
            spent = milliseconds(runs[name], repeats[name], device)
            tick()
            if i >= WARM_UP:
                times[name].append(spent)
            elif i == WARM_UP - 1:
                repeats[name] = max(1, math.ceil(SHORTEST / spent))
    return {name: np.array(values) for name, values in times.items()}


@dataclass
class Ratio:
    """Quartiles of the ratios to a baseline, round by round."""

    lower: float
    median: float
    upper: float

    @classmethod
    def paired(cls, times: np.ndarray, baseline: np.ndarray) -> 'Ratio':
        """From times (rounds,) that were taken in turns."""
        return cls(*map(float, np.quantile(times / baseline, (0.25, 0.5, 0.75))))


def ticks(runs: int, rounds: int, steps: Collection[str] = STEPS) -> int:
    """How often :func:`measure` calls ``tick`` for so many workloads."""
    return len(steps) * runs * (WARM_UP + rounds)


def measure(
    workloads: Mapping[str, Workload],
    baseline: str,
    rounds: int,
    settings: Settings,
    tick: Callable[[], None] = lambda: None,
    steps: Collection[str] = STEPS,
) -> Iterator[dict]:
    """A row for each measure and workload, with ratios to the baseline's.

    Measures: what training keeps for the backward pass (MiB), and of each step the time
    (ms) and, on a GPU, the most memory that it allocates beyond weights and inputs.

    Args:
        steps: Names of those to measure; bytes are saved in a training step only.
    """
    if 'training step' in steps:
        for workload in workloads.values():
            workload.train()
        saved = {name: saved_bytes(w) for name, w in workloads.items()}
        yield from exact('saved', saved, baseline)
    for step in steps:
        for workload in workloads.values():
            workload.train(step == 'training step')
        runs = {name: partial(STEPS[step], w) for name, w in workloads.items()}
        times = interleaved_times(runs, rounds, settings.device, tick)
        for name, values in times.items():
            ratio = Ratio.paired(values, times[baseline])
            yield row(name, step, 'ms', float(np.median(values)), ratio, baseline)
        if settings.device == 'cuda':
            for workload in workloads.values():
                workload.zero_grad()  # the gradients belong to the step
            peaks = {name: peak_bytes(run) for name, run in runs.items()}
            yield from exact(f'{step}, peak', peaks, baseline)


def exact(measure: str, found: Mapping[str, int], baseline: str) -> Iterator[dict]:
    """Rows of bytes, in which there is no spread."""
    for name, value in found.items():
        ratio = value / found[baseline]
        same = Ratio(ratio, ratio, ratio)
        yield row(name, measure, 'MiB', value / 2**20, same, baseline)


def row(
    name: str, measure: str, unit: str, value: float, ratio: Ratio, baseline: str
) -> dict:
    return dict(
        provider=name,
        measure=measure,
        unit=unit,
        value=round(value, 3),
        baseline=baseline,
        ratio=round(ratio.median, 4),
        lower_quartile=round(ratio.lower, 4),
        upper_quartile=round(ratio.upper, 4),
    )
