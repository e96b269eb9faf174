"""Sums over the pixels of each channel, fast unless they are differentiated again."""

import torch
from torch import Tensor


def sums_and_products(
    x: Tensor, u: Tensor, center: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sums of x and of x * (u - center) over the pixels, (N, C) each.

    Args:
        x: (N, C, H, W): a gradient, or u itself, whose squares are wanted.
        u: (N, C, H, W).
        center: (C,), 0 if none is given.
    """
    images = None if differentiates(x) else as_images(x, u)
    if images is None:
        wide = torch.promote_types(x.dtype, torch.float32)
        u = u.to(wide)  # or a product would be rounded before it is summed
        u = u if center is None else u - center.to(wide)[:, None, None]
        return tuple(found.sum((2, 3), dtype=wide) for found in (x, x * u))
    # As the gradients of a batch norm's bias and weight: no other operator has the sum
    # of a product without writing the product, which takes three times as long.
    n, channels = u.shape[:2]
    center = u.new_zeros(channels) if center is None else center.to(u.dtype)
    # As many images and channels as there are in the images.
    centers = center.expand(n, channels).reshape(len(images[0]), -1)
    rstd = torch.ones_like(centers[0])
    found = [
        torch.ops.aten.native_batch_norm_backward(
            g[None], v[None], None, None, None, c, rstd, True, 0, [False, True, True]
        )[1:]
        for g, v, c in zip(*images, centers, strict=True)
    ]
    products, totals = map(torch.cat, zip(*found, strict=True))
    return totals.view(n, channels), products.view(n, channels)


def as_images(*tensors: Tensor) -> list[Tensor] | None:
    """View tensors (N, C, H, W) as few images of many channels, if the CPU sums those.

    That is one image of NC channels, or with channels last the tensors as they are.
    None if they differ in dtype or memory format, or if a sum needs a wider dtype.
    """
    kinds = {(t.device.type, t.dtype) for t in tensors}
    if kinds not in ({('cpu', torch.float32)}, {('cpu', torch.float64)}):
        return None
    if all(t.is_contiguous() for t in tensors):
        return [t.view(1, -1, *t.shape[2:]) for t in tensors]
    if all(t.is_contiguous(memory_format=torch.channels_last) for t in tensors):
        return list(tensors)
    return None


def differentiates(grad: Tensor) -> bool:
    """Whether a backward pass is differentiated again, batched or traced itself.

    It must then be written in operators for which autograd and ``vmap`` have rules.
    """
    return torch.compiler.is_compiling() or torch.is_grad_enabled() or is_batched(grad)


def is_batched(grad: Tensor) -> bool:
    """Whether a gradient is a batch of gradients without memory that a kernel can read.

    That is so with ``is_grads_batched`` and if a backward pass runs in ``vmap``, which
    are two mechanisms; torch has no public name for either.
    """
    functorch = torch._C._functorch
    return functorch.is_legacy_batchedtensor(grad) or functorch.is_batchedtensor(grad)
