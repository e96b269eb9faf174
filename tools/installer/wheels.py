"""mmcv's wheel: compiled once for each combination, then kept in a cache."""

import os
import re
import shutil
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from . import checkout
from .machine import require_compiler, require_space
from .output import note
from .target import Target

SPACE_TEMPORARY = 1  # GB; compiling for the CPU takes 0.5
SPACE_CACHE = 1  # GB


def cache_root() -> Path:
    """The folder of the whole cache."""
    if os.environ.get('ECA_MM_WHEEL_CACHE'):
        root = Path(os.environ['ECA_MM_WHEEL_CACHE'])
    elif os.environ.get('XDG_CACHE_HOME'):
        root = Path(os.environ['XDG_CACHE_HOME'], 'eca_mm', 'wheels')
    else:
        root = Path.home() / '.cache' / 'eca_mm' / 'wheels'
    return root.expanduser().absolute()


def platform_tag() -> str:
    """This Python and this kind of machine, as in cp311-linux-x86_64."""
    major, minor = sys.version_info[:2]
    return f'cp{major}{minor}-{sysconfig.get_platform()}'


def cache_folder(mmcv: str, torch: dict, ops: str) -> Path:
    """Where the wheel for exactly this combination is kept."""
    if ops == 'cuda':  # compiled for certain GPUs only: clusters mix them
        gpus = os.environ.get('TORCH_CUDA_ARCH_LIST') or ' '.join(torch['gpus'])
        ops = '-'.join(['cuda', *re.findall(r'[\w.+]+', gpus)])
    key = f'mmcv{mmcv}-torch{torch["version"]}-{platform_tag()}-{ops}'
    return cache_root() / key


def cached_for_some_torch(mmcv: str) -> bool:
    """Whether the cache may save compiling, asked before it is known which torch."""
    pattern = f'mmcv{mmcv}-torch*-{platform_tag()}-*/*.whl'
    return any(cache_root().glob(pattern))


def cached_wheel(folder: Path) -> Path | None:
    """The wheel in a folder of the cache, if there is a whole one."""
    for wheel in folder.glob('*.whl'):
        if zipfile.is_zipfile(wheel):
            return wheel
    return None


def place(wheel: Path, folder: Path) -> Path:
    """Copy a wheel into the cache: it is there whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f'{wheel.name}.{os.getpid()}.tmp'
    try:
        shutil.copyfile(wheel, temporary)
        os.replace(temporary, folder / wheel.name)
    finally:
        temporary.unlink(missing_ok=True)
    return folder / wheel.name


def build_wheel(target: Target, mmcv: str, ops: str, jobs: int, folder: Path) -> Path:
    """Compile mmcv with its operators, and put the wheel into `folder` of the cache."""
    require_compiler()
    require_space(Path(tempfile.gettempdir()), SPACE_TEMPORARY)
    require_space(folder, SPACE_CACHE)
    note(f'compiling with {jobs} jobs; all output goes to {checkout.LOG}')
    variables = {
        'MMCV_WITH_OPS': '1',
        'FORCE_CUDA': '1' if ops == 'cuda' else '0',
        'MAX_JOBS': str(jobs),
        **target.build_env,
    }
    if ops == 'cpu':  # mmcv compiles for CUDA whenever torch sees a GPU
        variables['CUDA_VISIBLE_DEVICES'] = ''
    with tempfile.TemporaryDirectory(prefix='eca_mm-') as temporary:
        options = ['--no-build-isolation', '--no-deps', '--no-cache-dir']
        options += ['--no-binary', 'mmcv', '--wheel-dir', temporary, '-v']
        variables['TMPDIR'] = temporary  # goes away with us, however we end
        target.pip('compiling mmcv', 'wheel', *options, f'mmcv=={mmcv}', **variables)
        return place(next(Path(temporary).glob('*.whl')), folder)
