"""Evaluate a checkpoint: MMDetection's test command, with a check before it starts."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdet.engine.hooks.utils import trigger_visualization_hook
from mmdet.evaluation import CocoMetric
from mmengine.config import Config

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.engine import (
    FoldNormsHook,
    RequestError,
    add_check_arguments,
    add_config_arguments,
    build_runner,
    load_config,
    parse_arguments,
    refuse_problems,
    show_problems,
)
from eca_mm.engine.tta import apply_tta
from eca_mm.evaluation.dump import SUFFIXES, WholeDump


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Evaluate a checkpoint with COCO metrics; predictions, '
        'results.json and the report (index.html, report.md) go to the work dir.',
        epilog='example: python tools/test.py configs/eca_faster_rcnn_r50.py '
        'work_dirs/eca_faster_rcnn_r50/epoch_12.pth',
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_config_arguments(parser)
    add_check_arguments(parser)
    parser.add_argument(
        '--out',
        metavar='FILE',
        help='keep the raw predictions in F.pkl, as MMDetection does for its own '
        'tools, or in F.json, in COCO result format, which tools/report.py reads',
    )
    parser.add_argument('--show', action='store_true', help='show each prediction')
    parser.add_argument(
        '--show-dir', metavar='DIR', help='save painted images to WORK_DIR/time/DIR'
    )
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds between shown images'
    )
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation: also flipped images'
    )
    parser.add_argument(
        '--fuse',
        action='store_true',
        help='fold batch norms into the convolutions before them (MMDetection 2.x: '
        '--fuse-conv-bn): faster, and equal but for rounding; other norms stay',
    )
    return parse_arguments(parser)


def check_out(out: Path) -> None:
    """Raise RequestError now, and not after an evaluation of hours."""
    if out.suffix not in SUFFIXES:
        raise RequestError(f'--out {out}: the name must end in {", ".join(SUFFIXES)}')
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise RequestError(f'--out {out}: folder {out.parent} cannot be written to')
    if out.is_dir():
        raise RequestError(f'--out {out} is a folder: give the name of a file')


def prepare(cfg: Config, args: argparse.Namespace) -> None:
    """Write what is asked for into the config, so that the check sees it, too."""
    if args.show or args.show_dir:
        with refused('--show'):  # the config has no such hook
            trigger_visualization_hook(cfg, args)
    if args.tta:
        with refused('--tta'):  # the config has no loader or pipeline to wrap
            apply_tta(cfg)


@contextmanager
def refused(option: str) -> Iterator[None]:
    """What goes wrong in a config that is not as an option needs it is a request's."""
    try:
        yield
    except Exception as error:  # a config can have anything anywhere
        problem = f'{type(error).__name__}: {error}'
        raise RequestError(f'{option} does not suit this config: {problem}') from error


def main() -> None:
    args = parse_args()
    if args.out:
        check_out(Path(args.out))
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    prepare(cfg, args)
    if args.check or args.json:
        show_problems(cfg, ('test',), args.check == 'full', args.json)
        return
    refuse_problems(cfg, ('test',))
    runner = build_runner(cfg)
    if args.fuse:
        runner.register_hook(FoldNormsHook())
    if args.out:
        ids = getattr(runner.test_dataloader.dataset, 'cat_ids', None)
        if ids is None and args.out.endswith('.json'):
            raise RequestError('--out F.json is for COCO data sets: take F.pkl here')
        metrics = runner.test_evaluator.metrics
        coco = next((m for m in metrics if isinstance(m, CocoMetric)), None)
        metrics.append(WholeDump(args.out, ids, coco))
    runner.test()
