"""The checkout that is installed: where it lies, and the versions it asks for."""

import hashlib
import re
from pathlib import Path

from .output import InstallError

REPO = Path(__file__).resolve().parents[2]
REQUIREMENTS = REPO / 'requirements'
ENTRY = REPO / 'tools' / 'install.py'
LOG = REPO / 'build' / 'install.log'
OLDEST_TORCH = [2, 6]  # the first that loads checkpoints without running code in them


def normal(name: str) -> str:
    """A distribution's name in the form that can be compared."""
    return re.sub(r'[-_.]+', '-', name).lower()


def numbers(version: str) -> list[int]:
    """For comparing versions: '2.1.0+cpu' gives [2, 1, 0]."""
    return [int(n) for n in re.match(r'[\d.]*\d', version).group().split('.')]


def requirement(file: str) -> Path:
    """A file of the requirements, by its name without .txt."""
    return REQUIREMENTS / f'{file}.txt'


def read(file: str, torch: str | None = None) -> str:
    """The text of requirements/FILE.txt, with what goes with another torch moved."""
    text = requirement(file).read_text()
    for name, bound in moves(torch).items():
        text = re.sub(rf'^{name}==[^\s;]+', name + bound, text, flags=re.MULTILINE)
    return text


def moves(torch: str | None) -> dict[str, str]:
    """What is asked for in place of the pins, if it is another torch than theirs."""
    if torch is None:
        return {}
    minor = numbers(torch)[1]
    return {
        'triton': '',  # a CUDA build asks for the one that it was made with
        'sympy': '',  # torch 2.6 asks for 1.13.1
        'torchvision': f'~=0.{minor + 15}.0',  # 0.21 came with torch 2.6, and so on
        'torch': f'=={torch}',
    }


def read_pins(*files: str, torch: str | None = None) -> dict[str, str]:
    """The exact pins in requirements/FILE.txt, as in {'torch': '2.13.0'}."""
    text = '\n'.join(read(file, torch) for file in files)
    pins = re.findall(r'^([\w.-]+)==(\S+)', text, re.MULTILINE)
    return {normal(name): version for name, version in pins}


def require_torch(version: str) -> None:
    """Raises InstallError for a torch that eca_mm cannot be installed with."""
    release = re.fullmatch(r'2\.\d+\.\d+', version)
    if not release or numbers(version)[:2] < OLDEST_TORCH:
        raise InstallError(
            f'--torch {version} cannot be used: it takes a release of torch 2 from '
            '2.6.0 on, all three numbers of it, as in --torch 2.15.0'
        )


def fingerprint() -> str:
    """Changes with every change of what is to be installed."""
    files = [*sorted(REQUIREMENTS.glob('*.txt')), REPO / 'pyproject.toml']
    return hashlib.sha256(b'\0'.join(f.read_bytes() for f in files)).hexdigest()


def unsupported(versions: dict[str, str]) -> list[str]:
    """Installed OpenMMLab packages outside the bounds that pyproject.toml gives."""
    text = (REPO / 'pyproject.toml').read_text()
    bounds = re.findall(r"'(mmengine|mmcv|mmdet)>=([\d.]+),<([\d.]+)'", text)
    return [
        f'{name} {versions[name]} (eca_mm needs >={low},<{high})'
        for name, low, high in bounds
        if name in versions
        and not numbers(low) <= numbers(versions[name]) < numbers(high)
    ]
