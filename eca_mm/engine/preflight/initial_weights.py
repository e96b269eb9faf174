"""Check the checkpoints that a run starts from, and what they give its model."""

import logging
from collections.abc import Iterator
from importlib.util import find_spec

from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.runner import load_checkpoint
from torch import nn

from eca_mm.checkpoints.content import (
    Content,
    Contents,
    below,
    read,
    without_wrapper,
)
from eca_mm.checkpoints.load_report import load_report, shapes_of
from eca_mm.checkpoints.misfit import left_at_random, nothing_fits
from eca_mm.checkpoints.safe import CheckpointError
from eca_mm.findings import ERROR, NOTE, WARNING, Finding

from ..load_report_hook import LoadReportHook, pretrained
from ..resumable import SAME_CONFIG, of_another_model, why_not_resumable
from ..runner import in_scope
from ..weights import tested
from .config_parts import walk
from .silence import RANDOM_INIT

LEVELS = {logging.INFO: NOTE, logging.WARNING: WARNING, logging.ERROR: ERROR}


def checkpoint_findings(
    cfg: Config, trains: bool, contents: Contents
) -> Iterator[Finding]:
    """``load_from``, ``resume`` and initial weights that cannot be used.

    Each is read, and a remote one is downloaded to where the run will look for it, so
    that neither a damaged file nor a missing network stops the run later.
    """
    if cfg.get('load_from'):
        resumes = trains and bool(cfg.get('resume'))
        for problem in unusable_checkpoint(cfg.load_from, contents, resumes):
            yield Finding(ERROR, 'checkpoint', '', problem)
    inits = (node.get('init_cfg') for _, node in walk(cfg.model) if trains)
    names = {
        init['checkpoint']
        for init in inits
        if isinstance(init, dict) and init.get('type') == 'Pretrained'
    }
    for name in sorted(names):
        for problem in unusable_checkpoint(name, contents):
            remedy = f'or start from random weights: {RANDOM_INIT}'
            yield Finding(ERROR, 'initial weights', '', problem, remedy)
        for line in contents.lost(name):
            yield Finding(WARNING, 'initial weights', '', f'{name}: {line}')


def unusable_checkpoint(
    name: str, contents: Contents, resumes: bool = False
) -> Iterator[str]:
    """What is wrong with a checkpoint, if anything.

    Args:
        resumes: A run is to resume from it.
    """
    if name.startswith('torchvision://') and find_spec('torchvision') is None:
        yield f'{name} needs torchvision: install the one that fits your torch'
        return
    try:
        problem = why_not_resumable(read(name)) if resumes else ''
        if problem:
            yield f'checkpoint {name} {problem}'
        else:
            contents[name]
    except CheckpointError as error:
        yield str(error)


def fit_findings(
    cfg: Config, model: nn.Module, trains: bool, is_check: bool, contents: Contents
) -> Iterator[Finding]:
    """Whether what a run starts from is for its model.

    Args:
        model: Only its names and shapes are looked at.
        trains: It is trained, and not only tested.
        is_check: Parts of a model to test that stay at random are an error.
    """
    if trains:
        for name, module in model.named_modules():
            for init in pretrained(module):
                yield from initial_findings(name, module, init, contents)
    if not cfg.get('load_from'):
        return
    try:
        content = contents[cfg.load_from]
    except CheckpointError:  # told by checkpoint_findings
        return
    if trains and cfg.get('resume'):
        yield from other_model(content, model)
    else:
        yield from load_findings(content, tested(model), trains, is_check)


def initial_findings(
    path: str, module: nn.Module, init: dict, contents: Contents
) -> Iterator[Finding]:
    """Initial weights of a part of the model of which it can take none.

    Args:
        path: Of the part in the model.
        init: Its ``init_cfg``.
    """
    # With attention anywhere a class has a method around its host's.
    kind = getattr(type(module), 'host_class', type(module))
    if kind.init_weights is not BaseModule.init_weights:
        return  # Swin and others rename what they load
    try:
        content = contents[init['checkpoint']]
    except CheckpointError:
        return
    prefix = init.get('prefix')
    report = load_report(module, below(content.state, prefix))
    if report.loaded:
        return
    wanted = shapes_of(module.state_dict())
    what, remedy = nothing_fits(content, wanted, path or 'model', prefix)
    remedy = f'{remedy}; or start from random weights: {RANDOM_INIT}'
    yield Finding(ERROR, 'initial weights', '', what, remedy)


def load_findings(
    content: Content, model: nn.Module, trains: bool, is_check: bool
) -> Iterator[Finding]:
    """What ``load_from`` gives a model to train or to test."""
    report = load_report(model, without_wrapper(content.state))
    if not report.loaded:
        what, remedy = nothing_fits(content, shapes_of(model.state_dict()))
        yield Finding(ERROR, 'checkpoint', '', what, remedy)
    elif not trains:
        yield Finding(NOTE, 'checkpoint', '', f'{content.name}: {report.summary()}')
        if report.missing or report.mismatched:
            level = ERROR if is_check else WARNING
            what, remedy = left_at_random(content.name, report)
            yield Finding(level, 'checkpoint', '', what, remedy)


def other_model(content: Content, model: nn.Module) -> Iterator[Finding]:
    """A checkpoint of another model to resume from: mmengine loads only what fits."""
    problem = of_another_model(load_report(model, without_wrapper(content.state)))
    if problem:
        what = f'{content.name} {problem}'
        yield Finding(ERROR, 'checkpoint', '', what, SAME_CONFIG)


def start_findings(cfg: Config, model: nn.Module) -> Iterator[Finding]:
    """What the log of a training run will say of the weights that it starts from.

    Args:
        model: It gets these weights.
    """
    if cfg.get('resume') and cfg.get('load_from'):
        return  # other_model has reported on what it loads
    hook = LoadReportHook()
    hook.listen(model)
    with in_scope(cfg):
        model.init_weights()
    if cfg.get('load_from'):
        hook.checkpoint = cfg.load_from
        load_checkpoint(model, cfg.load_from, 'cpu', revise_keys=[(r'^module\.', '')])
    model.train()  # only now mmdet's MobileNetV2 freezes
    for found, text in hook.findings(model):
        level = LEVELS[found]
        remedy = '' if level == NOTE else 'load other weights, or make sure it is meant'
        yield Finding(level, 'initial weights', '', text, remedy)
