"""Check that numbers are finite, without waiting for a GPU."""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor

# Elements. Two thirds of a detector's tensors are smaller, with 1 % of its weights.
SMALL = 4096
HALF = (torch.float16, torch.bfloat16)  # their norms are too large for themselves


class Total:
    """The sum of some scalars, which is finite only if all of them are.

    For scalars on a CUDA device it arrives when the device has computed it, while the
    host continues; on the CPU it is there at once.

    Args:
        groups: Floating-point tensors of one element or a few, of any shapes and on any
            devices.
    """

    def __init__(self, *groups: Sequence[Tensor]) -> None:
        of_device = defaultdict(list)
        for tensor in chain(*groups):
            of_device[tensor.device].append(tensor.reshape(-1))
        # The CPU first, where plain numbers are: a GPU is not waited for to add them.
        devices = sorted(of_device, key=lambda device: device.type != 'cpu')
        sums = [torch.cat(of_device[device]).sum() for device in devices]
        total = sums[-1] if sums else torch.zeros(())
        for other in sums[:-1]:
            total = total + other.to(total.device)
        self.arrival = None
        if total.device.type == 'cuda':
            on_device = total
            # Into pageable memory the copy would wait.
            total = torch.empty((), dtype=on_device.dtype, pin_memory=True)
            total.copy_(on_device, non_blocking=True)
            self.arrival = torch.cuda.Event()
            self.arrival.record(torch.cuda.current_stream(on_device.device))
        self.total = total

    def is_there(self) -> bool:
        """Whether :meth:`is_finite` has nothing to wait for."""
        return self.arrival is None or self.arrival.query()

    def is_finite(self) -> bool:
        """Wait for the sum. False, too, if finite scalars are too large to be added."""
        if self.arrival is not None:
            self.arrival.synchronize()
        return math.isfinite(self.total)


def norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """For each tensor a scalar that is finite only if the whole tensor is.

    One call for all of them, the one that clips gradients; a few kernels on a GPU.
    """
    if not tensors:
        return []
    tensors = [tensor.detach() for tensor in tensors]
    # The CPU takes twice as long over a norm in another type than the tensor's.
    halves = any(tensor.dtype in HALF for tensor in tensors)
    return list(torch._foreach_norm(tensors, dtype=torch.float32 if halves else None))


def sum_of_small(tensors: Sequence[Tensor]) -> list[Tensor]:
    """A scalar that is finite only if all tensors are; [] if there are none.

    For small ones on the CPU: to copy 90 of them takes 0.05 ms, their norms 0.23 ms.
    """
    with torch.no_grad():
        flat = [tensor.flatten() for tensor in tensors]
        return [torch.cat(flat).sum(dtype=torch.float32)] if flat else []


def all_finite(tensors: Sequence[Tensor]) -> bool:
    """Whether every element of all tensors is finite.

    One pass over them, and a second one only where values are too large to be squared.
    """
    tensors = [tensor for tensor in tensors if tensor.numel()]
    if not tensors or Total(norms(tensors)).is_finite():
        return True
    return not any(map(has_bad, tensors))


def is_small(tensor: Tensor) -> bool:
    return tensor.numel() <= SMALL


def has_bad(tensor: Tensor) -> bool:
    """Whether any element is NaN or infinite; waits for a GPU."""
    return not bool(tensor.detach().isfinite().all())
