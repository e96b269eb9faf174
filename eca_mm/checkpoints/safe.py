"""Load foreign files as data: tensors and plain values, and no code that runs."""

import re
import warnings
from pathlib import Path
from typing import Any

import torch

from eca_mm.errors import CheckpointError

from . import allowed  # noqa: F401  (tells torch what files may name)
from .bounds import check_content, check_packed

# What was read last, under the marks of its file, for the next who reads it.
kept: dict[tuple, object] = {}


def load_file(path: str | Path, keep: bool = False) -> Any:
    """What a checkpoint file holds, on the CPU.

    Args:
        path: File of ``torch.save``, new or legacy, or a ``.safetensors`` file.
        keep: Hold it for whoever reads the same file next in this process. A large file
            is so read once by all that look at it before a run, and by the run, which
            does not keep it. Who keeps must not change what is returned.

    Raises:
        CheckpointError: It is missing, damaged, no checkpoint, or asks for more than
            tensors and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f'checkpoint {path} not found: give the path of a file')
    marks = marks_of(path)
    content = kept.pop(marks) if marks in kept else read(path)
    kept.clear()
    if keep:
        kept[marks] = content
    return content


def marks_of(path: Path) -> tuple:
    """What changes when a file does."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def read(path: Path) -> object:
    """As :func:`load_file`, from the disk."""
    try:
        with path.open('rb') as file:
            start = file.read(512)
    except OSError as error:
        raise CheckpointError(
            f'checkpoint {path} cannot be read ({error.strerror}): see to its owner, '
            'its permissions and its disk'
        ) from error
    web_page = re.match(rb'\s*<(!doctype|html|\?xml)', start, re.IGNORECASE)
    if web_page or not start:
        raise CheckpointError(
            f'checkpoint {path} is {"a web page" if web_page else "empty"}, not '
            'weights: download it again, in a browser if the site asks to confirm'
        )
    read_format = read_safetensors if path.suffix == '.safetensors' else read_torch
    try:
        content = read_format(path)
        check_content(content, path.stat().st_size)
        return content
    except CheckpointError:
        raise
    except Exception as error:  # damaged bytes can raise anything
        raise CheckpointError(f'checkpoint {path} {reason(error)}') from error


def read_torch(path: Path) -> object:
    check_packed(path)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # of unusual pickle protocols
        return torch.load(path, map_location='cpu', weights_only=True)


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        from safetensors.torch import load_file as read_names
    except ImportError:
        raise CheckpointError(
            f'checkpoint {path} needs the package safetensors: pip install safetensors'
        ) from None
    return read_names(path)


def moved(content: Any, map_location) -> Any:
    """The tensors on a device, as far as torch.load is asked for one.

    Everything else that torch.load takes leaves them on the CPU.
    """
    if not isinstance(map_location, (str, torch.device)):
        return content
    if isinstance(content, torch.Tensor):
        return content.to(map_location)
    if isinstance(content, dict):
        for key, value in content.items():
            content[key] = moved(value, map_location)
    elif isinstance(content, list):
        content[:] = [moved(value, map_location) for value in content]
    return content


def reason(error: Exception) -> str:
    """What is wrong with a file, in place of torch's advice to load it unsafely."""
    text = str(error)
    refused = re.search(r'GLOBAL (\S+)|asks for (.+): rejected', text)
    if refused:
        return (
            f'asks for {refused[1] or refused[2]}, which could run code, and is '
            'rejected: get a file of tensors and plain values only'
        )
    inner = re.search(r'WeightsUnpickler error:\s*(.+)', text)
    line = inner[1] if inner else (text.splitlines() or [''])[0]
    return (
        f'is damaged or not a checkpoint ({type(error).__name__}: {line}): download or '
        'save it again'
    )
