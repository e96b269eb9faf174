"""What a checkpoint may take of memory and of patience: no more than its bytes tell."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch

DEPTH = 64  # of containers in one another; mmengine's own have 6
SPREAD = 2**30  # bytes that few numbers may stand for: expanded tensors are saved so


def check_packed(path: Path) -> None:
    """Look at the parts of a file of ``torch.save`` before they are read.

    torch writes them as they are. Packed ones may be a thousand times as long.

    Raises:
        ValueError: They are longer than the file.
    """
    try:
        with ZipFile(path) as file:
            length = sum(part.file_size for part in file.infolist())
    except (BadZipFile, OSError, ValueError):
        return  # a legacy file, or a damaged one, which torch tells
    size = path.stat().st_size
    if length > size:
        raise ValueError(
            f'its parts unpack to {length:,} bytes, and the file has {size:,}'
        )


def check_content(content: object, size: int) -> None:
    """Look at what was read, of which the numbers may still be nowhere.

    Args:
        size: Of the file, in bytes.

    Raises:
        ValueError: A tensor has more numbers than the file can hold, or containers lie
            too deep in one another.
    """
    for thing, depth in walk(content):
        if depth > DEPTH:
            raise ValueError(f'containers lie {DEPTH} deep in one another')
        if isinstance(thing, torch.Tensor) and has_storage(thing):
            stored = thing.untyped_storage().nbytes()
            if stored > size or thing.nbytes > max(stored, SPREAD):
                raise ValueError(
                    f'a tensor of {thing.numel():,} numbers stands for '
                    f'{min(stored, size):,} bytes'
                )
        elif isinstance(thing, bytearray) and len(thing) > size:
            raise ValueError(f'{len(thing):,} bytes stand for fewer')


def has_storage(tensor: torch.Tensor) -> bool:
    return tensor.layout is torch.strided and tensor.device.type != 'meta'


def walk(content: object) -> Iterator[tuple[object, int]]:
    """Everything inside, each object once, and how deep it lies.

    Without recursion, for a file may be as deep as it likes.
    """
    seen: set[int] = set()
    waiting = [(content, 0)]
    while waiting:
        thing, depth = waiting.pop()
        yield thing, depth
        if id(thing) in seen or isinstance(thing, (str, bytes, np.ndarray)):
            continue
        seen.add(id(thing))
        inner: Iterable = ()
        if isinstance(thing, Mapping):
            inner = [*thing.values(), *thing]
        elif isinstance(thing, (list, tuple, set, frozenset)):
            inner = thing
        waiting += [(part, depth + 1) for part in inner]
