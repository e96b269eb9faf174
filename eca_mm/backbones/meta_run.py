"""What each part of a network gives, found by running it on images without pixels."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import chain, product

import torch
from torch import Tensor, nn

from .feature_maps import RUNS, Shapes, shapes_of

# Halved seven times, as by the coarsest level of RetinaNet, 128 is 1. Windows may need
# larger images.
SIDES = (128, 256, 512)
SEVERAL = 3  # maps for a neck whose config does not tell how many
FINEST = 4  # stride of the finest map that a neck gets
Calls = dict[str, list[list[Shapes]]]  # path of a module: for each run, for each call


def dry_run(module: nn.Module, cfg: dict, build: Callable[[], nn.Module]) -> Calls:
    """Run a backbone or neck twice, on the meta device or else on the CPU.

    Args:
        cfg: Its config, of which ``in_channels`` counts: a list, as necks have it, is
            of feature maps, each half as large as the one before.
        build: Builds another one, for a module that is on the meta device itself and
            does not run there.

    Raises:
        ValueError: It runs on neither.
    """
    errors, tries = [], list(product(SIDES, input_channels(module, cfg)))
    for prepare in (on_meta, lambda module: on_cpu(module, build)):
        try:
            with prepare(module) as (ready, device):
                calls = run_first(ready, device, tries, errors)
        except Exception as error:  # of deepcopy: anything
            errors.append(describe(error))
            continue
        if calls is not None:
            return calls
    raise ValueError(
        f'the channels of {type(module).__name__} cannot be found, since it does not '
        f'run on {describe_input(tries[-1][1])}: {errors[-1]}'
    )


def run_first(
    module: nn.Module, device: str, tries: list[tuple], errors: list[str]
) -> Calls | None:
    """Calls of the first pair of side and maps with which a module runs."""
    for side, maps in tries:
        try:
            runs = [run(module, maps, n, factor * side, device) for n, factor in RUNS]
        except Exception as error:  # operators, asserts: anything
            errors.append(describe(error))
            continue
        calls = {path: [found[path] for found in runs] for path in runs[0]}
        if isinstance(maps, Several) and gives_as_many(calls, len(maps)):
            words = 'maps whose number its config does not tell (num_levels, num_ins)'
            calls[''] = [[words]] * len(RUNS)
        return calls
    return None


def describe(error: Exception) -> str:
    return f'{type(error).__name__}: {" ".join(str(error).split())}'


def gives_as_many(calls: Calls, number: int) -> bool:
    """Whether a neck gave as many maps as it got."""
    return all(isinstance(c[0], list) and len(c[0]) == number for c in calls[''])


class Several(list):
    """Channels of maps of which the config does not tell how many there are."""


def input_channels(module: nn.Module, cfg: dict) -> list[list[int] | int]:
    """Channels of what a module takes: an int for an image, a list for maps."""
    channels = cfg.get('in_channels', cfg.get('in_chans', 3))
    if isinstance(channels, (list, tuple)):
        # YOLOv3's neck has its list from coarse to fine.
        return [list(channels), list(reversed(channels))]
    if 'necks' not in type(module).__module__.split('.'):
        return [channels]
    number = cfg.get('num_levels', cfg.get('num_ins'))
    if number is not None:
        return [[channels] * number]
    return [Several([channels] * SEVERAL), [channels]]


def describe_input(maps: list[int] | int) -> str:
    if isinstance(maps, list):
        return f'feature maps of {", ".join(map(str, maps))} channels'
    return f'images of {maps} channels'


@contextmanager
def on_meta(module: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """A copy in eval mode whose tensors have no data."""
    tensors = chain(module.parameters(), module.buffers())
    # deepcopy takes what its memo has, and so copies no weights.
    memo = {
        id(t): t.detach().to('meta').requires_grad_(t.requires_grad) for t in tensors
    }
    copy = deepcopy(module, memo)
    copy.eval()  # of mmdet's backbones it returns nothing; they freeze stages in it
    yield copy, 'meta'


@contextmanager
def on_cpu(
    module: nn.Module, build: Callable[[], nn.Module]
) -> Iterator[tuple[nn.Module, str]]:
    """The module itself in eval mode, or another one if it has no data."""
    if any(parameter.is_meta for parameter in module.parameters()):
        with torch.device('cpu'):
            module = build()
    modes = {part: part.training for part in module.modules()}
    try:
        module.eval()
        yield module, 'cpu'
    finally:
        for part, training in modes.items():
            part.training = training


def run(
    module: nn.Module, maps: list[int] | int, batch: int, side: int, device: str
) -> dict[str, list[Shapes]]:
    """Shapes of what each part gives in each of its calls; '' is the module itself.

    With frozen stages gradients are followed, which tell what is frozen of a backbone;
    the maps that a neck gets may be trained or not.
    """
    frozen = any(not parameter.requires_grad for parameter in module.parameters())
    follow = frozen and isinstance(maps, int)
    calls = {path: [] for path, _ in module.named_modules()}

    def keeper(path: str) -> Callable:
        return lambda part, args, out: calls[path].append(shapes_of(out, follow))

    handles = [
        part.register_forward_hook(keeper(path))
        for path, part in module.named_modules()
    ]

    def zeros(channels: int, size: int) -> Tensor:
        return torch.zeros(batch, channels, size, size, device=device)

    try:
        with torch.set_grad_enabled(follow):
            if isinstance(maps, int):
                module(zeros(maps, side))
            else:
                sides = [side // FINEST // 2**i for i in range(len(maps))]
                module(tuple(map(zeros, maps, sides)))
    finally:
        for handle in handles:
            handle.remove()
    return calls
