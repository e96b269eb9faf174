"""Show every problem of a training run or a test before it starts."""

from argparse import Namespace

from eca_mm.engine import load_config, show_problems
from eca_mm.engine.resume import resume_from_newest


def main(args: Namespace) -> None:
    cfg = load_config(args)
    if args.checkpoint:
        cfg.load_from = args.checkpoint
        splits = ('test',)
    else:
        resume_from_newest(cfg)
        splits = ('train', 'val')
    show_problems(cfg, splits, args.full, args.json)
