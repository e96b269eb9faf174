"""The measurements of docs/gpu.md in one process, each a call of tools/benchmark.py.

    python benchmarks/on_gpu.py OUT_DIR [--seconds 400] [--rounds 9] [--only NAME ...]

A measurement writes its own CSV file as soon as it is done, and none is begun after the
given time, so that little is lost where a GPU is there for minutes. The order is that
of their worth.
"""

import argparse
import gc
import sys
import time
import traceback
from pathlib import Path

import torch

from eca_mm.cli import benchmark
from eca_mm.cli.benchmark_request import parse_args

SOME = ('--providers', 'naive ECA', 'ours', 'SE', 'ours, SE, Triton', 'GC')
FEW = ('--providers', 'naive ECA', 'ours', 'SE')
ALL = (*SOME, 'ours, eager', 'NL', 'CBAM')
TAILS = ('--level', 'layer', '--providers', 'naive ECA', 'ours', 'ours, eager')
COMPILED = ('--baseline', 'plain+compile', '--providers', 'naive ECA+compile',
            'ours+compile', 'ours')  # fmt: skip
DETECTION = ('--shape', '1216', '800', '--batch', '2')
MANY = ('--shape', '1216', '800', '--batch', '8')
IMAGENET = ('--norms', 'training', '--shape', '224', '224', '--batch', '64')
TF32, EXACT, AMP = ('--tf32', 'on'), ('--tf32', 'off'), ('--tf32', 'on', '--amp')
LAST = ('--tf32', 'on', '--amp', '--channels-last')
R101 = ('--depth', '101')
DETECTOR = ('--level', 'detector', *FEW)

MEASUREMENTS = {
    'imagenet_tf32': (*IMAGENET, *TF32, *SOME),
    'detection_tf32': (*DETECTION, *TF32, *ALL),
    'imagenet_amp': (*IMAGENET, *AMP, *SOME),
    'detection_amp': (*DETECTION, *AMP, *ALL),
    'detector_tf32': (*DETECTOR, *DETECTION, *TF32),
    'detector_amp': (*DETECTOR, *DETECTION, *AMP),
    'imagenet_last': (*IMAGENET, *LAST, *SOME),
    'detection_last': (*DETECTION, *LAST, *SOME, 'ours, eager'),
    'tails_detection_tf32': (*TAILS, *DETECTION, *TF32),
    'tails_imagenet_tf32': (*TAILS, *IMAGENET, *TF32),
    'detector8_amp': (*DETECTOR, *MANY, *AMP, '--rounds', '5'),
    'detector8_tf32': (*DETECTOR, *MANY, *TF32, '--rounds', '5'),
    'table3': ('--paper-table', '3', '--batch', '64', *TF32, '--rounds', '5'),
    'tails_detection_last': (*TAILS, *DETECTION, *LAST),
    'tails_imagenet_last': (*TAILS, *IMAGENET, *LAST),
    'imagenet101_tf32': (*IMAGENET, *TF32, *FEW, *R101),
    'detection101_tf32': (*DETECTION, *TF32, *FEW, *R101),
    'detection_exact': (*DETECTION, *EXACT, *FEW),
    'imagenet_exact': (*IMAGENET, *EXACT, *FEW, '--rounds', '5'),
    'detector_exact': (*DETECTOR, *DETECTION, *EXACT, '--rounds', '5'),
    'one_image_tf32': ('--shape', '640', '480', *TF32, *ALL),
    'compiled_detection_amp': (*COMPILED, *DETECTION, *AMP),
    'compiled_imagenet_amp': (*COMPILED, *IMAGENET, *AMP),
    'detector8_exact': (*DETECTOR, *MANY, *EXACT, '--rounds', '3'),
    'detection101_amp': (*DETECTION, *AMP, *FEW, *R101),
    'imagenet101_amp': (*IMAGENET, *AMP, *FEW, *R101),
}
ROUNDS = 9


def measure(name: str, out: Path, rounds: int) -> None:
    """Run one measurement; a failure is told and does not stop the others."""
    options = list(MEASUREMENTS[name])
    for option, value in (('--rounds', rounds), ('--out', out / f'{name}.csv')):
        if option not in options:
            options += [option, str(value)]
    sys.argv = ['benchmark.py', *options]
    try:
        benchmark.main(parse_args())
    except Exception:
        traceback.print_exc()
    gc.collect()
    torch.compiler.reset()
    torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path)
    parser.add_argument('--seconds', type=float, default=float('inf'))
    parser.add_argument('--rounds', type=int, default=ROUNDS)
    parser.add_argument('--only', nargs='+', choices=MEASUREMENTS, default=MEASUREMENTS)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    for name in args.only:
        start = time.monotonic()
        if start - begin > args.seconds:
            print(f'{name}: no time left')
            continue
        print(f'== {name}', flush=True)
        measure(name, args.out, args.rounds)
        print(f'-- {name}: {time.monotonic() - start:.1f} s', flush=True)


if __name__ == '__main__':
    main()
