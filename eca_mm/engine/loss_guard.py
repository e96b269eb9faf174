"""A loss or weights that are no numbers end the run, before they are saved."""

from collections.abc import Iterator

import torch
from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import CheckpointHook, Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from .distributed import agreed
from .errors import RunStopped
from .parts import optim_wrappers


class NotFinite(RunStopped):
    """The loss, or what a step made of the weights, is NaN or infinite.

    Args:
        checkpoint: The last one of the run, from before; None if there is none.
    """

    def __init__(self, line: str, checkpoint: str | None = None) -> None:
        super().__init__(line)
        self.checkpoint = checkpoint


@HOOKS.register_module()
class LossGuardHook(Hook):
    """Stop the run at a loss, or at weights after a step, that are not finite.

    mmengine has made the step by then; nothing of the iteration is saved or averaged.
    All ranks stop together, and the ones whose loss it is name its terms and their
    images. Weights are looked at too because a finite loss can have an infinite
    gradient: they would be saved before the next loss shows it. A step that a loss
    scaler skips leaves them finite and is no reason to stop.

    Raises:
        NotFinite: On every rank, at the end of the iteration.
    """

    priority = 'HIGHEST'  # before hooks that average or save the weights

    def __init__(self) -> None:
        self.weights: list[Tensor] = []

    def before_train(self, runner: Runner) -> None:
        self.weights = [
            weight
            for optim_wrapper in optim_wrappers(runner)
            for group in optim_wrapper.optimizer.param_groups
            for weight in group['params']
        ]

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        losses = {
            name: torch.as_tensor(value).detach().float()
            for name, value in (outputs or {}).items()
            if 'loss' in name
        }
        wrong_loss = not all_finite(list(losses.values()))
        if agreed(wrong_loss or not all_finite(self.norms())):
            raise stop(runner, losses, wrong_loss, data_batch)

    def norms(self) -> list[Tensor]:
        """The norm of each weight; torch clips gradients by the same one call."""
        weights = [weight.detach() for weight in self.weights]
        return (
            list(torch._foreach_norm(weights, dtype=torch.float32)) if weights else []
        )


def all_finite(scalars: list[Tensor]) -> bool:
    """Whether all are numbers, at the cost of one wait for the GPU."""
    if not scalars:
        return True
    return bool(torch.stack(scalars).isfinite().all())


def stop(runner: Runner, losses: dict, wrong_loss: bool, data_batch) -> NotFinite:
    """What to raise; to be called on every rank."""
    terms = ', '.join(f'{name}={float(value):.4g}' for name, value in losses.items())
    images = ', '.join(image_names(data_batch)) or 'images without names'
    reports = all_gather_object((wrong_loss, f'{terms} of {images}'))
    at_fault = any(wrong for wrong, _ in reports)
    what = 'the loss is' if at_fault else 'a step made weights that are'
    told = [
        f'rank {rank}: {report}' if get_world_size() > 1 else report
        for rank, (wrong, report) in enumerate(reports)
        if wrong or not at_fault
    ]
    checkpoint = last_checkpoint(runner)
    return NotFinite(
        f'{what} not finite in iteration {runner.iter + 1}: {"; ".join(told)}; '
        f'last good checkpoint: {checkpoint or "none yet"}',
        checkpoint,
    )


def last_checkpoint(runner: Runner) -> str | None:
    """What the run has saved last, or else was resumed from."""
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.last_ckpt:
            return hook.last_ckpt
    return runner._load_from if runner._resume else None


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
