"""Models and runners as MMDetection's tools build them, and training with a retry."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import torch
from mmdet.utils import setup_cache_size_limit_of_dynamo
from mmengine.config import Config
from mmengine.registry import MODELS, RUNNERS, DefaultScope
from mmengine.runner import Runner
from torch import nn

from eca_mm.errors import RequestError, RunStopped

from .accidents import told_in_one_line
from .distributed import agreed, prepare_ranks
from .loss_guard import behind
from .nan_retry import LowerRateHook
from .not_finite import NotFinite
from .resume import share_choice
from .run_lock import only_run
from .stop import StopSignalHook


def build_runner(cfg: Config) -> Runner:
    """Build the runner of a config as MMDetection's tools do, with or without GPUs."""
    setup_cache_size_limit_of_dynamo()
    prepare_ranks(cfg)
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    share_choice(runner)
    return runner


@contextmanager
def in_scope(cfg: Config) -> Iterator[None]:
    """Names in the config are those of its own library: mmdet unless it says so."""
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmdet')):
        yield


@contextmanager
def blamed_on(cfg: Config) -> Iterator[None]:
    """What goes wrong in building a config's parts is told of the config, in one line.

    Raises:
        RequestError: Something went wrong, or it has no model.
    """
    if 'model' not in cfg:
        raise RequestError(f'config {cfg.filename}: it has no model')
    try:
        yield
    except Exception as error:  # a config is code: anything can be raised
        raise RequestError(
            f'config {cfg.filename}: {type(error).__name__}: {error}'
        ) from error


def build_model(cfg: Config, device: str = 'cpu') -> nn.Module:
    """The model of a config, with random weights; the config stays as it is.

    Args:
        device: 'meta' for a model that takes no memory.

    Raises:
        RequestError: It cannot be built.
    """
    with blamed_on(cfg), in_scope(cfg), torch.device(device):
        # From a copy: mmdet's detectors write into what they are built from.
        return MODELS.build(deepcopy(cfg.model))


def build_detector(cfg: Config) -> nn.Module:
    """A model of :func:`build_model` that has a backbone.

    Raises:
        RequestError: As there, or it has none.
    """
    model = build_model(cfg)
    if not hasattr(model, 'backbone'):
        raise RequestError(f'config {cfg.filename}: its model has no backbone')
    return model


def train(cfg: Config, nan_retry: bool = False) -> None:
    """Train as a config tells.

    Args:
        nan_retry: If the loss is not finite, go on from the last good checkpoint, or
            from the start if there is none, with a tenth of the learning rate; once.

    Raises:
        RequestError: Another run is at work in the work dir.
        RunStopped: The loss is not finite and there is no (other) try, or an accident
            has ended the run.
    """
    with only_run(cfg.work_dir), told_in_one_line(cfg.work_dir):
        train_and_retry(cfg, nan_retry)


def train_and_retry(cfg: Config, nan_retry: bool) -> None:
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
        run_to_end(runner)
        return None
    except NotFinite as error:
        if error.of_one_rank:
            raise
        stop = error.with_traceback(None)  # whose frames would keep the runner
        stop.__cause__ = stop.__context__ = None
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


def run_to_end(runner: Runner) -> None:
    """Train; what fails after a step whose answer was late is told as that step's."""
    try:
        runner.train()
    except RunStopped:
        raise
    except Exception as error:  # models may raise anything at weights that are NaN
        stop = behind(runner)
        if stop is None:
            raise
        raise stop from error
