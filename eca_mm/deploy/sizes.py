"""What depends on the size of an image, as operators of their own.

torch's exporter keeps a formula for each side of each tensor, and takes minutes to
compare them once an image is padded, pooled and cut into anchors. Behind each of these
operators it knows a side by a new name alone.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


@torch.library.custom_op('eca_mm::each', mutates_args=())
def each(rows: Tensor, images: Tensor) -> Tensor:
    """(N, c): a row for each of N images, from (N, c), or (1, c) for all of them."""
    return rows.expand(images.shape[0], -1).clone()


@each.register_fake
def _(rows: Tensor, images: Tensor) -> Tensor:
    return rows.new_empty(images.shape[0], rows.shape[1])


@torch.library.custom_op('eca_mm::padded', mutates_args=())
def padded(images: Tensor, divisor: int, value: float) -> Tensor:
    """Images (N, C, H, W), padded to the right and below to multiples of a divisor."""
    height, width = images.shape[-2:]
    amounts = (0, -width % divisor, 0, -height % divisor)
    return functional.pad(images, amounts, value=value).clone()


@padded.register_fake
def _(images: Tensor, divisor: int, value: float) -> Tensor:
    sides = (divisor * torch.library.get_ctx().new_dynamic_size(min=1) for _ in 'hw')
    return images.new_empty(*images.shape[:2], *sides)


@torch.library.custom_op('eca_mm::by_anchor', mutates_args=())
def by_anchor(maps: Tensor, channels: int) -> Tensor:
    """(N, A * channels, H, W) as (N, H * W * A, channels)."""
    return maps.permute(0, 2, 3, 1).reshape(maps.shape[0], -1, channels).clone()


@by_anchor.register_fake
def _(maps: Tensor, channels: int) -> Tensor:
    count = torch.library.get_ctx().new_dynamic_size(min=1)
    return maps.new_empty(maps.shape[0], count, channels)


@torch.library.custom_op('eca_mm::anchors', mutates_args=())
def anchors(maps: Tensor, base: Tensor, stride: list[int]) -> Tensor:
    """Anchors (1, H * W * A, 4) for maps (N, C, H, W).

    Args:
        base: (A, 4), those of the first pixel.
        stride: Of x and y.
    """
    height, width = maps.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height).to(base) * stride[1],
        torch.arange(width).to(base) * stride[0],
        indexing='ij',
    )
    # (H, W, 1, 4) + (A, 4) -> (1, H * W * A, 4)
    return (torch.stack([x, y, x, y], -1)[:, :, None] + base).reshape(1, -1, 4)


@anchors.register_fake
def _(maps: Tensor, base: Tensor, stride: list[int]) -> Tensor:
    return base.new_empty(1, torch.library.get_ctx().new_dynamic_size(min=1), 4)


@torch.library.custom_op('eca_mm::best', mutates_args=())
def best(scores: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Values and indices (N, k) of the highest of (N, n): ``most``, or all if less."""
    return scores.topk(min(most, scores.shape[1]), dim=1)


@best.register_fake
def _(scores: Tensor, most: int) -> tuple[Tensor, Tensor]:
    count = torch.library.get_ctx().new_dynamic_size(min=1)
    values = scores.new_empty(scores.shape[0], count)
    return values, torch.empty_like(values, dtype=torch.int64)


def translations() -> dict[Callable, Callable]:
    """For ``custom_translation_table`` of torch.onnx.export."""
    from onnxscript import opset18 as op  # of the extra eca_mm[export]

    def ints(*values):
        return op.Constant(value_ints=list(values))

    def to_each(rows, images):
        # One column leaves the columns as they are.
        return op.Expand(
            rows, op.Concat(op.Shape(images, start=0, end=1), ints(1), axis=0)
        )

    def to_padded(images, divisor, value):
        sides = op.Shape(images, start=2)
        more = op.Mod(op.Neg(sides), ints(divisor))  # of the divisor's sign
        amounts = op.Concat(ints(0, 0, 0, 0, 0, 0), more, axis=0)
        return op.Pad(images, amounts, op.Constant(value_float=value))

    def to_by_anchor(maps, channels):
        return op.Reshape(op.Transpose(maps, perm=[0, 2, 3, 1]), ints(0, -1, channels))

    def places(maps, axis, stride):
        zero, one = op.Constant(value_int=0), op.Constant(value_int=1)
        count = op.Squeeze(op.Shape(maps, start=axis, end=axis + 1))
        steps = op.Cast(op.Range(zero, count, one), to=1)
        return op.Mul(steps, op.Constant(value_float=float(stride)))

    def to_anchors(maps, base, stride):
        x = op.Unsqueeze(places(maps, 3, stride[0]), ints(0))  # (1, W)
        y = op.Unsqueeze(places(maps, 2, stride[1]), ints(1))  # (H, 1)
        x, y = op.Add(x, op.Mul(y, 0.0)), op.Add(op.Mul(x, 0.0), y)
        both = [op.Unsqueeze(part, ints(2, 3)) for part in (x, y)]  # (H, W, 1, 1)
        shifts = op.Concat(*both, *both, axis=3)
        return op.Reshape(op.Add(shifts, base), ints(1, -1, 4))

    def to_best(scores, most):
        count = op.Min(ints(most), op.Shape(scores, start=1, end=2))
        return op.TopK(scores, count, axis=1)

    ops = torch.ops.eca_mm
    return {
        ops.each.default: to_each,
        ops.padded.default: to_padded,
        ops.by_anchor.default: to_by_anchor,
        ops.anchors.default: to_anchors,
        ops.best.default: to_best,
    }
