"""The arguments of the train command."""

from argparse import ArgumentParser, Namespace

from eca_mm.engine.arguments import (
    add_check_arguments,
    add_config_arguments,
    parse_arguments,
)

from .common import add_processes, as_called, check_checkpoint, checked


def parse_args() -> Namespace:
    parser = ArgumentParser(
        description='Train a detector and evaluate it with COCO metrics. Checkpoints, '
        'logs, predictions, results.json and the report (index.html, report.md) go to '
        'the work dir.',
        epilog=as_called(
            'example: python tools/train.py configs/eca_faster_rcnn_r50.py --amp'
        ),
    )
    parser.add_argument('config', help='config file')
    add_config_arguments(parser)
    add_check_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CKPT',
        help='resume from CKPT, or from the newest whole checkpoint in the work dir',
    )
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision (needs a GPU)'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate to the batch size (the configs of this '
        'repository do so by default)',
    )
    parser.add_argument(
        '--keep-going-on-save-error',
        action='store_true',
        help='if a checkpoint cannot be written (disk full), log it and continue to '
        'train; otherwise the run stops with exit status 1. Earlier ones are kept',
    )
    parser.add_argument(
        '--nan-retry',
        action='store_true',
        help='if the loss becomes NaN or infinite, continue once from the last good '
        'checkpoint with a tenth of the learning rate, instead of stopping',
    )
    add_processes(parser)
    args = checked(parse_arguments(parser))
    alone = not (args.check or args.json)  # else it is one finding of several
    if alone and (args.resume or 'auto').strip() not in ('auto', ''):
        check_checkpoint(args.resume)
    return args
