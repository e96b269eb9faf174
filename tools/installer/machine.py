"""What this machine has: compiler, disk space, memory for compilers, nvcc."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

from .output import InstallError

JOB_MEMORY = 3 * 2**30  # bytes; g++ 12 takes 2.2 GiB for mmcv's pybind.cpp, nvcc 2.6


def require_compiler() -> None:
    """Raises InstallError if C++ cannot be compiled against this Python."""
    compiler = shlex.split(os.environ.get('CXX') or 'c++')[0]
    if shutil.which(compiler) is None:
        raise InstallError(
            f'no C++ compiler ({compiler}), and mmcv has operators to compile: install '
            'one (Debian, Ubuntu: apt-get install g++) and run again'
        )
    if not Path(sysconfig.get_path('include'), 'Python.h').exists():
        raise InstallError(
            "no Python.h, Python's headers, and mmcv has operators to compile: install "
            'them (Debian, Ubuntu: apt-get install python3-dev) and run again'
        )


def require_space(path: Path, needed: int) -> None:
    """Raises InstallError if fewer than `needed` GB are free at `path`."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free / 1e9
    if free < needed:
        raise InstallError(
            f'{free:.1f} GB are free at {path}, {needed} are needed: free some or '
            'choose another place (--venv, TMPDIR, ECA_MM_WHEEL_CACHE), then run again'
        )


def default_jobs() -> int:
    """One compiler a core, but no more than there is memory for."""
    affinity = getattr(os, 'sched_getaffinity', None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    with contextlib.suppress(OSError, ValueError):  # a container's limit, 'max': none
        memory = min(memory, int(Path('/sys/fs/cgroup/memory.max').read_text()))
    return max(1, min(cores, memory // JOB_MEMORY))


def find_nvcc() -> str | None:
    """The nvcc that torch would use, or None."""
    home = os.environ.get('CUDA_HOME') or os.environ.get('CUDA_PATH')
    if home:
        return shutil.which('nvcc', path=f'{home}/bin')
    return shutil.which('nvcc') or shutil.which('nvcc', path='/usr/local/cuda/bin')


def cuda_home() -> str | None:
    """The toolkit's folder, or None where it cannot be told.

    Of nvcc itself: where a script of that name calls it, as Debian and some images have
    it, torch would take that script's folder for the toolkit's.
    """
    if home := os.environ.get('CUDA_HOME') or os.environ.get('CUDA_PATH'):
        return home
    if (nvcc := find_nvcc()) is None:
        return None
    command = [nvcc, '--dryrun', '-E', '-x', 'cu', os.devnull]
    text = subprocess.run(command, capture_output=True, text=True).stderr
    found = re.search(r'^#\$ TOP=(.+)$', text, re.MULTILINE)
    return str(Path(found[1]).resolve()) if found else None


def nvcc_release() -> str | None:
    """The CUDA release of the nvcc that torch would use, as in '13.0', or None."""
    if (nvcc := find_nvcc()) is None:
        return None
    text = subprocess.run([nvcc, '--version'], capture_output=True, text=True).stdout
    found = re.search(r'release (\d+\.\d+)', text)
    return found[1] if found else None
