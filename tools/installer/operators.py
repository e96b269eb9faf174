"""mmcv's operators: for the CPU or for CUDA, and installed from a wheel that fits."""

import json
import os
import tempfile
from pathlib import Path

from .checkout import read_pins
from .commands import CommandError
from .machine import nvcc_release, require_compiler, require_space
from .output import InstallError, note
from .sdist import Build
from .target import Target
from .wheels import cache_folder, cached_wheel, place

ARCHITECTURES = 'TORCH_CUDA_ARCH_LIST'  # torch's own name for it
SPACE_TEMPORARY = 1  # GB; compiling for the CPU takes 0.1
SPACE_CACHE = 1  # GB

TORCH_FACTS = """
import json, torch
from pathlib import Path
site = Path(torch.__file__).parents[1]
gpus = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
print(json.dumps({
    'version': torch.__version__,
    'cuda': torch.version.cuda,
    'gpus': sorted({'%d.%d' % torch.cuda.get_device_capability(i) for i in gpus}),
    'headers': [str(path) for path in site.glob('nvidia/*/include')],
}))
"""


def torch_facts(target: Target) -> dict:
    """The target's torch: version, its CUDA or None, compute capabilities it sees.

    And 'headers', where the CUDA packages that it asks for have theirs.
    """
    result = target.capture('-c', TORCH_FACTS)
    if result.returncode:
        raise CommandError('importing torch', result.stderr)
    return json.loads(result.stdout.splitlines()[-1])


def find_obstacles(torch: dict, nvcc: str | None) -> list[str]:
    """Why operators for CUDA cannot be compiled, empty if they can."""
    obstacles = []
    if not torch['cuda']:
        obstacles.append(f'torch {torch["version"]} is a CPU build')
    if not nvcc:
        obstacles.append(
            'no nvcc was found (install the CUDA toolkit or set CUDA_HOME)'
        )
    elif torch['cuda'] and nvcc.split('.')[0] != torch['cuda'].split('.')[0]:
        obstacles.append(
            f'nvcc is {nvcc} and torch was built with CUDA {torch["cuda"]}'
        )
    return obstacles


def choose_ops(forced: str | None, torch: dict, nvcc: str | None) -> tuple[str, str]:
    """'cpu' or 'cuda', and why. Raises InstallError if CUDA is asked for in vain."""
    obstacles = find_obstacles(torch, nvcc)
    if forced == 'cpu':
        return 'cpu', 'asked for with --cpu'
    if forced == 'cuda':  # a GPU need not be visible: it may be in another machine
        if obstacles:
            raise InstallError(f'--cuda is not possible: {obstacles[0]}; or use --cpu')
        return 'cuda', 'asked for with --cuda'
    if obstacles and torch['gpus']:
        return 'cpu', f'{obstacles[0]}; to train on the GPU fix that, then use --cuda'
    if obstacles:
        return 'cpu', obstacles[0]
    if not torch['gpus']:
        return 'cpu', 'no GPU is visible (an nvcc alone is no reason)'
    return 'cuda', 'there are a GPU and nvcc'


def add_mmcv(target: Target, forced: str | None, jobs: int) -> str | None:
    """Install mmcv with operators that fit torch. Returns which, None for untouched."""
    if target.has_operators():
        note('the mmcv that is there has working operators, and stays')
        return None
    torch = torch_facts(target)
    ops, reason = choose_ops(forced, torch, nvcc_release())
    note(f'operators for {ops.upper()}: {reason}')
    if ops == 'cuda' and not torch['gpus'] and not os.environ.get(ARCHITECTURES):
        note(
            f'for all GPUs that torch knows, since none is visible: {ARCHITECTURES}=9.0'
        )
        note('in the environment compiles for an H100 alone, in a fraction of the time')
    name = target.stack.mmcv
    mmcv = read_pins(name)[name]
    folder = cache_folder(name, mmcv, torch, ops)
    wheel = cached_wheel(folder)
    if wheel:
        note(f'compiled earlier: {wheel}')
    else:
        require_compiler()
        require_space(Path(tempfile.gettempdir()), SPACE_TEMPORARY)
        require_space(folder, SPACE_CACHE)
        with tempfile.TemporaryDirectory(prefix='eca_mm-') as temporary:
            build = Build(target, torch, ops, jobs, Path(temporary))
            wheel = place(build.wheel(mmcv), folder)
    options = ['--no-deps', '--no-index', '--force-reinstall']
    target.pip('installing mmcv', 'install', *options, str(wheel))
    return ops
