"""Measure what attention costs: time, memory, and bytes kept for the backward pass.

Blocks' ends, backbones or whole detectors take turns, and every time is set beside the
baseline's of the same round. "--level engine" trains a short run with our train command
and with MMDetection's own train.py, and shows what either adds to the model.
"""

import argparse
from pathlib import Path

from eca_mm.analysis import providers
from eca_mm.engine.arguments import find_config
from eca_mm.errors import RequestError
from eca_mm.paper import load_table
from eca_mm.place import folder

from .benchmark_names import config_names, names
from .common import check_shape, parser_of

EPILOG = """\
examples:
  python tools/benchmark.py
  python tools/benchmark.py --providers ours "ours, SE" --rounds 30 --out cost.csv
  python tools/benchmark.py --providers ours+compile --baseline plain+compile
  python tools/benchmark.py --providers plain+fuse ours ours+fuse
  python tools/benchmark.py --norms training --shape 224 224 --batch 16
  python tools/benchmark.py --level layer --providers ours "naive ECA"
  python tools/benchmark.py --level detector --config configs/mask_rcnn_r50.py
  python tools/benchmark.py --level detector --config configs/faster_rcnn_r50.py \\
      configs/eca_faster_rcnn_r50.py --plot cost.png
  python tools/benchmark.py --paper-table 3 --batch 4 --rounds 5 --markdown table3.md
  python tools/benchmark.py --profile ours
  python tools/benchmark.py --level engine --rounds 5 --out engine.csv

"saved" is what a forward pass keeps for the backward pass, parameters aside; "peak", on
a GPU, the most that a step allocates beside weights and inputs. A training step is a
forward and a backward pass; in --paper-table also the optimizer's step, all norms in
training mode and nothing frozen, as on ImageNet. Weights and images are random. Times
mean something on an idle machine only; ratios bear other work better.
"""
BACKBONES = tuple(dict.fromkeys(row['backbone'] for row in load_table(3)))
LEVELS = ('layer', 'backbone', 'detector', 'engine')
NORMS = ('eval', 'training')
DTYPES = ('float32', 'float64', 'bfloat16', 'float16')
DEFAULTS = dict(
    level='backbone',
    config=[str(folder() / 'configs/faster_rcnn_r50.py')],
    baseline='plain',
    shape=[640, 480],
    depth=50,
    norms='eval',
    backbones=list(BACKBONES),
    dtype='float32',
    batch=1,
    iterations=50,
    amp=False,
    channels_last=False,
)
# Options that mean something at a level only, or not beside --paper-table or --profile.
OF_LEVELS = {
    'config': ('detector', 'engine'),
    'iterations': ('engine',),
    'depth': ('backbone',),
    'frozen_stages': ('backbone',),
    'norms': ('backbone', 'layer'),
}
NOT_IN_PAPER = (
    'level', 'config', 'providers', 'baseline', 'shape', 'depth', 'frozen_stages',
    'norms', 'profile', 'iterations',
)  # fmt: skip
# A run has device, precision and images from its config.
NOT_IN_ENGINE = (
    'providers', 'baseline', 'shape', 'profile', 'device', 'batch', 'tf32', 'dtype',
    'amp', 'channels_last', 'plot',
)  # fmt: skip
NOT_IN_PROFILE = ('providers', 'out', 'markdown', 'plot')


def parse_args() -> argparse.Namespace:
    parser = parser_of(__doc__, EPILOG)
    add_subjects(parser)
    add_conditions(parser)
    parser.add_argument('--out', type=Path, metavar='F.csv', help='all figures')
    parser.add_argument('--markdown', type=Path, metavar='F.md', help='a table')
    parser.add_argument('--plot', type=Path, metavar='F.png', help='ratios')
    args = parser.parse_args()
    check(args)
    return args


def add_subjects(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        '--level', choices=LEVELS,
        help="ends of a ResNet-50's blocks, a backbone (default), a detector, or what "
        'a run does beside its model',
    )  # fmt: skip
    add(
        '--providers', nargs='+', metavar='NAME',
        help=f'of {", ".join(providers.PROVIDERS)}, or any block: '
        f'{", ".join(providers.plugins())}; with {providers.COMPILED} behind a '
        f'name it runs under torch.compile, with {providers.FUSE} its norms are folded '
        'and inference alone is measured (default: all of the former that work here, '
        'by their plain names)',
    )  # fmt: skip
    add('--baseline', metavar='NAME', help='always measured (default: plain)')
    add(
        '--config', nargs='+', metavar='CONFIG',
        help='of a detector: one whose backbone gets the attention of each provider '
        '(default: configs/faster_rcnn_r50.py), or several to stand side by side, the '
        'first of them the baseline; of a run: one (default: a small one of '
        'the digits, on made-up images)',
    )  # fmt: skip
    add('--depth', type=int, choices=(50, 101, 152), help='of a backbone (default: 50)')
    add(
        '--frozen-stages', type=int, metavar='N',
        help="of a backbone, -1 to 3, -1 for none (default: 1, MMDetection's; -1 with "
        '--norms training)',
    )  # fmt: skip
    add(
        '--norms', choices=NORMS,
        help="mode of a backbone's or an end's norms in a training step (default: "
        "eval, MMDetection's)",
    )  # fmt: skip
    add(
        '--paper-table', type=int, choices=[3],
        help="images a second of the paper's classifiers at 224x224, beside its own",
    )  # fmt: skip
    add(
        '--backbones', nargs='+', choices=BACKBONES, metavar='NAME',
        help=f'of {", ".join(BACKBONES)} (default: all), in --paper-table',
    )  # fmt: skip
    add(
        '--profile', metavar='NAME',
        help='print which operators a provider spends its time in, beside the '
        "baseline's, and measure nothing else",
    )  # fmt: skip


def add_conditions(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        '--device', choices=('cpu', 'cuda'),
        help='default: cuda where there is a GPU, else cpu',
    )  # fmt: skip
    add('--batch', type=int, metavar='N', help='images (default: 1)')
    add(
        '--shape', nargs=2, type=int, metavar=('W', 'H'),
        help='size of the images in pixels (default: 640 480)',
    )  # fmt: skip
    add(
        '--tf32', choices=('on', 'off'),
        help="on a GPU, for products in float32 (default: torch's, on in convolutions)",
    )  # fmt: skip
    add('--dtype', choices=DTYPES, help='of weights and images (default: float32)')
    add(
        '--amp', action='store_true', default=None,
        help='autocast: float16 on a GPU, bfloat16 on the CPU; no loss scaler',
    )  # fmt: skip
    add(
        '--channels-last', action='store_true', default=None,
        help='memory format of both',
    )  # fmt: skip
    add('--rounds', type=int, default=15, metavar='N', help='default: 15')
    add('--iterations', type=int, metavar='N', help='of a run (default: 50)')


def check(args: argparse.Namespace) -> None:
    """Refuse what cannot be measured or would be ignored, and fill in the defaults."""
    check_meaning(args)
    if args.paper_table:
        args.level = 'classifier'
    if args.level == 'engine':
        args.config = args.config or []
    for name, default in DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, default)
    if args.frozen_stages is None:
        args.frozen_stages = 1 if args.norms == 'eval' else -1
    check_shape(args.shape)
    for name in ('batch', 'rounds', 'iterations'):
        if getattr(args, name) < 1:
            raise RequestError(f'--{name} {getattr(args, name)}: must be at least 1')
    if not -1 <= args.frozen_stages <= 3:
        raise RequestError(f'--frozen-stages {args.frozen_stages}: must be -1 to 3')
    for name in ('out', 'markdown', 'plot'):
        path = getattr(args, name)
        if path and not path.parent.is_dir():
            raise RequestError(f'--{name} {path}: there is no folder {path.parent}')
    if args.dtype != 'float32' and (args.amp or args.level == 'detector'):
        raise RequestError(f'--dtype {args.dtype}: --amp and detectors want float32')
    several = config_names(args) if len(args.config) > 1 else []
    if args.level in ('detector', 'engine'):
        args.config = [find_config(path) for path in args.config]
    args.names = several or names(args)


def check_meaning(args: argparse.Namespace) -> None:
    """Refuse options that would be ignored."""
    if args.paper_table:
        where, ignored = '--paper-table', NOT_IN_PAPER
    else:
        level = args.level or DEFAULTS['level']
        where = f'--level {level}'
        ignored = [name for name, of in OF_LEVELS.items() if level not in of]
        ignored.append('backbones')
        ignored += NOT_IN_ENGINE if level == 'engine' else ()
        if args.profile:
            where += ' --profile'
            ignored += NOT_IN_PROFILE
        if args.config and len(args.config) > 1:
            if level == 'engine':
                raise RequestError('--level engine trains one config: name one')
            where = 'several configs'
            ignored += ['providers', 'baseline', 'profile']
    for name in ignored:
        if getattr(args, name) is not None:
            option = name.replace('_', '-')
            raise RequestError(f'--{option} means nothing with {where}: leave it out')
