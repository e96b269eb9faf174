"""The messages of the loss guard: what is not finite, when, and in which images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from torch import Tensor, nn

from eca_mm.errors import RunStopped

from .finite import Total, has_bad, is_small
from .parts import bare

SHOWN = 3  # names of parameters in a line


class NotFinite(RunStopped):
    """The loss, or what a step made of the weights, is NaN or infinite.

    Args:
        checkpoint: The run's last one before that; None if there is none.
    """

    def __init__(self, line: str, checkpoint: str | None = None) -> None:
        super().__init__(line)
        self.checkpoint = checkpoint


@dataclass(frozen=True)
class Fault:
    """What one rank has found.

    Attributes:
        iteration: In which it happened, from 1.
        since: The first iteration in which it may have happened, where that is another.
        of_loss: Whether the loss is not finite, in ``iteration``. Where ``since`` is
            another, weights of an earlier step may have made it so. Else the weights
            after the step are not finite.
        text: Names of weights, terms of the loss, images of ``iteration``.
    """

    iteration: int
    since: int
    of_loss: bool
    text: str

    @property
    def what(self) -> str:
        if not self.of_loss:
            when = numbered(self.since, self.iteration)
            return f'a step made weights that are not finite in {when}'
        told = f'the loss is not finite in iteration {self.iteration}'
        if self.since >= self.iteration:
            return told
        earlier = numbered(self.since, self.iteration - 1)
        return f'{told}, perhaps of weights that a step made in {earlier}'


def numbered(first: int, last: int) -> str:
    return f'iterations {first} to {last}' if first < last else f'iteration {last}'


@dataclass
class Step:
    """An iteration that is over, with what a message needs if something was wrong.

    Attributes:
        iteration: Its number, from 1.
        since: The first iteration after which not all weights have been checked.
        losses: Terms that the model has returned, of one element or a few.
        batch: What the model got, for the names of its images.
        total: Of the losses, and of the norms of the weights after the step.
    """

    iteration: int
    since: int
    losses: dict[str, Tensor]
    batch: object
    total: Total

    def fault(self, model: nn.Module, weights: Sequence[Tensor]) -> Fault | None:
        """What was wrong with the iteration, if anything.

        Args:
            weights: As they are now. A number that is not finite stays so, whatever
                later steps make of it.
        """
        if self.total.is_finite():
            return None
        of_loss = any(map(has_bad, self.losses.values()))
        wrong = [weight for weight in weights if has_bad(weight)]
        if not of_loss and not wrong:
            return None  # too large to add up, and finite
        # Those of the small ones that learn are looked at after each iteration.
        exact = any(is_small(weight) and weight.requires_grad for weight in wrong)
        since = self.iteration if exact and not of_loss else self.since
        text = self.text([] if of_loss else wrong, model)
        if self.losses and since < self.iteration:
            text += f' (of iteration {self.iteration})'
        return Fault(self.iteration, since, of_loss, text)

    def text(self, wrong: list[Tensor], model: nn.Module) -> str:
        parts = []
        if wrong:
            names = list(names_of(wrong, model))
            more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
            parts.append(', '.join(names[:SHOWN]) + more)
        if self.losses:
            terms = [f'{name}={v.sum():.4g}' for name, v in self.losses.items()]
            images = ', '.join(image_names(self.batch)) or 'images without names'
            parts.append(f'{", ".join(terms)} of {images}')
        return '; '.join(parts)


def scalars(outputs: dict | None) -> dict[str, Tensor]:
    """The terms of a loss among what a model's step returns, of any shapes."""
    return {
        name: torch.as_tensor(value).detach()
        for name, value in (outputs or {}).items()
        if 'loss' in name
    }


def gathered(runner: Runner, fault: Fault | None) -> NotFinite:
    """What to raise on every rank, to be called on every rank.

    Args:
        fault: Of this rank; None if another one has found it.
    """
    found = {rank: one for rank, one in enumerate(all_gather_object(fault)) if one}
    first = min(fault.iteration for fault in found.values())
    found = {rank: one for rank, one in found.items() if one.iteration == first}
    return in_words(runner, found)


def in_words(runner: Runner, found: dict[int, Fault]) -> NotFinite:
    """What to raise.

    Args:
        found: By rank, all of the same iteration.
    """
    of_loss = any(fault.of_loss for fault in found.values())
    told = [
        f'rank {rank}: {fault.text}' if get_world_size() > 1 else fault.text
        for rank, fault in found.items()
        if fault.of_loss == of_loss
    ]
    what = next(fault.what for fault in found.values() if fault.of_loss == of_loss)
    checkpoint = last_checkpoint(runner)
    return NotFinite(
        f'{what}: {"; ".join(told)}; last good checkpoint: {checkpoint or "none yet"}',
        checkpoint,
    )


def last_checkpoint(runner: Runner) -> str | None:
    """What the run has saved last, or else was resumed from."""
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.last_ckpt:
            return hook.last_ckpt
    return runner._load_from if runner._resume else None


def names_of(weights: list[Tensor], model: nn.Module) -> Iterator[str]:
    """The names that weights have in the model, in the model's order."""
    wanted = {id(weight) for weight in weights}
    own = bare(model)
    for name, weight in chain(own.named_parameters(), own.named_buffers()):
        if id(weight) in wanted:
            yield name


def image_names(node) -> Iterator[str]:
    """The paths, or else ids, of the data samples in a batch, however it is nested."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for value in node:
            yield from image_names(value)
    else:
        name = getattr(node, 'img_path', None) or getattr(node, 'img_id', None)
        if name is not None:
            yield str(name)
