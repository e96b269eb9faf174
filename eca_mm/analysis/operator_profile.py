"""Which operators a step spends its time in, beside the same of another workload."""

from collections.abc import Callable

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from .cost import WARM_UP


def operator_times(
    run: Callable[[], None], rounds: int, device: str = 'cpu'
) -> dict[str, float]:
    """Time of each operator without those it calls, ms a run.

    On a GPU these are the times of the kernels that the operator started.
    """
    activities = [ProfilerActivity.CPU]
    attribute = 'self_cpu_time_total'
    if device == 'cuda':
        activities.append(ProfilerActivity.CUDA)
        attribute = 'self_device_time_total'
    for _ in range(WARM_UP):
        run()
    with profile(activities=activities) as found:
        for _ in range(rounds):
            run()
        if device == 'cuda':
            torch.cuda.synchronize()
    return {
        event.key: getattr(event, attribute) / 1e3 / rounds
        for event in found.key_averages()
        if event.device_type == DeviceType.CPU  # kernels are counted at operators
    }


def compare(first: dict[str, float], second: dict[str, float]) -> list[dict]:
    """A row for each operator, the largest differences first; times in ms."""
    rows = [
        dict(operator=name, first=first.get(name, 0.0), second=second.get(name, 0.0))
        for name in first | second
    ]
    for row in rows:
        row['difference'] = row['second'] - row['first']
    return sorted(rows, key=lambda row: -abs(row['difference']))
