"""Whether what is installed works: versions, and mmcv's operators called."""

import platform
import sys
import warnings
from pathlib import Path

from . import checkout
from .calls import call_all, call_nms
from .here import installed
from .output import InstallError
from .stacks import stack_of
from .target import Target
from .venv import STAMP

BEFORE = ('torch', 'numpy')  # the stack's
BEHIND = ('opencv-python-headless', 'pycocotools', 'eca-mm')


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
    checked = [*BEFORE, *stack_of(versions).names, *BEHIND]
    for name in checked:
        row(name, versions.get(name, 'missing'))
    missing = [name for name in checked if name not in versions]
    if missing:
        raise InstallError(f'missing: {", ".join(missing)}; {remedy}')
    unsupported = checkout.unsupported(versions)
    if unsupported:
        raise InstallError(f'unsupported: {", ".join(unsupported)}; {remedy}')
    warnings.simplefilter('ignore')  # the hosts' deprecations are not ours to show
    try:
        import mmdet  # noqa: F401  (rejects an mmcv or mmengine it cannot use)
        import torch

        cuda = torch.version.cuda
        row('torch is built for', f'CUDA {cuda}' if cuda else 'the CPU only')
        works = run_operators()
    except Exception as error:  # whatever a broken installation may raise
        row('mmcv operators', 'no')
        cause = (str(error).splitlines() or [''])[0][:200]
        raise InstallError(
            f'the environment does not work: {type(error).__name__}: {cause}; remove '
            f'the package at fault, its wheel in the cache too, and {remedy}'
        ) from error
    row('mmcv operators', works)


def run_operators() -> str:
    """Where mmcv's operators work, from really calling them. Raises what they raise."""
    import torch

    call_all('cpu')
    if not torch.cuda.is_available():
        return 'yes, on the CPU (no GPU is visible)'
    try:
        call_nms('cuda')
    except RuntimeError:  # there is no kernel for a GPU, or none for this one
        return 'yes, on the CPU only: to train on the GPU run tools/install.py --cuda'
    call_all('cuda')
    return 'yes, on the CPU and the GPU'
