"""Compile mmcv's wheel from its sdist: in units, or else file by file."""

import os
import shutil
import sys
import tarfile
import zlib
from pathlib import Path

from . import checkout
from .commands import CommandError, find_cause, find_remedy
from .machine import cuda_home
from .output import InstallError, note
from .target import Target
from .units import arrange
from .versions import needs_cpp20

# Not Python's own, with which most compilers are called: -g takes half of the time and
# 30 of the wheel's 32 MB, and nobody reads mmcv's warnings here.
FLAGS = '-O3 -g0 -DNDEBUG -fwrapv -w'
SHIMS = Path(__file__).parent / 'build_shims'  # one folder for each that may be needed
PIP = ('--no-build-isolation', '--no-deps', '--no-cache-dir')


class Build:
    """One compilation of mmcv.

    Args:
        target: for which Python.
        torch: what `operators.torch_facts` says of its torch.
        ops: 'cpu' or 'cuda'.
        jobs: compilers at a time.
        folder: an empty one, in which everything lies while it is made.
    """

    def __init__(
        self, target: Target, torch: dict, ops: str, jobs: int, folder: Path
    ) -> None:
        self.target, self.ops, self.jobs, self.folder = target, ops, jobs, folder
        self.variables = {
            'MMCV_WITH_OPS': '1',
            'FORCE_CUDA': '1' if ops == 'cuda' else '0',
            'MAX_JOBS': str(jobs),
            'TMPDIR': str(folder),  # goes away with us, however we end
            'CFLAGS': f'{FLAGS} {os.environ.get("CFLAGS", "")}',
            **target.build_env,
        }
        if ops == 'cpu':  # mmcv compiles for CUDA whenever torch sees a GPU
            self.variables['CUDA_VISIBLE_DEVICES'] = ''
        else:
            self.variables.update(with_cuda(torch))
        if needs_cpp20(torch['version']):
            self.variables.update(with_cpp20(folder))
        if sys.version_info >= (3, 13):
            self.variables.update(with_shim('exec_locals', self.variables))

    def wheel(self, mmcv: str) -> Path:
        """Fetch the sdist of this version, and compile it. Raises InstallError."""
        sdist = self.fetch(mmcv)
        tree = unpack(sdist, self.folder / 'units')
        arrange(tree, self.ops, self.jobs)
        note(f'compiling with {self.jobs} jobs; all output goes to {checkout.LOG}')
        try:
            return self.compile(tree)
        except CommandError as error:
            if not is_unit_at_fault(error.output):
                raise
            cause = find_cause(error.output)
            note(f'file by file instead, which takes much longer: {cause}')
        return self.compile(unpack(sdist, self.folder / 'files'))

    def fetch(self, mmcv: str) -> Path:
        """Download the sdist. pip asks its setup.py what it is, which imports torch."""
        name = self.target.stack.mmcv
        options = ['--no-binary', name, '--dest', str(self.folder), f'{name}=={mmcv}']
        self.run('fetching the source of mmcv', 'download', *options)
        return next(self.folder.glob('*mmcv-*.tar.gz'))

    def compile(self, tree: Path) -> Path:
        """Make the wheel of an unpacked sdist."""
        options = ['--wheel-dir', str(self.folder), '-v', str(tree)]
        self.run('compiling mmcv', 'wheel', *options)
        return next(self.folder.glob('*.whl'))

    def run(self, what: str, command: str, *options: str) -> None:
        """Run one of pip's commands in the build's environment."""
        self.target.pip(what, command, *PIP, *options, **self.variables)


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an archive with a single folder in it. Returns that folder."""
    try:
        shutil.unpack_archive(sdist, folder)
        (tree,) = folder.iterdir()
    except (tarfile.TarError, shutil.ReadError, EOFError, zlib.error, ValueError) as e:
        raise InstallError(
            f'{sdist.name} is damaged ({e}): run again, and fix the package registry '
            'or the folder of PIP_FIND_LINKS if it comes like that from there'
        ) from e
    return tree


def is_unit_at_fault(output: str) -> bool:
    """Whether a compiler gave up on a unit, and not for want of memory or disk."""
    failed = any('FAILED: ' in line and 'unit_' in line for line in output.splitlines())
    return failed and find_remedy(output) is None


def with_shim(name: str, variables: dict[str, str]) -> dict[str, str]:
    """Environment variables by which Python reads a shim when it starts."""
    paths = [str(SHIMS / name), *filter(None, [variables.get('PYTHONPATH')])]
    return {'PYTHONPATH': os.pathsep.join(paths)}


def with_cuda(torch: dict) -> dict[str, str]:
    """Environment variables for finding CUDA's headers and libraries.

    torch's own headers include cusparse.h and such, which a toolkit may be without;
    the packages that torch asks for have them. They come last: they lack others.
    """
    name = 'CPLUS_INCLUDE_PATH'  # searched behind what a command names
    paths = [*filter(None, [os.environ.get(name)]), *torch['headers']]
    found = {name: os.pathsep.join(paths)}
    return found | ({'CUDA_HOME': home} if (home := cuda_home()) else {})


def with_cpp20(folder: Path) -> dict[str, str]:
    """Environment variables for compiling as C++20 what asks for C++17.

    mmcv's setup.py puts -std=c++17 behind all flags that the environment gives. Of
    several -std the last one counts, so a script in place of the compiler adds one.
    """
    compiler = folder / 'c++'
    real = os.environ.get('CXX') or 'c++'
    compiler.write_text(f'#!/bin/sh\nexec {real} "$@" -std=c++20\n')
    compiler.chmod(0o755)
    nvcc = f'{os.environ.get("NVCC_APPEND_FLAGS", "")} -std=c++20'
    return {'CXX': str(compiler), 'NVCC_APPEND_FLAGS': nvcc.strip()}
