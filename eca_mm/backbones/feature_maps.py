"""Which feature map a module gives, by the shapes of what it gave in two runs."""

from dataclasses import dataclass

from torch import Tensor

# Two runs differ in all that is no channel: batch, and factor of the sides' pixels.
RUNS = ((2, 1), (3, 2))
# By dimensions and axis of the channels
LAYOUTS = {(4, 1): 'NCHW', (4, 3): 'NHWC', (3, 2): 'NLC', (3, 1): 'NCL'}


@dataclass(frozen=True)
class Output:
    """A feature map that a module gives.

    Attributes:
        layout: Its axes, L for all positions in one.
        channels: How many it has.
        frozen: Whether all parameters that it depends on are frozen, and there are any.
    """

    layout: str
    channels: int
    frozen: bool = False


class Shape(tuple):
    """Of a tensor, with ``frozen`` as of :class:`Output`."""

    frozen = False


Shapes = Shape | list | str  # of a tensor, of several results, or words for another one


def shapes_of(output: object, follow: bool) -> Shapes:
    if isinstance(output, Tensor):
        shape = Shape(output.shape)
        shape.frozen = follow and not output.requires_grad
        return shape
    if isinstance(output, (tuple, list)):
        return [shapes_of(part, follow) for part in output]
    return f'a {type(output).__name__}'


def output_of(small: Shapes, large: Shapes) -> Output:
    """The feature map that has one shape in the first run and another in the second.

    Channels are the axis that stays, as no other one does.

    Raises:
        ValueError: It is none, or the axis is not certain; with the reason.
    """
    if not isinstance(small, tuple):
        what = f'{len(small)} results' if isinstance(small, list) else small
        raise ValueError(f'gives {what} and not one feature map')
    if len(small) not in (3, 4) or len(small) != len(large):
        raise ValueError(f'gives no feature map but {small}')
    if (small[0], large[0]) != (RUNS[0][0], RUNS[1][0]):
        raise ValueError(f'gives {small}, whose first axis is not the batch')
    axes = range(1, len(small))
    fixed = [axis for axis in axes if small[axis] == large[axis]]
    layout = LAYOUTS.get((len(small), fixed[0])) if len(fixed) == 1 else None
    if layout is None:
        raise ValueError(f'gives {small}, in which channels cannot be told')
    growth = 2 if len(small) == 4 else 4
    if any(large[axis] != growth * small[axis] for axis in axes if axis != fixed[0]):
        raise ValueError(f'gives {small}, more or less than the positions of an image')
    return Output(layout, small[fixed[0]], small.frozen)
