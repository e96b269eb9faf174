"""ECA weights for other kernel sizes: taps of zero at both ends, or the end taps cut.

The authors' COCO detectors of depth 50 have other kernel sizes than the ImageNet
weights that they released. Longer kernels compute what the shorter ones did; what a cut
takes away is told.
"""

from collections.abc import Iterable, Sequence

from torch import Tensor
from torch.nn.functional import pad

from eca_mm.layers.eca import check_kernel_size

from .architecture import ECA_WEIGHT, kernel_sizes
from .rename import State
from .safe import CheckpointError

# For weights that differ from a model in nothing else
REMEDY = (
    'or weights for its kernel sizes: tools/convert_checkpoint.py --kernel-sizes makes '
    'them, and ecanet://resnet50-k5555 stands for the released ones with 5, 5, 5, 5'
)


def resize(state: State, meta: dict, sizes: Sequence[int]) -> tuple[State, dict]:
    """Weights and what is known of them, with other kernel sizes.

    Args:
        state, meta: As of :class:`.convert.Converted`.
        sizes: One odd number a stage.

    Returns:
        ``meta`` gets ``resized_from``, the kernel sizes that it had, and ``lost``, a
        line for each stage of which taps were cut.

    Raises:
        CheckpointError: The weights are not an ECAResNet's, or of as many stages, or a
            size is even or below 1.
    """
    found = kernel_sizes(state)
    backbone = meta.get('backbone', {})
    if 'kernel_sizes' not in backbone:
        raise CheckpointError('only an ECAResNet can have other kernel sizes')
    if len(found) != len(sizes):
        raise CheckpointError(
            f'{len(sizes)} kernel sizes are asked for, {list(sizes)}, and it has '
            f'{len(found)}, {found}'
        )
    try:
        sizes = [check_kernel_size(size) for size in sizes]
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    new, lost = dict(state), []
    for stage, (old_size, size) in enumerate(zip(found, sizes, strict=True), 1):
        keys = [key for key in state if is_eca(key, stage)]
        new |= {key: with_taps(state[key], size) for key in keys}
        if size < old_size:
            share = max(cut_share(state[key], new[key]) for key in keys)
            lost.append(
                f'stage {stage}: {old_size} taps became {size}; those cut made up to '
                f"{share:.0%} of a block's taps (by magnitude)"
            )
    changed = dict(kernel_sizes=sizes, resized_from=found, lost=lost)
    backbone = dict(backbone, kernel_sizes=tuple(sizes))
    return new, meta | changed | dict(backbone=backbone)


def is_eca(key: str, stage: int) -> bool:
    """Whether a tensor is an ECA's of a stage, counted from 1."""
    match = ECA_WEIGHT.fullmatch(key)
    return match is not None and int(match[1]) == stage


def with_taps(weight: Tensor, size: int) -> Tensor:
    """(1, 1, k) -> (1, 1, size): the middle taps stay the middle ones."""
    ends = (size - weight.shape[-1]) // 2
    return pad(weight, (ends, ends))


def cut_share(before: Tensor, after: Tensor) -> float:
    """Part of the sum of magnitudes that was cut."""
    total = float(before.abs().sum())
    return 1 - float(after.abs().sum()) / total if total else 0.0


def differ_in_kernel_sizes(names: Iterable[str]) -> bool:
    """Whether the tensors that do not fit a model are all taps of ECA."""
    names = list(names)
    return bool(names) and all(ECA_WEIGHT.fullmatch(name) for name in names)
