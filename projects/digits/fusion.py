"""Train the small detector with and without fused block ends, and compare the losses.

Two computations that are equal but for rounding part in a training, as every step
builds on the last one's rounding. How far they may part is shown by a third training,
without fused ends, whose convolutions sum in another order (torch's own instead of
oneDNN's). Seed, initial weights and data are the same in all three, and norms are in
eval mode, without which no end is fused.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config

import eca_mm  # noqa: F401  (registers backbones, plugins and hooks)
from eca_mm.backbones.blocks import PluginBasicBlock
from eca_mm.backbones.fold import norms_of_fused_tails
from eca_mm.engine import (
    RequestError,
    build_runner,
    exit_status,
    read_config,
    refuse_problems,
)
from eca_mm.files import write_csv
from eca_mm.report.logs import read_logs

CONFIG = Path(__file__).parent / 'configs/eca_faster_rcnn_r18.py'
# name: (fused ends, oneDNN's convolutions)
RUNS = dict(unfused=(False, True), fused=(True, True), reordered=(False, False))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='example: python projects/digits/fusion.py --iterations 60',
    )
    parser.add_argument(
        '--iterations', type=int, default=200, metavar='N', help='default: 200'
    )
    parser.add_argument(
        '--data', default='data/digits', metavar='DIR',
        help='what projects/digits/build.py made (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--out', type=Path, default='work_dirs/digits_fusion', metavar='DIR',
        help='for fusion.csv and fusion.png (default: %(default)s)',
    )  # fmt: skip
    args = parser.parse_args()
    if args.iterations < 2:
        raise RequestError(f'--iterations {args.iterations}: give a number from 2')
    return args


def config(args: argparse.Namespace) -> Config:
    """The small detector's training by iterations, every loss logged as it is."""
    cfg = read_config(str(CONFIG))
    cfg.launcher = 'none'
    cfg.merge_from_dict(
        {
            'model.backbone.norm_eval': True,
            'train_dataloader.dataset.data_root': f'{args.data}/',
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'default_hooks.logger.interval': 1,
            'default_hooks.checkpoint.interval': -1,
            'log_level': 'WARNING',
        }
    )
    cfg.log_processor = dict(type='LogProcessor', window_size=1, by_epoch=False)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=args.iterations)
    cfg.param_scheduler = cfg.param_scheduler[:1]  # the warm-up
    cfg.custom_hooks = []
    for key in ('dataloader', 'cfg', 'evaluator'):
        cfg[f'val_{key}'] = cfg[f'test_{key}'] = None
    return cfg


def train(cfg: Config, name: str) -> np.ndarray:
    """Losses (iterations,) of one training."""
    fused, onednn = RUNS[name]
    cfg.model.backbone.fused_tail = fused
    with TemporaryDirectory() as folder, torch.backends.mkldnn.flags(enabled=onednn):
        # mmengine keeps loggers and visualizers by their names.
        cfg.work_dir = cfg.experiment_name = cfg.visualizer.name = folder
        runner = build_runner(cfg)
        runner.model.train()
        count = fused_ends(runner.model)
        print(f'{name}: {count[0]} of {count[1]} block ends fused', flush=True)
        assert count[0] == (count[1] if fused else 0)
        runner.train()
        rows, _ = read_logs(Path(folder))
    return np.array([row['loss'] for row in rows])


def fused_ends(model: torch.nn.Module) -> tuple[int, int]:
    """How many blocks compute their end in one go now, and how many there are."""
    blocks = [m for m in model.modules() if isinstance(m, PluginBasicBlock)]
    return len(list(norms_of_fused_tails(model))), len(blocks)


def verdict(losses: dict[str, np.ndarray]) -> str:
    """Largest and root-mean-square difference to the unfused training, both ways."""
    found = {
        name: np.abs(losses[name] - losses['unfused'])
        for name in ('fused', 'reordered')
    }
    largest = {name: gaps.max() for name, gaps in found.items()}
    rms = {name: np.sqrt((gaps**2).mean()) for name, gaps in found.items()}
    with np.errstate(all='ignore'):  # a few iterations may not differ at all
        ratio = rms['fused'] / rms['reordered']
    return (
        f'loss, fused - unfused: largest {largest["fused"]:.2g}, rms '
        f'{rms["fused"]:.2g}; reordered - unfused: largest '
        f'{largest["reordered"]:.2g}, rms {rms["reordered"]:.2g}; ratio of the rms '
        f'{ratio:.2f}'
    )


def draw(losses: dict[str, np.ndarray]) -> Figure:
    """The losses, and below them their differences to the unfused training."""
    figure = Figure(figsize=(8, 6), layout='constrained')
    above, below = figure.subplots(2, 1, sharex=True)
    steps = np.arange(1, len(losses['unfused']) + 1)
    for i, (name, values) in enumerate(losses.items()):
        style = dict(color=f'C{i}', linewidth=1)
        above.plot(steps, values, label=name, **style)
        if name != 'unfused':
            gaps = np.abs(values - losses['unfused'])
            below.semilogy(steps, gaps, label=f'|{name} - unfused|', **style)
    above.set_ylabel('loss')
    below.set(ylabel='difference', xlabel='iteration')
    for axes in (above, below):
        axes.legend()
        axes.grid(alpha=0.3)
    return figure


def main() -> None:
    args = parse_args()
    cfg = config(args)
    refuse_problems(cfg, splits=('train',))
    losses = {name: train(cfg, name) for name in RUNS}
    args.out.mkdir(parents=True, exist_ok=True)
    steps = zip(*losses.values(), strict=True)
    rows = [
        dict(iteration=i, **dict(zip(losses, values, strict=True)))
        for i, values in enumerate(steps, 1)
    ]
    write_csv(args.out / 'fusion.csv', rows)
    draw(losses).savefig(args.out / 'fusion.png', dpi=110)
    print(verdict(losses))
    print(f'{args.out}: fusion.csv, fusion.png')


if __name__ == '__main__':
    sys.exit(exit_status(main))
