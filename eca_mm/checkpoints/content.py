"""What a checkpoint holds, as mmengine's loaders take it."""

from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from torch import Size, Tensor

from . import store
from .convert import WRAPPERS
from .released import PREFIXES
from .rename import State
from .safe import CheckpointError, load_file


def read(name: str) -> object:
    """What is in a checkpoint of any name that mmengine knows, on the CPU.

    Raises:
        CheckpointError: It cannot be had or used.
    """
    if name.startswith(PREFIXES):
        return store.load(name)
    if '://' not in name:
        return load_file(Path(name).expanduser(), keep=True)
    try:
        with redirect_stdout(StringIO()):  # mmengine prints where it has no logger
            return CheckpointLoader.load_checkpoint(name, 'cpu', logger='silent')
    except CheckpointError:
        raise
    except KeyError as error:
        raise CheckpointError(f'{name}: there is no {error} by that scheme') from error
    except Exception as error:  # of the network, of a package that it needs
        raise CheckpointError(
            f'{name} cannot be had ({type(error).__name__}: {error}): get the file '
            'elsewhere and give its path'
        ) from error


def state_of(content: object, name: str) -> State:
    """The tensors in which mmengine looks for a model's, by the names of the file.

    Args:
        content: As :func:`read` gives it.
        name: Of the checkpoint.

    Raises:
        CheckpointError: It holds nothing of that kind.
    """
    state = content
    if isinstance(content, Mapping):
        state = content.get('state_dict', content)
    if not isinstance(state, Mapping):
        raise CheckpointError(
            f'checkpoint {name} holds no state dict but a {type(state).__name__}: give '
            'a file of names and tensors'
        )
    other = next((key for key in state if not isinstance(key, str)), None)
    if other is not None:
        raise CheckpointError(
            f'checkpoint {name} holds no state dict: {other!r} is no name of a tensor'
        )
    return {key: value for key, value in state.items() if isinstance(value, Tensor)}


def without_wrapper(state: State) -> State:
    """The names without what a wrapper for several ranks sets before them."""
    return {key.removeprefix('module.'): value for key, value in state.items()}


def below(state: State, prefix: str | None) -> State:
    """What mmengine takes where an ``init_cfg`` has a prefix, or has none."""
    if prefix is None:
        return without_wrapper(state)
    prefix = prefix if prefix.endswith('.') else f'{prefix}.'
    return {
        key.removeprefix(prefix): value
        for key, value in state.items()
        if key.startswith(prefix)
    }


@dataclass(frozen=True)
class Content:
    """A checkpoint without the data of its tensors.

    Attributes:
        name: Where it came from.
        state: Tensors on the meta device, names as in the file.
        hidden: Under what other name it has a state dict; '' for none.
        lost: What its weights lost when their kernel sizes were changed, a line each.
    """

    name: str
    state: State
    hidden: str
    lost: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str) -> 'Content':
        """Raises CheckpointError as :func:`read` and :func:`state_of`."""
        return cls.from_read(read(name), name)

    @classmethod
    def from_read(cls, content: Any, name: str) -> 'Content':
        """Raises CheckpointError as :func:`state_of`."""
        state = {
            key: torch.empty(value.shape, device='meta')
            for key, value in state_of(content, name).items()
        }
        inner = (key for key in WRAPPERS if isinstance(content.get(key), Mapping))
        return cls(
            name=name,
            state=state,
            hidden=next((key for key in inner if key != 'state_dict'), ''),
            lost=lost_in(content),
        )


def lost_in(content: object) -> tuple[str, ...]:
    """What :func:`.resize_eca.resize` noted; other files may hold anything there."""
    meta = content.get('meta') if isinstance(content, Mapping) else None
    lost = meta.get('lost') if isinstance(meta, Mapping) else None
    return tuple(str(line)[:200] for line in lost[:9]) if isinstance(lost, list) else ()


class Contents:
    """Checkpoints, of which each is read once."""

    def __init__(self) -> None:
        self.known: dict[str, Content | CheckpointError] = {}

    @property
    def usable(self) -> bool:
        """Whether all that were asked for can be used."""
        return not any(isinstance(c, CheckpointError) for c in self.known.values())

    def lost(self, name: str) -> tuple[str, ...]:
        """The ``lost`` of a checkpoint, if it can be used."""
        found = self.known.get(name)
        return found.lost if isinstance(found, Content) else ()

    def __getitem__(self, name: str) -> Content:
        """Raises CheckpointError as :meth:`Content.of`, each time."""
        if name not in self.known:
            try:
                self.known[name] = Content.of(name)
            except CheckpointError as error:
                self.known[name] = error
        found = self.known[name]
        if isinstance(found, CheckpointError):
            raise found
        return found


def fitting_prefix(wanted: Mapping[str, Size], found: Mapping[str, Size]) -> str | None:
    """What stands before the names of most tensors that a model could take.

    Args:
        wanted: Names and shapes of the model.
        found: Names and shapes in the file.

    Returns:
        Such as 'backbone.'; '' where most fit as they are; None where none fits.
    """
    votes: dict[str, int] = {}
    for name, shape in found.items():
        rest = name
        while rest:
            if wanted.get(rest) == shape:
                prefix = name.removesuffix(rest)
                votes[prefix] = votes.get(prefix, 0) + 1
            rest = rest.partition('.')[2]
    return max(votes, key=lambda prefix: votes[prefix]) if votes else None
