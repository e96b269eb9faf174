"""Evaluate a checkpoint: MMDetection's test command, with a check before it starts."""

import argparse
import sys
from copy import deepcopy

from mmdet.engine.hooks.utils import trigger_visualization_hook
from mmdet.evaluation import DumpDetResults
from mmengine.config import Config, ConfigDict

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.engine import (
    FoldNormsHook,
    RequestError,
    add_config_arguments,
    build_runner,
    exit_status,
    load_config,
    refuse_problems,
)


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
    parser.add_argument(
        '--check',
        action='store_true',
        help='only look at config, data and checkpoint; exit status 0 or 2',
    )
    parser.add_argument(
        '--out', metavar='F.pkl', help='keep the raw predictions in this pickle file'
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
    return parser.parse_args()


def apply_tta(cfg: Config) -> None:
    """Wrap model and pipeline for test-time augmentation, by default with a flip."""
    default_model = dict(
        type='DetTTAModel',
        tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100),
    )
    cfg.model = ConfigDict(**cfg.get('tta_model', default_model), module=cfg.model)
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    dataset.pipeline = cfg.get('tta_pipeline') or flip_pipeline(dataset.pipeline)


def flip_pipeline(pipeline: list[dict]) -> list[dict]:
    """The pipeline with its packing step run on the image and on its mirror image."""
    *steps, pack = deepcopy(pipeline)
    flips = [dict(type='RandomFlip', prob=prob) for prob in (1.0, 0.0)]
    # The merge step maps boxes back by these.
    pack['meta_keys'] = (*pack.get('meta_keys', ()), 'flip', 'flip_direction')
    return [*steps, dict(type='TestTimeAug', transforms=[flips, [pack]])]


def main() -> None:
    args = parse_args()
    if args.out and not args.out.endswith(('.pkl', '.pickle')):
        raise RequestError(f'--out {args.out}: the name must end in .pkl or .pickle')
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    refuse_problems(cfg, splits=('test',), show_all=args.check)
    if args.check:
        print(f'{args.config}: data, classes and checkpoint are in order')
        return
    if args.show or args.show_dir:
        cfg = trigger_visualization_hook(cfg, args)
    if args.tta:
        apply_tta(cfg)
    runner = build_runner(cfg)
    if args.fuse:
        runner.register_hook(FoldNormsHook())
    if args.out:
        runner.test_evaluator.metrics.append(DumpDetResults(out_file_path=args.out))
    runner.test()


if __name__ == '__main__':
    sys.exit(exit_status(main))
