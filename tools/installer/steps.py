"""All of the installation in order: what can be rejected first, then seven steps."""

import os
import platform

from . import checkout
from .check import check
from .machine import nvcc_release, require_compiler, require_space
from .operators import add_mmcv
from .output import InstallError, Steps, note
from .target import Target
from .wheels import cached_for_some_torch

# GB. Measured: 1.5 installed with a CPU torch; a CUDA torch brings 4 more, and its
# download is on the disk beside it.
SPACE_CPU, SPACE_CUDA = 2, 8


def require_preconditions(target: Target, ops: str | None) -> None:
    """Raises InstallError for all that can be rejected before anything is fetched."""
    if os.name != 'posix':
        raise InstallError('this script needs Linux or macOS; on Windows use WSL')
    target.require_usable()
    if ops == 'cuda' and nvcc_release() is None:
        raise InstallError(
            '--cuda needs nvcc, and none was found: install the CUDA toolkit, or point '
            'CUDA_HOME at it, or use --cpu'
        )
    versions = target.versions()
    if 'torch' not in versions:
        require_space(target.folder, SPACE_CUDA if ops == 'cuda' else SPACE_CPU)
        note('a CPU build of torch takes 2 GB in all, a CUDA build 8 GB')
    name = target.stack.mmcv
    mmcv = checkout.read_pins(name)[name]
    if name not in versions and not cached_for_some_torch(name, mmcv):
        require_compiler()  # it will be compiled for certain


def install(target: Target, dev: bool, ops: str | None, jobs: int) -> None:
    """All seven steps; what an earlier run has done already is not done again."""
    step = Steps(total=7)
    checkout.LOG.unlink(missing_ok=True)
    with step(f'preconditions, Python {platform.python_version()}'):
        require_preconditions(target, ops)
    with step(str(target)):
        target.prepare()
    with step('torch and build tools'):
        target.add_build()
    with step('pinned packages'):
        target.add_pinned(dev)
    with step('mmcv with compiled operators'):
        built = add_mmcv(target, ops, jobs)
    with step('eca_mm, in editable mode'):
        options = ['--no-build-isolation', '--no-deps', '-e', '.']
        target.pip('installing eca_mm', 'install', *options, **target.build_env)
    with step('check'):
        check(target, indent=' ' * 6)
    target.finish(dev=dev, ops=built, forced=ops)
