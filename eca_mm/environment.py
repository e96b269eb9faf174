"""What a figure depends on beside its subject: the machine, versions, the commit."""

import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGE = Path(__file__).resolve().parent


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


def commit() -> str:
    """Commit of the checkout that this package lies in, '-dirty' where files differ.

    Empty for an installed package, which has none, whatever repository its environment
    or the current folder is in.
    """
    top = ask_git('rev-parse', '--show-toplevel')
    if not top or Path(top).resolve() != PACKAGE.parent:
        return ''
    return ask_git('describe', '--always', '--dirty')


def ask_git(*words: str) -> str:
    """What git says of the folder that the package is in; '' where it says nothing."""
    command = ['git', '-C', str(PACKAGE.parent), *words]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:  # no git here
        return ''
