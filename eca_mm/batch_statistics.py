"""The statistics of a batch norm in training mode, and each image's part of them.

One pass over u computes both: each image's sums of u and of (u - guess) * u, where the
guess of a channel's mean is the running mean, give the means and the variance. Digits
cancel if the guess is far off or the mean is large compared with the deviation. The
result shows this, and for such channels each image's mean is subtracted first. Sums
over an image are in float32 and are added up in float64.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch import distributed as dist

from .channel_sums import as_images, sums_and_products

# Bytes of u at once, so that it and its differences, read twice each, stay in a cache.
# The best of 128 KiB to all of u, at 7x7 to 120x160 pixels (2 MiB of L2).
CHUNK = 2**19
LINE = 16  # floats in a cache line
# Quick sums are used up to this multiple of the variance: of the product of the guess's
# error and the mean, and of the squared mean. The variance is a small difference of
# these, so an error of 1e-7 in a sum is at most one of 1e-6 in the variance.
MOST_OFF, MOST_SQUARED = 4, 9


class BatchStatistics(NamedTuple):
    """Statistics of u (N, C, H, W), in its dtype but at least in float32.

    Attributes:
        mean, rstd: (C,), of the batch, that is of all ranks' images. The mean is in
            float64 if it was computed in float64.
        offsets: (N, C), each image's mean minus the batch's.
        count: Pixels in the batch.
    """

    mean: Tensor
    rstd: Tensor
    offsets: Tensor
    count: int  # type: ignore[assignment]  # a field, no tuple.count


@torch.no_grad()
def batch_statistics(
    u: Tensor, norm: nn.Module, group: dist.ProcessGroup | None = None
) -> BatchStatistics:
    """Compute the statistics of u (N, C, H, W), and update the norm's running ones.

    Args:
        norm: A batch norm in training mode.
        group: The ranks whose images are the batch; None for this process alone.
    """
    dtype = torch.promote_types(u.dtype, torch.float32)
    count = u.shape[0] * u.shape[2] * u.shape[3]
    momentum, *running = tracked(norm)
    own = u.device.type == 'cpu' and u.dtype != torch.float64
    if own:
        means, mean, variance = quick_statistics(u, running[0])
    else:  # torch's, which without other ranks updates the running statistics, too
        means = u.mean((2, 3), dtype=dtype)
        updated = running if group is None else (None, None)
        mean, variance = torch.batch_norm_update_stats(u, *updated, momentum)
    if group is not None:
        mean, variance, count = over_ranks(
            mean.to(dtype), variance.to(dtype), count, norm.eps, group
        )
    if own or group is not None:
        update(running, mean, variance * (count / max(count - 1, 1)), momentum)
    rstd = torch.rsqrt(variance + norm.eps).to(dtype)
    offsets = (means - mean.to(means.dtype)).to(dtype)
    return BatchStatistics(mean, rstd, offsets, count)


def tracked(norm: nn.Module) -> tuple[float, Tensor | None, Tensor | None]:
    """Weight of the next batch in the running statistics, and these or None.

    Counts the batch, as a batch norm does.
    """
    if not norm.track_running_stats:
        return 0.0, None, None
    momentum = norm.momentum
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
        if momentum is None:  # all batches alike
            momentum = 1 / float(norm.num_batches_tracked)
    return momentum or 0.0, norm.running_mean, norm.running_var


def update(
    running: Sequence[Tensor | None], mean: Tensor, unbiased: Tensor, momentum: float
) -> None:
    """Update running statistics (C,) in place, if there are any."""
    for old, new in zip(running, (mean, unbiased), strict=True):
        if old is not None:
            old.lerp_(new.to(old.dtype), momentum)


def over_ranks(
    mean: Tensor, variance: Tensor, count: int, eps: float, group: dist.ProcessGroup
) -> tuple[Tensor, Tensor, int]:
    """Mean (C,), variance (C,) and pixels of all ranks' images.

    The ranks exchange what torch's SyncBatchNorm does, in the same dtype and by the
    same collective, so that a rank that computes the block plainly (because of a hook,
    say) can still take part.
    """
    sent = torch.cat([mean, torch.rsqrt(variance + eps), mean.new_tensor([count])])
    table = gathered(sent, group)
    # (ranks, 2 C + 1); a rank without images has nothing to say
    table = table[table[:, -1] > 0].double()
    means, rstds, counts = table.split([len(mean), len(mean), 1], 1)
    count = counts.sum()
    total = (means * counts).sum(0) / count
    squares = (rstds**-2 - eps + (means - total).square()) * counts
    return total, squares.sum(0) / count, int(count)


def gathered(sent: Tensor, group: dist.ProcessGroup) -> Tensor:
    """(L,) of each rank -> (ranks, L), by the collective that SyncBatchNorm uses."""
    ranks = dist.get_world_size(group)
    table = sent.new_empty(ranks, len(sent))
    if dist.get_backend(group) == 'gloo':
        rows = list(table.unbind())
        dist.all_gather(rows, sent, group)
    else:
        dist.all_gather_into_tensor(table, sent, group)
    return table


def quick_statistics(u: Tensor, guess: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Means (N, C) of the images, mean (C,) and variance (C,) of all, in float64.

    Args:
        guess: (C,), of the mean; 0 if none is given.
    """
    if as_images(u) is None:
        return safe_statistics(u)
    guess = u.new_zeros(u.shape[1]) if guess is None else guess
    pixels = u.shape[2] * u.shape[3]
    sums, products = sums_and_products(u, u, guess)
    means = sums.double() / pixels
    mean = means.mean(0)
    off = guess - mean
    variance = products.mean(0, dtype=torch.float64) / pixels + off * mean
    lost = torch.maximum((off * mean).abs() / MOST_OFF, mean.square() / MOST_SQUARED)
    bad = ~(lost <= variance)  # also where anything is NaN
    if bad.all():
        return safe_statistics(u)
    if bad.any():
        means[:, bad], mean[bad], variance[bad] = safe_statistics(u[:, bad])
    return means, mean, variance


def safe_statistics(u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Like :func:`quick_statistics`, but for any u, in two passes."""
    n, channels, height, width = u.shape
    found = zip(*(moments(part, dim) for part, dim in parts(u)), strict=True)
    # Each (NC,), part by part, -> (N, C)
    means, squares = (torch.cat(part).view(n, channels) for part in found)
    mean = means.mean(0)
    between = (means - mean).square().mean(0)
    return means, mean, squares.mean(0) / (height * width) + between


def parts(u: Tensor) -> Iterator[tuple[Tensor, int]]:
    """Yield 2-D parts of u in the order of (N, C), and the dimension of the pixels."""
    n, channels, height, width = u.shape
    if u.is_contiguous():
        # (N, C, H, W) -> (NC, HW)
        rows = u.view(n * channels, height * width)
        size = max(1, CHUNK // (height * width * u.element_size()))
        return ((part, 1) for part in rows.split(size))
    # (N, C, H, W) -> N times (HW, C), as they are stored with channels last. All pixels
    # at once, whose mean is asked for, and as many channels as make whole cache lines.
    images = u.permute(0, 2, 3, 1).reshape(n, height * width, channels)
    size = CHUNK // (height * width * u.element_size())
    size = max(LINE, size // LINE * LINE)
    return ((part, 0) for image in images for part in image.split(size, 1))


def moments(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Means and sums of squared differences to them over a dimension, in float64."""
    rough = x.mean(dim, keepdim=True, dtype=torch.float32)
    difference = x - rough
    # What rounding left of the differences' sum: with means of 1e3 not little.
    rest = difference.sum(dim).double()
    norm = torch.linalg.vector_norm(difference, dim=dim).double()
    count = x.shape[dim]
    return rough.squeeze(dim) + rest / count, norm.square() - rest.square() / count
