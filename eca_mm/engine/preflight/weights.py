"""Checkpoints that a run starts from, and what they give its model."""

import logging
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import load_checkpoint
from torch import nn

from eca_mm.checkpoints import store
from eca_mm.checkpoints.load_report import LoadReport, load_report
from eca_mm.checkpoints.released import PREFIXES
from eca_mm.checkpoints.safe import CheckpointError, load_file
from eca_mm.findings import ERROR, NOTE, WARNING, Finding, some

from ..load_report import LoadReportHook
from ..runner import in_scope
from .config_parts import walk
from .silence import RANDOM_INIT

LEVELS = {logging.INFO: NOTE, logging.WARNING: WARNING}


def checkpoint_findings(cfg: Config, trains: bool) -> Iterator[Finding]:
    """``load_from``, ``resume`` and initial weights that cannot be used."""
    if cfg.get('load_from'):
        for problem in unusable_checkpoint(cfg.load_from):
            yield Finding(ERROR, 'checkpoint', '', problem)
    inits = (node.get('init_cfg') for _, node in walk(cfg.model) if trains)
    names = {
        init['checkpoint']
        for init in inits
        if isinstance(init, dict) and init.get('type') == 'Pretrained'
    }
    for problem in chain.from_iterable(map(unusable_checkpoint, sorted(names))):
        remedy = f'or start from random weights: {RANDOM_INIT}'
        yield Finding(ERROR, 'initial weights', '', problem, remedy)


def unusable_checkpoint(name: str) -> Iterator[str]:
    """What is wrong with a checkpoint, if anything.

    A local file is read, and a released one is fetched into the store: neither a
    damaged file nor a missing network is to end the run later. Other remote files are
    not looked at.
    """
    if name.startswith('torchvision://') and find_spec('torchvision') is None:
        yield f'{name} needs torchvision: install the one that fits your torch'
    elif is_at_hand(name):
        try:
            read(name)
        except CheckpointError as error:
            yield str(error)


def is_at_hand(name: str) -> bool:
    return name.startswith(PREFIXES) or '://' not in name


def read(name: str) -> object:
    if name.startswith(PREFIXES):
        return store.load(name)
    return load_file(Path(name).expanduser())


def start_findings(cfg: Config, model: nn.Module) -> Iterator[Finding]:
    """What the log of a training run will say of the weights that it starts from.

    Args:
        model: It gets these weights.
    """
    if cfg.get('resume') and cfg.get('load_from'):
        yield from other_model(cfg.load_from, model)
        return
    hook = LoadReportHook()
    hook.listen(model)
    with in_scope(cfg):
        model.init_weights()
    if cfg.get('load_from') and is_at_hand(cfg.load_from):
        hook.checkpoint = cfg.load_from
        load_checkpoint(model, cfg.load_from, 'cpu', revise_keys=[(r'^module\.', '')])
    model.train()  # only now mmdet's MobileNetV2 freezes
    for level, text in hook.findings(model):
        remedy = 'load other weights, or make sure that it is meant'
        level = LEVELS[level]
        remedy = remedy if level == WARNING else ''
        yield Finding(level, 'initial weights', '', text, remedy)


def other_model(name: str, model: nn.Module) -> Iterator[Finding]:
    """A checkpoint to go on from that is of another model: mmengine takes what fits."""
    report = report_of(name, model)
    if report.missing or report.unexpected or report.mismatched:
        what = f'{name} is of another model: {report.summary()}: {misfits(report)}'
        remedy = 'go on with the config of the run, or start anew with load_from'
        yield Finding(ERROR, 'checkpoint', '', what, remedy)


def tested_findings(name: str, model: nn.Module) -> Iterator[Finding]:
    """Parts of a model to test that its checkpoint leaves at random."""
    if not is_at_hand(name):
        return
    report = report_of(name, model)
    yield Finding(NOTE, 'checkpoint', '', f'{name}: {report.summary()}')
    if report.missing or report.mismatched:
        what = f'{name} leaves parts of the model at random: {misfits(report)}'
        remedy = 'test with the config that it was trained with'
        yield Finding(WARNING, 'checkpoint', '', what, remedy)


def report_of(name: str, model: nn.Module) -> LoadReport:
    content = read(name)
    state = content.get('state_dict', content) if isinstance(content, dict) else {}
    return load_report(model, {k.removeprefix('module.'): v for k, v in state.items()})


def misfits(report: LoadReport) -> str:
    """Examples of what is not in both, or of another shape."""
    shapes = [
        f'{name} is {tuple(found)} instead of {tuple(wanted)}'
        for name, (found, wanted) in report.mismatched.items()
    ]
    missing = [f'no {name}' for name in report.missing]
    return some(
        [*shapes, *missing, *(f'{name} too much' for name in report.unexpected)]
    )
