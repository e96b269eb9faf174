"""What a checkpoint gives a model, above all which attention it leaves at random."""

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from torch import Size, Tensor, nn

from eca_mm import findings
from eca_mm.layers.identity import attention_kinds, begins_as_identity

from .resize_eca import REMEDY, differ_in_kernel_sizes

# As in the host's own messages: torch before 0.4.1 did not count batches.
NOT_COUNTED = 'num_batches_tracked'
some = partial(findings.some, shown=4, width=None)  # names in a line


@dataclass(frozen=True)
class LoadReport:
    """Names of tensors, those of the model in its own order.

    Attributes:
        loaded: In both, with the same shape.
        missing: In the model only.
        unexpected: In the checkpoint only.
        mismatched: In both, with the shapes in the checkpoint and in the model.
        random_attention: Of the model's attention, what the checkpoint does not give
            (missing or mismatched) and what is not the identity without it.
        frozen_attention: Those of them that training does not change either.
        identity_attention: Attention that the checkpoint does not give, in modules
            that begin as the identity.
    """

    loaded: list[str]
    missing: list[str]
    unexpected: list[str]
    mismatched: dict[str, tuple[Size, Size]]
    random_attention: list[str]
    frozen_attention: list[str]
    identity_attention: list[str]

    def lines(self) -> list[str]:
        """The report as text."""
        return [text for _, text in self.findings()]

    def findings(self) -> Iterator[tuple[int, str]]:
        """Lines of text with their level, ``logging.INFO`` or ``logging.WARNING``."""
        yield logging.INFO, self.summary()
        yield from self.tensor_findings()
        yield from self.attention_findings()

    def summary(self) -> str:
        """How many tensors of each kind, in one line."""
        total = len(self.loaded) + len(self.missing) + len(self.mismatched)
        return (
            f'{len(self.loaded)} of {total} tensors loaded, {len(self.missing)} '
            f'missing, {len(self.unexpected)} unexpected, {len(self.mismatched)} of '
            'another shape'
        )

    def tensor_findings(self) -> Iterator[tuple[int, str]]:
        """Of :meth:`findings`, the tensors that were not loaded."""
        if self.missing:
            told_below = {*self.random_attention, *self.identity_attention}
            is_attention = told_below.issuperset(self.missing)
            level = logging.INFO if is_attention else logging.WARNING
            yield level, f'missing, stays as it was: {some(self.missing)}'
        if self.unexpected:
            yield logging.INFO, f'unexpected: {some(self.unexpected)}'
        if self.mismatched:
            shapes = [
                f'{name} {tuple(found)} instead of {tuple(wanted)}'
                for name, (found, wanted) in self.mismatched.items()
            ]
            remedy = ''
            if differ_in_kernel_sizes(self.mismatched):
                remedy = f': give the kernel_sizes of the weights, {REMEDY}'
            yield logging.WARNING, f'not loaded, other shape: {some(shapes)}{remedy}'

    def attention_findings(self) -> Iterator[tuple[int, str]]:
        """Of :meth:`findings`, the attention that the checkpoint does not give."""
        if self.random_attention:
            text = (
                f'ATTENTION LEFT AT RANDOM: {count(self.random_attention)}. Random '
                'gates lie near 0.5 and halve what they scale: load weights that hold '
                'this attention, or let it begin as the identity (identity_init=True '
                'of ECA and SE)'
            )
            yield logging.WARNING, text
        if self.frozen_attention:
            text = (
                f'ATTENTION FROZEN AT RANDOM: of these, {count(self.frozen_attention)} '
                'will not change in training: see frozen_stages of the backbone'
            )
            yield logging.WARNING, text
        if self.identity_attention:
            text = (
                f'attention that was not loaded begins as the identity: '
                f'{count(self.identity_attention)}'
            )
            yield logging.INFO, text


def load_report(model: nn.Module, state_dict: Mapping[str, Tensor]) -> LoadReport:
    """Compare a state dict with a model, which stays as it is.

    Whether attention is frozen and whether it is the identity are taken from the model
    as it is now. mmdet's MobileNetV2 freezes its stages in ``train()`` only.

    Args:
        model: Not in a wrapper such as DistributedDataParallel.
        state_dict: Names as the model's; of the tensors, only shapes are looked at.
    """
    wanted = shapes_of(model.state_dict())
    found = shapes_of(state_dict)
    loaded = [name for name in wanted if found.get(name) == wanted[name]]
    not_given = wanted.keys() - set(loaded)
    attention = attention_parameters(model)
    absent = [name for name in attention if name in not_given]
    random = [name for name in absent if not attention[name][1]]
    return LoadReport(
        loaded=loaded,
        missing=[name for name in wanted if name not in found],
        unexpected=[name for name in found if name not in wanted],
        mismatched={
            name: (found[name], wanted[name])
            for name in wanted
            if name in not_given and name in found
        },
        random_attention=random,
        frozen_attention=[n for n in random if not attention[n][0].requires_grad],
        identity_attention=[name for name in absent if attention[name][1]],
    )


def shapes_of(state_dict: Mapping[str, Tensor]) -> dict[str, Size]:
    """Shapes of the tensors that count."""
    return {
        name: value.shape
        for name, value in state_dict.items()
        if isinstance(value, Tensor) and not name.endswith(NOT_COUNTED)
    }


def attention_parameters(model: nn.Module) -> dict[str, tuple[nn.Parameter, bool]]:
    """Parameters of the model's attention, and whether they begin as the identity."""
    kinds = attention_kinds()
    return {
        f'{path}.{name}' if path else name: (parameter, begins_as_identity(module))
        for path, module in model.named_modules()
        if isinstance(module, kinds)
        for name, parameter in module.named_parameters()
    }


def count(names: Collection[str]) -> str:
    return f'{len(names)} tensor{"" if len(names) == 1 else "s"} ({some(names)})'
