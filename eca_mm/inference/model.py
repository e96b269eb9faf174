"""A DetInferencer from a checkpoint, whose config is read as data."""

from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import torch
from mmdet.apis import DetInferencer
from mmengine.config import Config

from eca_mm.checkpoints.content import read
from eca_mm.checkpoints.safe import CheckpointError
from eca_mm.config_dump import ConfigDumpError, parse_dump
from eca_mm.engine.arguments import read_config
from eca_mm.engine.errors import RequestError
from eca_mm.engine.runner import build_model
from eca_mm.engine.weights import load_weights


def load_inferencer(
    checkpoint: str, config: str | None = None, device: str | None = None
) -> DetInferencer:
    """mmdet's inferencer with the weights of a checkpoint.

    Args:
        checkpoint: Of any name that mmengine knows.
        config: Path of its config; None for the one that the checkpoint holds.
        device: None for a GPU if there is one.

    Raises:
        RequestError: It cannot be had, or does not fit.
    """
    if checkpoint.endswith('.onnx'):
        raise RequestError(
            f'{checkpoint}: ONNX files end before the heads: give the checkpoint'
        )
    place = check_device(device)
    try:
        content = read(checkpoint)
    except CheckpointError as error:
        raise RequestError(str(error)) from error
    cfg = read_config(config) if config else config_of(content, checkpoint)
    prepare(cfg, config or checkpoint)
    # Builds it once more than needed; what the config lacks is so told in one line.
    build_model(cfg, 'cpu')
    scope = cfg.get('default_scope', 'mmdet')
    with redirect_stdout(StringIO()):  # mmengine tells whence it loads
        inferencer = DetInferencer(cfg, checkpoint, place, scope, show_progress=False)
    load_weights(inferencer.model, checkpoint)  # or refuse them
    return inferencer


def check_device(name: str | None) -> str | None:
    """Raise RequestError if there is no such device."""
    if name is None:
        return None
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise RequestError(f'--device {name} cannot be used: {reason}') from error
    return name


def config_of(content: object, checkpoint: str) -> Config:
    """The config that a checkpoint holds; its text is parsed and never run.

    Raises:
        RequestError: It holds none, or one that is more than values.
    """
    meta = content.get('meta') if isinstance(content, Mapping) else None
    text = meta.get('cfg') if isinstance(meta, Mapping) else None
    if not isinstance(text, str):
        raise RequestError(f'{checkpoint} holds no config: give it with --config')
    try:
        return Config(parse_dump(text))
    except (ConfigDumpError, KeyError) as error:
        raise RequestError(
            f'the config in {checkpoint} cannot be read ({error}): give one by --config'
        ) from error


def prepare(cfg: Config, name: str) -> None:
    """Leave out what inference has no use for, and refuse what it cannot do without.

    Raises:
        RequestError: There is no test pipeline that begins with an image.
    """
    dataset = cfg.get('test_dataloader', {}).get('dataset')
    while dataset is not None and 'dataset' in dataset:
        dataset = dataset.dataset
    kinds = [str(step['type']) for step in (dataset or {}).get('pipeline', [])]
    if not any(kind.endswith('LoadImageFromFile') for kind in kinds):
        raise RequestError(
            f'{name}: its config has no test pipeline that loads images: give another '
            'one with --config'
        )
    dataset.pipeline = [
        step for step in dataset.pipeline if 'LoadAnnotations' not in str(step['type'])
    ]
    cfg.test_dataloader.dataset = dataset
    cfg.visualizer = dict(type='DetLocalVisualizer')  # nothing is sent anywhere


def file_name(path: Path, frame: int | None) -> str:
    """A name for an image in COCO's files."""
    return path.name if frame is None else f'{path.name}#{frame}'
