"""What a model costs beside another: time, and bytes kept for the backward pass."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

# What stands side by side in a benchmark: arguments of a backbone beside its depth.
# SE and ECA are there as everybody writes them, one operator after another, and fused.
SE = [dict(cfg=dict(type='SE'), position='after_conv3')]
GC = [dict(cfg=dict(type='ContextBlock', ratio=1 / 16), position='after_conv3')]
PROVIDERS: dict[str, dict] = {
    'plain': dict(type='ResNet'),
    'naive ECA': dict(type='ECAResNet', fused_tail=False),
    'ours': dict(type='ECAResNet'),
    'SE': dict(type='PluginResNet', plugins=SE, fused_tail=False),
    'ours, SE': dict(type='PluginResNet', plugins=SE),
    'GC': dict(type='PluginResNet', plugins=GC),
}


def saved_bytes(model: nn.Module, image: Tensor) -> int:
    """Bytes that a forward pass keeps for backward, parameters and buffers aside.

    A storage that several operators save counts once.

    Args:
        image: (N, 3, H, W).
    """
    storages = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        # Kept until the end: a freed address could be given out again.
        storages[storage.data_ptr()] = storage
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        model(image)
    for tensor in chain(model.parameters(), model.buffers()):
        storages.pop(tensor.untyped_storage().data_ptr(), None)
    return sum(storage.nbytes() for storage in storages.values())


@torch.no_grad()
def inference(model: nn.Module, image: Tensor) -> None:
    """One forward pass without gradients."""
    model(image)


def training_step(model: nn.Module, image: Tensor) -> None:
    """One forward and backward pass of a backbone, without the optimizer."""
    model.zero_grad()
    sum(output.mean() for output in model(image)).backward()


def interleaved_times(
    runs: Mapping[str, Callable[[], None]], rounds: int
) -> dict[str, np.ndarray]:
    """Wall-clock times in ms, (rounds,) for each run.

    All runs take turns, so that what else the machine does meets them alike; the first
    round warms up and is not kept.
    """
    times = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: np.array(values[1:]) for name, values in times.items()}


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
