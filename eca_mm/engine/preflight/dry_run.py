"""Build every part of a run from copies and take one step before the run starts."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.hooks import EMAHook
from mmengine.logging import MessageHub
from mmengine.model import BaseTTAModel
from mmengine.optim import OptimWrapper
from mmengine.utils import ManagerMixin
from mmengine.visualization import Visualizer
from torch import nn

from eca_mm.findings import ERROR, Finding

from ..random_state import seeded
from ..runner import in_scope
from .dry_runner import DryRunner
from .dry_step import SmallBatch, TrialFailed, agreed_step, made_up_results
from .refusal import Refusals
from .schedule import built_schedule_findings
from .stand_in import StandIn

# What mmengine's Runner needs together or not at all.
TOGETHER = {
    'train': ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    'val': ('val_dataloader', 'val_cfg', 'val_evaluator'),
    'test': ('test_dataloader', 'test_cfg', 'test_evaluator'),
}


def dry_findings(
    cfg: Config,
    model: nn.Module,
    splits: tuple[str, ...],
    stand_ins: dict[Path, StandIn],
    refused: set[str],
) -> Iterator[Finding]:
    """The errors that the hosts would raise while they build and begin a run.

    Args:
        cfg: The whole config; not changed.
        model: Of this config, on the CPU; it is trained for a step.
        splits: 'train', 'val', 'test'.
        stand_ins: A few images of each annotation file that can be used.
        refused: Parts with known errors: evaluators among them are not tried.
    """
    yield from together_findings(cfg, splits)
    refusals = Refusals(cfg)
    with unnoticed(cfg), TemporaryDirectory(prefix='eca_mm_check_') as folder:
        runner = DryRunner(cfg, model, Path(folder), stand_ins)
        Trial(runner, refusals, refused).run(splits)
    yield from refusals.found


def together_findings(cfg: Config, splits: tuple[str, ...]) -> Iterator[Finding]:
    """Parts that are missing and that other parts need."""
    for split, keys in TOGETHER.items():
        missing = [key for key in keys if cfg.get(key) is None]
        wanted = split in splits and split != 'val' or len(missing) < len(keys)
        if missing and wanted:
            what = f'the config has no {" and no ".join(missing)}'
            remedy = f'give {", ".join(keys)}'
            if split != 'train':
                remedy += ', or set all of them to None'
            yield Finding(ERROR, 'config', split, what, remedy)


@contextmanager
def unnoticed(cfg: Config) -> Iterator[None]:
    """Leave random numbers, names, logs and warnings as they were before."""
    disabled = logging.root.manager.disable
    # Scopes, visualisers, message hubs: mmengine finds the newest of each by itself.
    kept = {kind: dict(kind._instance_dict) for kind in kinds_below(ManagerMixin)}
    with (
        seeded('preflight'),
        in_scope(cfg),
        redirect_stdout(StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter('ignore')
        logging.disable(logging.CRITICAL)
        # Some models ask how far the training is.
        hub = MessageHub.get_instance('preflight')
        hub.update_info_dict(dict(epoch=0, iter=0, max_epochs=1, max_iters=1))
        for kind in kinds_below(Visualizer):  # that of an earlier run is not looked at
            kind._instance_dict.clear()
        try:
            yield
        finally:
            logging.disable(disabled)
            for kind in kinds_below(ManagerMixin):
                kind._instance_dict.clear()
                kind._instance_dict.update(kept.get(kind, {}))


def kinds_below(kind: type) -> Iterator[Any]:
    """All subclasses of a class of mmengine, each with a dict of instances."""
    if kind is not ManagerMixin:
        yield kind
    for inner in kind.__subclasses__():
        yield from kinds_below(inner)


class Trial:
    """The parts of a run in the order in which the host builds them."""

    def __init__(
        self, runner: DryRunner, refusals: Refusals, refused: set[str]
    ) -> None:
        self.runner, self.refused = runner, refused
        self.of, self.found = refusals.of, refusals.found

    def run(self, splits: tuple[str, ...]) -> None:
        runner, cfg = self.runner, self.runner.cfg
        with self.of('visualizer'):
            runner.try_visualizer()
        with self.of('log_processor'):
            runner.build_log_processor(cfg.get('log_processor') or {})
        with self.of('log_level'):
            logging.Handler().setLevel(cfg.get('log_level', 'INFO'))
        with self.of('default_hooks'):
            runner.register_default_hooks(cfg.get('default_hooks'))
        with self.of('custom_hooks'):
            runner.register_custom_hooks(cfg.get('custom_hooks') or [])
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):  # builds its part when a run begins
                    hook.before_run(runner)
        with self.of('model_wrapper_cfg'):
            runner.try_wrapper()
        for split in splits:
            if all(cfg.get(key) is not None for key in TOGETHER[split]):
                self.split(split)

    def split(self, split: str) -> None:
        """Data loader, loop and one step of a split."""
        runner, loader = self.runner, None
        # If the data are missing, whatever looks for them would report that again.
        told = [FileNotFoundError] if 'data root' in self.refused else []
        with self.of(f'{split}_dataloader'), suppress(*told):
            loader = runner.build_dataloader(runner.cfg[f'{split}_dataloader'], 0)
        if loader is None:
            return
        setattr(runner, f'_{split}_dataloader', loader)
        samples = None
        with self.of(f'{split}_dataloader'):
            samples = some_samples(loader) if id(loader) in runner.sampled else None
        if split == 'train':
            self.training(samples)
        else:
            self.evaluation(split, samples)

    def training(self, samples: list | None) -> None:
        """Loop, optimiser, schedulers and one step."""
        runner, wrapper = self.runner, None
        with self.of('train_cfg'):
            # The host scales the rate by what the config says of the loader.
            runner._train_loop = runner.build_train_loop(runner._train_loop)
            runner._train_dataloader = runner.cfg.train_dataloader
        with self.of('optim_wrapper'):
            wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        if wrapper is not None:
            runner.optim_wrapper = wrapper
            with self.of('auto_scale_lr'):
                runner.scale_lr(wrapper, runner.auto_scale_lr)
            # Their lengths are only right where those of the data are.
            known = samples is not None and not isinstance(runner._train_loop, dict)
            if runner.param_schedulers is not None and known:
                with self.of('param_scheduler'):
                    schedulers = runner.build_param_scheduler(runner.param_schedulers)
                    self.found += built_schedule_findings(
                        schedulers, runner.max_epochs, runner.max_iters
                    )
        if samples is not None:
            self.step('train', samples, wrapper)

    def evaluation(self, split: str, samples: list | None) -> None:
        """Evaluator, loop, one prediction, and the figures of made-up detections."""
        runner, evaluator = self.runner, None
        if f'{split}_evaluator' in self.refused:
            return
        with self.of(f'{split}_evaluator'):
            evaluator = runner.build_evaluator(
                runner.dry_evaluator(runner.cfg[f'{split}_evaluator'])
            )
        if evaluator is None:
            return
        setattr(runner, f'_{split}_evaluator', evaluator)
        with self.of(f'{split}_cfg'):
            loop = getattr(runner, f'build_{split}_loop')(runner.cfg[f'{split}_cfg'])
            setattr(runner, f'_{split}_loop', loop)
        if samples is None:
            return
        predicted = self.step(split, samples, None)
        if isinstance(runner.model, BaseTTAModel):
            masks = getattr(runner.model.module, 'with_mask', False)
        else:  # a model that could not be tried may predict masks
            masks = not predicted or 'masks' in predicted[0].pred_instances
        with self.of(f'{split}_evaluator'):
            evaluate(evaluator, samples, masks)

    def step(self, split: str, samples: list, wrapper: OptimWrapper | None):
        """One step of training or one prediction; both must fail to count as wrong."""
        model, found = self.runner.model, None
        if isinstance(model, BaseTTAModel):
            return None
        batch = SmallBatch(model, samples, training=split == 'train')
        # A step that could not be tried is not a problem of the run.
        with self.of('model', split), suppress(TrialFailed):
            found = agreed_step(batch, wrapper)
        return found


def some_samples(loader) -> list | None:
    """Two samples as the loader's sampler and collate function give them.

    Returns:
        The samples before they are collated; None for loaders of another kind.
    """
    if loader.batch_sampler is None:
        return None
    indices = next(iter(loader.batch_sampler))
    # One more, for norms and mixtures that need two.
    samples = [loader.dataset[i] for i in (*indices[:2], *indices[:1])[:2]]
    loader.collate_fn(samples)
    return samples


def evaluate(evaluator: Evaluator, samples: list, masks: bool) -> None:
    """Let each COCO metric evaluate made-up detections; its errors are not caught."""
    for metric, results in made_up_results(evaluator.metrics, samples, masks):
        metric.process({}, results)
        metric.evaluate(len(results))
