"""Backbone and neck of a detector as an ONNX file, and its check against torch.

Needs the packages of ``PACKAGES``, which the extra ``eca_mm[export]`` installs.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from mmengine.config import Config
from torch import Tensor, nn

from . import __version__
from .backbones.channels import input_channels
from .backbones.fold import fold_norms

if TYPE_CHECKING:
    from collections import Counter

    from torch.onnx import ONNXProgram

PACKAGES = ('onnx', 'onnxscript', 'onnxruntime')
INPUT = 'image'
AXES = {0: 'batch', 2: 'height', 3: 'width'}  # those that are free


class Features(nn.Module):
    """Backbone and neck of a detector: (N, C, H, W) to a tuple of feature maps.

    Attributes:
        channels: C, of the images that the detector is built for.
    """

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.backbone = detector.backbone
        self.neck = detector.neck if detector.with_neck else nn.Identity()
        self.channels = input_channels(self.backbone)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.neck(self.backbone(image)))


def folded(features: Features) -> tuple[Features, Counter[str]]:
    """A copy with its norms folded, those of fused tails too, and what was folded."""
    copy = deepcopy(features)
    for module in copy.modules():
        if hasattr(module, 'fused_tail'):
            module.fused_tail = False
    return copy, fold_norms(copy)


@torch.no_grad()
def to_onnx(
    features: Features, height: int, width: int, opset: int | None = None
) -> ONNXProgram:
    """Export with free batch, height and width; outputs are level_0, level_1, ...

    Args:
        features: In eval mode.
        height, width: Of the image that the export runs on, in pixels. A map that is
            one pixel high or wide there is taken to be so always.
        opset: Version of ONNX's operators; None for the exporter's own choice.

    Raises:
        torch.onnx.OnnxExporterError: The model has something that ONNX has not.
        ValueError: The exporter does not write that opset.
    """
    # A batch of 1 would be taken for fixed.
    image = torch.zeros(2, features.channels, height, width)
    names = [f'level_{i}' for i in range(len(features(image)))]
    return exported(
        features,
        (image,),
        opset,
        input_names=[INPUT],
        output_names=names,
        dynamic_shapes=(AXES,),
    )


def exported(
    module: nn.Module, inputs: tuple, opset: int | None, **options
) -> ONNXProgram:
    """What torch's exporter makes of a module, without its notes and our paths.

    Args:
        opset, options: As of torch.onnx.export.

    Raises:
        torch.onnx.OnnxExporterError: The module has something that ONNX has not.
        ValueError: The exporter does not write that opset.
    """
    with quiet():
        program = torch.onnx.export(
            module, inputs, opset_version=opset, verbose=False, **options
        )
    written = program.model.opset_imports['']
    if opset not in (None, written):
        raise ValueError(f'the exporter writes opset {written}, not {opset}')
    for node in program.model.graph:
        node.metadata_props.clear()  # source lines, with the paths of this machine
    return program


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporter's notes on its own internals from the terminal."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)


def describe_input(
    cfg: Config, channels: int, strides: Iterable[int]
) -> dict[str, str]:
    """What a user of the file must know: metadata_props of the ONNX model.

    Args:
        cfg: The config, whose ``data_preprocessor`` is told.
        channels: Of an image.
        strides: Of the outputs.
    """
    steps = cfg.model.get('data_preprocessor') or {}
    return {
        'eca_mm_version': __version__,
        'config': Path(cfg.filename).name,
        'channel_order': channel_order(channels, steps),
        'mean': numbers(steps.get('mean') or [0] * channels),
        'std': numbers(steps.get('std') or [1] * channels),
        'pad_size_divisor': str(steps.get('pad_size_divisor', 1)),
        'strides': numbers(strides),
    }


def channel_order(channels: int, steps: dict) -> str:
    """What the channels of an image are: LoadImageFromFile gives BGR or grey."""
    if channels != 3:
        return 'grey' if channels == 1 else f'{channels} channels'
    return 'RGB' if steps.get('bgr_to_rgb') else 'BGR'


def numbers(values: Iterable[float]) -> str:
    return ','.join(map(str, values))


@torch.no_grad()
def largest_difference(
    path: Path, features: Features, shapes: Iterable[tuple[int, int, int]]
) -> dict[tuple[int, int, int], float]:
    """Run an ONNX file in onnxruntime on the CPU, and the model in torch.

    Args:
        features: In eval mode.
        shapes: (N, H, W) of the images, which are drawn from a normal distribution.

    Returns:
        For each shape the largest absolute difference of an output, relative to the
        largest absolute value of that output; the worst output counts.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    worst = {}
    for n, height, width in shapes:
        image = torch.randn(n, features.channels, height, width)
        found = map(torch.from_numpy, session.run(None, {INPUT: image.numpy()}))
        worst[n, height, width] = max(
            float((a - b).abs().max() / b.abs().max())
            for a, b in zip(found, features(image), strict=True)
        )
    return worst
