"""Evaluate a checkpoint: MMDetection's test command, with a check before it starts."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from mmdet.engine.hooks.utils import trigger_visualization_hook
from mmdet.evaluation import CocoMetric
from mmengine.config import Config

from eca_mm.engine import (
    FoldNormsHook,
    RequestError,
    build_runner,
    load_config,
    refuse_problems,
    show_problems,
)
from eca_mm.engine.tta import apply_tta
from eca_mm.evaluation.dump import WholeDump


def prepare(cfg: Config, args: Namespace) -> None:
    """Write the requested options into the config, so that the check sees them."""
    if args.show or args.show_dir:
        with refused('--show'):  # the config has no such hook
            trigger_visualization_hook(cfg, args)
    if args.tta:
        with refused('--tta'):  # the config has no loader or pipeline to wrap
            apply_tta(cfg)


@contextmanager
def refused(option: str) -> Iterator[None]:
    """Turn an error of an option that does not fit the config into a RequestError."""
    try:
        yield
    except Exception as error:  # a config can have anything anywhere
        problem = f'{type(error).__name__}: {error}'
        raise RequestError(f'{option} does not fit this config: {problem}') from error


def main(args: Namespace) -> None:
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    prepare(cfg, args)
    if args.check or args.json:
        show_problems(cfg, ('test',), args.check == 'full', args.json)
        return
    refuse_problems(cfg, ('test',))
    runner = build_runner(cfg)
    if args.fold_norms:
        runner.register_hook(FoldNormsHook())
    if args.out:
        ids = getattr(runner.test_dataloader.dataset, 'cat_ids', None)
        if ids is None and args.out.endswith('.json'):
            raise RequestError('--out F.json is for COCO data sets: use F.pkl here')
        metrics = runner.test_evaluator.metrics
        coco = next((m for m in metrics if isinstance(m, CocoMetric)), None)
        metrics.append(WholeDump(args.out, ids, coco))
    runner.test()
