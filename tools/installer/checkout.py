"""The checkout that is installed: where it lies, and what it pins."""

import hashlib
import re
from pathlib import Path

from .versions import applies, normal, numbers, torchvision

REPO = Path(__file__).resolve().parents[2]
REQUIREMENTS = REPO / 'requirements'
ENTRY = REPO / 'tools' / 'install.py'
LOG = REPO / 'build' / 'install.log'


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
    return {
        'triton': '',  # a CUDA build asks for the one that it was made with
        'sympy': '',  # torch 2.6 asks for 1.13.1
        'torchvision': f'~={torchvision(torch)}',
        'torch': f'=={torch}',
    }


def read_pins(*files: str, torch: str | None = None) -> dict[str, str]:
    """The exact pins in requirements/FILE.txt, as in {'torch': '2.13.0'}.

    Those for another system or Python, which the marker behind a semicolon says, do
    not count.
    """
    text = '\n'.join(read(file, torch) for file in files)
    pins = re.findall(r'^([\w.-]+)==([^\s;]+)(.*)$', text, re.MULTILINE)
    return {normal(name): version for name, version, marker in pins if applies(marker)}


def fingerprint() -> str:
    """Changes with every change of what is to be installed."""
    files = [*sorted(REQUIREMENTS.glob('*.txt')), REPO / 'pyproject.toml']
    return hashlib.sha256(b'\0'.join(f.read_bytes() for f in files)).hexdigest()


def unsupported(versions: dict[str, str]) -> list[str]:
    """Installed OpenMMLab packages outside the bounds that pyproject.toml gives."""
    text = (REPO / 'pyproject.toml').read_text()
    bounds = re.findall(r"'([\w-]*mm[\w]+)>=([\d.]+),<([\d.]+)'", text)
    return [
        f'{name} {versions[name]} (eca_mm needs >={low},<{high})'
        for name, low, high in bounds
        if name in versions
        and not numbers(low) <= numbers(versions[name]) < numbers(high)
    ]
