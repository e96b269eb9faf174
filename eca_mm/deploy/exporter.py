"""Export of a whole detector by torch's exporter."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from eca_mm.backbones.fold import fold_norms
from eca_mm.export import exported

from . import operators, sizes
from .detector import INPUTS, WholeDetector, example, plain_copy

if TYPE_CHECKING:
    from torch.onnx import ONNXProgram

ROWS = {0: 'batch_or_1'}
AXES = ({0: 'batch', 2: 'height', 3: 'width'}, ROWS, ROWS, None)


def prepared(detector: nn.Module) -> tuple[WholeDetector, Counter[str]]:
    """A copy as it is exported, with its norms folded, and what was folded.

    Raises:
        RequestError: It has something that is not exported: the message names it.
    """
    whole = WholeDetector(plain_copy(detector)).train(False)
    return whole, fold_norms(whole)


@torch.no_grad()
def to_onnx(
    whole: WholeDetector, height: int, width: int, opset: int | None = None
) -> ONNXProgram:
    """Export with free batch, height and width.

    Args:
        height, width: Of the image that the export runs on, in pixels.
        opset: Version of ONNX's operators, from 16; None for the exporter's own choice.

    Raises:
        torch.onnx.OnnxExporterError: The model has something that ONNX has not.
        ValueError: The exporter does not write that opset.
    """
    program = exported(
        whole,
        example(whole, height, width),
        opset,
        input_names=INPUTS,
        output_names=whole.outputs,
        dynamic_shapes=deepcopy(AXES),
        custom_translation_table={**operators.translations(), **sizes.translations()},
    )
    set_defaults(program, float(whole.heads.cfg.score_thr))
    return program


def set_defaults(program: ONNXProgram, score_thr: float) -> None:
    """Values for the inputs that one image of its own size needs not give.

    An initializer of an input's name is that in ONNX.
    """
    import onnx_ir

    defaults = dict(
        sizes=np.zeros((1, 2), np.float32),
        scales=np.ones((1, 2), np.float32),
        score_thr=np.array([score_thr], np.float32),
    )
    graph = program.model.graph
    for value in graph.inputs:
        if value.name in defaults:
            value.const_value = onnx_ir.tensor(defaults[value.name], name=value.name)
            graph.register_initializer(value)
