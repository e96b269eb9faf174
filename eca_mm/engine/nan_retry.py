"""One more try, at a lower learning rate, where a loss was no number."""

import gc
from collections.abc import MutableMapping
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from .distributed import agreed
from .loss_guard import NotFinite, optim_wrappers
from .request import RunStopped
from .runner import build_runner
from .stop import StopSignalHook

FACTOR = 0.1

# Where the learning rate stands in a group of the optimiser and in a schedule.
OF_GROUP = ('lr', 'initial_lr', 'max_lr', 'min_lr')
OF_SCHEDULE = ('base_values', '_last_value', 'eta_min', 'min_values')


def train(cfg: Config, nan_retry: bool = False) -> None:
    """Train as a config tells.

    Args:
        nan_retry: If the loss is not finite, go on from the last good checkpoint, or
            from the start if there is none, with a tenth of the learning rate; once.

    Raises:
        RunStopped: The loss is not finite and there is no (other) try.
    """
    stop = attempt(build_runner(cfg))
    if stop is None:
        return
    if not nan_retry:
        raise RunStopped(
            f'{stop}; --resume --nan-retry goes on from there, and if the loss is so '
            'again, once more at a tenth of the learning rate'
        )
    # Workers, and memory of the GPU, that only cycles of references hold.
    gc.collect()
    torch.cuda.empty_cache()
    if stop.checkpoint:
        cfg.resume, cfg.load_from = True, stop.checkpoint
    # mmengine keeps log values and hook states of a process under this name.
    name = cfg.get('experiment_name') or Path(cfg.filename or 'run').stem
    cfg.experiment_name = f'{name}_nan_retry'
    runner = build_runner(cfg)
    runner.logger.warning(f'{stop}: once more at a tenth of the learning rate')
    runner.register_hook(LowerRateHook())
    stop = attempt(runner)
    if stop is not None:
        raise RunStopped(f'{stop}; the retry at a tenth of the learning rate failed')


def attempt(runner: Runner) -> NotFinite | None:
    """Train, and return why it stopped if another try may help."""
    try:
        runner.train()
        return None
    except NotFinite as error:
        stop = error.with_traceback(None)  # whose frames would keep the runner
    for hook in runner.hooks:
        if isinstance(hook, StopSignalHook):
            hook.let_go()
            if agreed(hook.received):
                raise stop
    for loop in (runner.train_loop, runner.val_loop):
        if loop is not None:
            # Ends the workers; in the garbage each would have 5 s to end by itself.
            loop.dataloader._iterator = loop.dataloader_iterator = None
    return stop


class LowerRateHook(Hook):
    """Multiply the learning rates of the rest of a run, schedules included, by 0.1.

    Its checkpoints have them so. It is not for configs: there it would do so again in
    every run that is resumed.
    """

    def before_train(self, runner: Runner) -> None:
        for optim_wrapper in optim_wrappers(runner):
            for group in optim_wrapper.param_groups:
                lower(group, OF_GROUP)
        schedulers = runner.param_schedulers or []
        if isinstance(schedulers, dict):
            schedulers = sum(schedulers.values(), [])
        for scheduler in schedulers:
            if scheduler.param_name == 'lr':
                lower(vars(scheduler), OF_SCHEDULE)


def lower(values: MutableMapping, names: tuple[str, ...]) -> None:
    """Multiply what is there of some numbers and lists of numbers."""
    for name in names:
        value = values.get(name)
        if isinstance(value, list):
            values[name] = [FACTOR * v for v in value]
        elif value is not None:
            values[name] = FACTOR * value
