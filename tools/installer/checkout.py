"""The checkout that is installed: where it lies, and the versions it asks for."""

import hashlib
import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
REQUIREMENTS = REPO / 'requirements'
ENTRY = REPO / 'tools' / 'install.py'
LOG = REPO / 'build' / 'install.log'


def normal(name: str) -> str:
    """A distribution's name in the form that can be compared."""
    return re.sub(r'[-_.]+', '-', name).lower()


def numbers(version: str) -> list[int]:
    """For comparing versions: '2.1.0+cpu' gives [2, 1, 0]."""
    return [int(n) for n in re.match(r'[\d.]*\d', version).group().split('.')]


def requirement(file: str) -> Path:
    """A file of the requirements, by its name without .txt."""
    return REQUIREMENTS / f'{file}.txt'


def read_pins(*files: str) -> dict[str, str]:
    """The exact pins in requirements/FILE.txt, as in {'torch': '2.13.0'}."""
    text = '\n'.join(requirement(file).read_text() for file in files)
    pins = re.findall(r'^([\w.-]+)==(\S+)', text, re.MULTILINE)
    return {normal(name): version for name, version in pins}


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
