"""The cache of mmcv's wheels: one for each combination that it was compiled for."""

import os
import re
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path


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


def cache_folder(name: str, mmcv: str, torch: dict, ops: str) -> Path:
    """Where the wheel for exactly this combination is kept.

    Args:
        name: the distribution's, such as mmcv.
        mmcv: its version.
        torch: what `operators.torch_facts` says.
        ops: 'cpu' or 'cuda'.
    """
    if ops == 'cuda':  # compiled for certain GPUs only: clusters mix them
        gpus = os.environ.get('TORCH_CUDA_ARCH_LIST') or ' '.join(torch['gpus'])
        ops = '-'.join(['cuda', *re.findall(r'[\w.+]+', gpus)])
    key = f'{name}{mmcv}-torch{torch["version"]}-{platform_tag()}-{ops}'
    return cache_root() / key


def cached_for_some_torch(name: str, mmcv: str) -> bool:
    """Whether the cache may save compiling, asked before it is known which torch."""
    pattern = f'{name}{mmcv}-torch*-{platform_tag()}-*/*.whl'
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
