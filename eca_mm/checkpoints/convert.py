"""Published weights into files that load into our backbones and detectors."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from eca_mm.files import replaced

from .architecture import kernel_sizes
from .layouts import LAYOUTS, find_layout
from .rename import State
from .safe import CheckpointError, load_file

# Where training scripts put the state dict, in the order in which it is looked for
WRAPPERS = ('state_dict', 'model', 'model_state_dict', 'model_state')
CLASSIFIER = re.compile(r'(?:fc|classifier\.1|head\.fc)\.(weight|bias)')


@dataclass(frozen=True)
class Converted:
    """Weights under our names.

    Attributes:
        state_dict: Keys as mmdet's: of the backbone alone, or of the whole detector.
        meta: Plain values: ``source`` (file name), ``sha256`` (of that file),
            ``layout``, ``dropped`` (names of tensors not carried over),
            ``kernel_sizes`` (of ECA, one a stage), ``backbone`` (its config), and what
            else the layout knows.
    """

    state_dict: State
    meta: dict


def convert(
    source: Path, layout: str = 'auto', keep_classifier: bool = False
) -> Converted:
    """Read a file and give its weights our names.

    Args:
        source: File of ``torch.save`` or safetensors.
        layout: A key of ``LAYOUTS``, or 'auto' to find out.
        keep_classifier: Make it a classifier of mmpretrain: ``backbone.`` before the
            names and the classifier, which is dropped otherwise, as ``head.fc``.

    Raises:
        CheckpointError: The file cannot be used; the message begins with its name.
    """
    state = bare_state(load_file(source), source)
    classifier = {key for key in state if CLASSIFIER.fullmatch(key)}
    body = {key: tensor for key, tensor in state.items() if key not in classifier}
    try:
        name = find_layout(body, layout)
        new, extra = LAYOUTS[name].convert(body)
        sizes = kernel_sizes(new)
    except CheckpointError as error:
        raise CheckpointError(f'checkpoint {source}: {error}') from error
    dropped = [*extra.pop('dropped', ()), *sorted(classifier)]
    if keep_classifier:
        if not classifier:
            raise CheckpointError(f'checkpoint {source} has no classifier to keep')
        new = {f'backbone.{key}': tensor for key, tensor in new.items()}
        new |= {f'head.fc.{key.rpartition(".")[2]}': state[key] for key in classifier}
        dropped = []
    meta = dict(
        source=Path(source).name,
        sha256=hashlib.sha256(Path(source).read_bytes()).hexdigest(),
        layout=name,
        dropped=dropped,
        **(dict(kernel_sizes=sizes) if sizes else {}),
        **extra,
    )
    return Converted(new, meta)


def bare_state(loaded: object, source: Path) -> State:
    """The state dict itself: out of its wrapper, without DataParallel's ``module.``.

    Raises:
        CheckpointError: There is none, or it holds something else than tensors.
    """
    while isinstance(loaded, Mapping):
        wrapper = next((key for key in WRAPPERS if key in loaded), None)
        if wrapper is None:
            break
        loaded = loaded[wrapper]
    if not isinstance(loaded, Mapping) or not loaded:
        raise CheckpointError(
            f'checkpoint {source} holds no state dict: give a file of names and tensors'
        )
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f'checkpoint {source} holds no state dict: under {key!r} it has no '
                f'tensor but {type(value).__name__}'
            )
    if all(key.startswith('module.') for key in loaded):
        return {key.removeprefix('module.'): value for key, value in loaded.items()}
    return dict(loaded)


def save(converted: Converted, out: Path) -> None:
    """Write ``{'state_dict': ..., 'meta': ...}``, in place when it is whole.

    Raises:
        OSError: It cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    # Copies, because a row of a tensor would bring the whole tensor into the file, and
    # because parameters are no plain tensors.
    tensors = {
        key: value.detach().clone() for key, value in converted.state_dict.items()
    }
    with replaced(out) as temporary:
        torch.save(dict(state_dict=tensors, meta=converted.meta), temporary)
