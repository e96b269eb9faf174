"""Say at the start of a run what was loaded, and which attention is left at random."""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model.weight_init import PretrainedInit
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn

from eca_mm.checkpoints.gate_scale import gate_findings
from eca_mm.checkpoints.load_report import LoadReport, load_report

from .parts import bare


@dataclass(frozen=True)
class Load:
    """One state dict that was loaded.

    Attributes:
        source: Where it came from.
        target: Name in the model of the module that it was loaded into; '' is all.
        state_dict: Its tensors without their data, names as the target's; with the
            modules' versions where it had them.
    """

    source: str
    target: str
    state_dict: dict[str, Tensor]

    @property
    def prefix(self) -> str:
        """What the target's names begin with in the whole model."""
        return f'{self.target}.' if self.target else ''


@HOOKS.register_module()
class LoadReportHook(Hook):
    """Log what initial weights, ``load_from`` or a resumed checkpoint gave the model.

    It listens while the host loads, so that no file is read twice and names are seen
    as the host uses them. The main rank logs, at the start of training.
    """

    # Hooks that copy the model before a run, as EMAHook does, come first: the copy
    # must not listen.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self.loads: list[Load] = []
        self.handles: list = []
        self.checkpoint: str | None = None  # of load_from or resume, once it is read
        self.resumed = False

    def before_run(self, runner: Runner) -> None:
        # FlexibleRunner loads before it calls its hooks.
        if is_main_process() and isinstance(runner, Runner):
            with run_goes_on():
                self.listen(bare(runner.model))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        self.checkpoint = str(runner._load_from or 'the last checkpoint')
        self.resumed = runner._resume

    def before_train(self, runner: Runner) -> None:
        for handle in self.handles:
            handle.remove()
        if self.handles:
            with run_goes_on():
                # The loop does so next, and only now mmdet's MobileNetV2 freezes.
                runner.model.train()
                for level, text in self.findings(bare(runner.model)):
                    runner.logger.log(level, text)

    def listen(self, model: nn.Module) -> None:
        """Note from now on what is loaded into the model and into each part of it."""
        for name, module in model.named_modules():
            # torch made it public, under another name, in 2.5.
            handle = module._register_load_state_dict_pre_hook(
                partial(self.note, name), with_module=True
            )
            self.handles.append(handle)

    def note(
        self, target: str, module: nn.Module, state_dict: dict, prefix: str, *_
    ) -> None:
        """Called by torch before each module of a load takes its tensors."""
        if prefix:  # a part of what is being loaded
            return
        with run_goes_on():
            shapes = OrderedDict(
                (name, torch.empty(value.shape, device='meta'))
                for name, value in state_dict.items()
                if isinstance(value, Tensor)
            )
            shapes._metadata = getattr(state_dict, '_metadata', None)  # as torch does
            source = self.checkpoint or initial_weights(module)
            self.loads.append(Load(source, target, shapes))

    def findings(self, model: nn.Module) -> Iterator[tuple[int, str]]:
        """Level and text of each line of the report."""
        # What was loaded before a resumed checkpoint has been overwritten.
        loads = self.loads[-1:] if self.resumed else self.loads
        if not loads:
            yield logging.INFO, 'no weights were loaded: training starts from scratch'
        given = set()
        for load in loads:
            target = model.get_submodule(load.target)
            report = load_report(target, load.state_dict)
            verb = 'resumed from' if self.resumed else 'loaded'
            into = f' into {load.target}' if load.target else ''
            # Before our own tools begin to train they refuse such weights.
            level = logging.INFO if report.loaded else logging.ERROR
            yield level, f'{verb} {load.source}{into}: {report.summary()}'
            gates = gate_findings(target, load.state_dict, report.loaded)
            for level, text in (*report.tensor_findings(), *gates):
                yield level, f'{load.source}: {text}'
            given.update(load.prefix + name for name in report.loaded)
        parts = tuple(load.prefix for load in loads)
        yield from overall(model, given, parts).attention_findings()


def overall(model: nn.Module, given: set[str], parts: tuple[str, ...]) -> LoadReport:
    """What all loads together gave; only attention that should have come with them.

    Attention beside the loaded parts, or in a model that starts from scratch, is at
    random like everything around it: it is only told of where it is frozen so.

    Args:
        given: Names of all tensors that were loaded.
        parts: Beginnings of the names in the parts that something was loaded into.
    """
    state = model.state_dict()
    report = load_report(model, {name: state[name] for name in given})
    frozen = set(report.frozen_attention)
    told = [n for n in report.random_attention if n.startswith(parts) or n in frozen]
    return replace(report, random_attention=told)


def initial_weights(module: nn.Module) -> str:
    """The checkpoints that the ``init_cfg`` of a module names."""
    names = [init['checkpoint'] for init in pretrained(module)]
    return ' and '.join(names) or 'a state dict'


def pretrained(module: nn.Module) -> list[dict]:
    """Each ``init_cfg`` of a module that has a checkpoint."""
    init_cfg = getattr(module, 'init_cfg', None) or ()
    return [
        init
        for init in ([init_cfg] if isinstance(init_cfg, dict) else init_cfg)
        if init.get('type') in ('Pretrained', PretrainedInit)
    ]


@contextmanager
def run_goes_on() -> Iterator[None]:
    """Whatever goes wrong in a report must not end days of training."""
    try:
        yield
    except Exception:
        MMLogger.get_current_instance().exception('no load report; the run goes on')
