"""Train a detector: MMDetection's train command, with a check before it starts."""

import argparse

from mmengine.config import Config
from mmengine.device import is_cuda_available

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.engine import (
    RequestError,
    add_check_arguments,
    add_config_arguments,
    ask_to_resume,
    load_config,
    parse_arguments,
    refuse_problems,
    resume_from_newest,
    show_problems,
    train,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train a detector and evaluate it with COCO metrics. Checkpoints, '
        'logs, predictions, results.json and the report (index.html, report.md) go to '
        'the work dir.',
        epilog='example: python tools/train.py configs/eca_faster_rcnn_r50.py --amp',
    )
    parser.add_argument('config', help='config file')
    add_config_arguments(parser)
    add_check_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CKPT',
        help='go on from CKPT, or from the newest whole checkpoint in the work dir',
    )
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision (needs a GPU)'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate to the batch (the configs of this repository '
        'do so anyway)',
    )
    parser.add_argument(
        '--keep-going-on-save-error',
        action='store_true',
        help='log a checkpoint that cannot be written (disk full) and train on; '
        'otherwise the run stops with exit status 1. Earlier ones stay either way',
    )
    parser.add_argument(
        '--nan-retry',
        action='store_true',
        help='when the loss is NaN or infinite, go on once from the last good '
        'checkpoint at a tenth of the learning rate, instead of stopping',
    )
    return parse_arguments(parser)


def apply_options(cfg: Config, args: argparse.Namespace) -> None:
    """Write the training options into the config."""
    if args.amp:
        if not is_cuda_available():
            raise RequestError('--amp needs a GPU: leave it out to train on CPU')
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.loss_scale = 'dynamic'
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise RequestError(
                '--auto-scale-lr: the config has no auto_scale_lr.base_batch_size; '
                'add the batch size that its learning rate is meant for'
            )
        cfg.auto_scale_lr.enable = True
    if args.keep_going_on_save_error:
        hook = cfg.get('default_hooks', {}).get('checkpoint') or {}
        if hook.get('type') != 'SafeCheckpointHook':
            raise RequestError(
                '--keep-going-on-save-error: set default_hooks.checkpoint.type of the '
                'config to SafeCheckpointHook'
            )
        hook.keep_going_on_save_error = True
    if args.nan_retry and not any(
        hook and hook.get('type') == 'LossGuardHook'
        for hook in cfg.get('default_hooks', {}).values()
    ):
        raise RequestError(
            "--nan-retry: add loss_guard=dict(type='LossGuardHook') to the config's "
            'default_hooks'
        )
    if args.resume is not None:
        ask_to_resume(cfg, args.resume)
    resume_from_newest(cfg)


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    apply_options(cfg, args)
    if args.check or args.json:
        show_problems(cfg, ('train', 'val'), args.check == 'full', args.json)
        return
    refuse_problems(cfg, ('train', 'val'))
    train(cfg, nan_retry=args.nan_retry)
