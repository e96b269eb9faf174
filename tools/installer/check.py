"""Whether what is installed works: versions, and one of mmcv's operators really run."""

import platform
import sys
import warnings
from pathlib import Path

from . import checkout
from .here import installed
from .output import InstallError
from .target import Target
from .venv import STAMP

CHECKED = (
    'torch',
    'numpy',
    'mmengine',
    'mmcv',
    'mmdet',
    'opencv-python-headless',
    'pycocotools',
    'eca-mm',
)


def check(target: Target, indent: str = '') -> None:
    """Run `check_here` in a fresh process of the target's Python, and pass it on."""
    if not Path(target.python).exists():
        raise InstallError(f'there is no {target}: run python3 tools/install.py')
    result = target.capture(str(checkout.ENTRY), '--check', '--here')
    for line in result.stdout.splitlines():
        print(indent + line)
    if result.returncode:
        lines = result.stderr.splitlines() or ['the check gave no reason']
        raise InstallError(lines[-1].replace('install.py: ', '', 1))


def row(name: str, value: str) -> None:
    """Print a row of the table."""
    print(f'{name:24}{value}')


def check_here() -> None:
    """Print versions and whether the operators work. Raises InstallError if not."""
    ours = (Path(sys.prefix) / STAMP).exists()
    remedy = 'run python3 tools/install.py' + ('' if ours else ' --here')
    versions = installed()
    row('Python', platform.python_version())
    for name in CHECKED:
        row(name, versions.get(name, 'missing'))
    missing = [name for name in CHECKED if name not in versions]
    if missing:
        raise InstallError(f'missing: {", ".join(missing)}; {remedy}')
    unsupported = checkout.unsupported(versions)
    if unsupported:
        raise InstallError(f'unsupported: {", ".join(unsupported)}; {remedy}')
    warnings.simplefilter('ignore')  # the hosts' deprecations are not ours to show
    try:
        import mmdet  # noqa: F401  (refuses an mmcv or mmengine it cannot use)
        import torch

        cuda = torch.version.cuda
        row('torch is built for', f'CUDA {cuda}' if cuda else 'the CPU only')
        works = run_operator()
    except Exception as error:  # whatever a broken installation may raise
        row('mmcv operators', 'no')
        cause = (str(error).splitlines() or [''])[0][:200]
        raise InstallError(
            f'the environment does not work: {type(error).__name__}: {cause}; remove '
            f'the package at fault, its wheel in the cache too, and {remedy}'
        ) from error
    row('mmcv operators', works)


def run_operator() -> str:
    """Where mmcv's operators work, from really running one. Raises what they raise."""
    import mmcv._ext  # noqa: F401  (the compiled module itself)
    import torch
    from mmcv.ops import nms

    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    kept = nms(boxes, scores, 0.5)[1].tolist()
    if kept != [0, 2]:  # the second overlaps the first with IoU 0.9
        raise RuntimeError(f'nms kept the boxes {kept} instead of [0, 2]')
    if not torch.cuda.is_available():
        return 'yes, on the CPU (no GPU is visible)'
    try:
        nms(boxes.cuda(), scores.cuda(), 0.5)
    except RuntimeError:
        return 'yes, on the CPU only: to train on the GPU run tools/install.py --cuda'
    return 'yes, on the CPU and the GPU'
