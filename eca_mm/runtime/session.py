"""A file opened and run by onnxruntime; what is wrong with it is one line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .metadata import NotADetector

# What is asked for by default. Others, as TensorRT, have rules of their own.
PROVIDERS = ('CUDAExecutionProvider', 'CPUExecutionProvider')
CPU = PROVIDERS[1:]
Provider = str | tuple[str, dict]


def open_session(
    path: Path | str, asked: Sequence[Provider] | None, threads: int | None
):
    """An InferenceSession.

    Args:
        asked: onnxruntime's providers, by name or with their options; None for those
            of ``PROVIDERS`` that there are.

    Raises:
        NotADetector: onnxruntime cannot read or run the file, or not on what is asked.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its own notes are not for users
    if threads:
        options.intra_op_num_threads = threads
    there = onnxruntime.get_available_providers()
    providers = list(asked or [name for name in PROVIDERS if name in there])
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # of classes that onnxruntime does not export
        raise NotADetector(f'onnxruntime cannot run it ({short(error)})') from error
    # It continues without one that does not start, as CUDA without its libraries.
    for provider in asked or ():
        name = provider if isinstance(provider, str) else provider[0]
        if name not in session.get_providers():
            raise NotADetector(f'onnxruntime cannot run it by {name}')
    return session


def run(session, names: Sequence[str], feed: dict) -> dict[str, np.ndarray]:
    """Outputs by name.

    Raises:
        NotADetector: It fails.
    """
    try:
        return dict(zip(names, session.run(names, feed), strict=True))
    except Exception as error:  # see above
        raise NotADetector(f'onnxruntime cannot run it ({short(error)})') from error


def check_found(found: dict[str, np.ndarray], classes: int) -> None:
    """Raise NotADetector unless outputs are detections of that many classes."""
    kinds = dict(image='i', boxes='f', scores='f', labels='i', masks='f')
    sides = dict(boxes=2, masks=3)
    count = found['scores'].shape[:1]
    for name, values in found.items():
        if values.dtype.kind != kinds[name] or values.ndim != sides.get(name, 1):
            raise NotADetector(f'its {name} are of another type or shape')
        if values.shape[:1] != count:
            raise NotADetector(f'its {name} are not as many as its scores')
    if found['boxes'].shape[1] != 4:
        raise NotADetector('its boxes do not have 4 sides')
    for name in ('boxes', 'scores'):
        if not np.isfinite(found[name]).all():
            raise NotADetector(f'its {name} are not all finite')
    labels = found['labels']
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise NotADetector(f'its labels are not of its {classes} classes')


def short(error: Exception) -> str:
    return ' '.join(str(error).split())[:150]
