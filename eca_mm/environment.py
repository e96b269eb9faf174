"""What a figure depends on beside its subject: the machine, versions, the commit."""

import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch


def cpu_name() -> str:
    info = Path('/proc/cpuinfo')  # Linux only; elsewhere the kind of machine must do
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(':')[1].strip() for line in lines if 'model name' in line]
    return names[0] if names else platform.machine()


def device_name(device: str) -> str:
    """Name of a GPU ('cuda'), or of the processor with the threads that torch uses."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.get_device_name(device)
    return f'{cpu_name()}, {torch.get_num_threads()} threads'


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions, empty where a package is not installed."""
    found = dict.fromkeys(packages, '')
    for name in found:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit(folder: Path) -> str:
    """Commit of the checkout that ``folder`` is in, '-dirty' where files differ."""
    describe = ['git', '-C', str(folder), 'describe', '--always', '--dirty']
    found = subprocess.run(describe, capture_output=True, text=True)
    return found.stdout.strip() or 'unknown'
