"""Files of lower precision, by onnxruntime's own converters."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir

from eca_mm.runtime import Detector
from eca_mm.runtime.session import CPU

# What is worth it: their weights and sums. Boxes and scores stay as they are.
HEAVY = ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')


def to_fp16(source: Path, target: Path) -> None:
    """Half precision for convolutions and fully connected layers, and their weights."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load(source)
    kept = [node.name for node in model.graph.node if node.op_type not in HEAVY]
    half = convert_float_to_float16(model, keep_io_types=True, node_block_list=kept)
    leave_repeated(half.graph)
    sorted_model = onnx_ir.from_proto(half)
    sorted_model.graph.sort()
    onnx.save(onnx_ir.to_proto(sorted_model), target)


def leave_repeated(graph: onnx.GraphProto) -> None:
    """Leave out casts that are there before.

    The converter writes one for each use of a value, all of the same name, which is no
    ONNX (onnxruntime 1.31; this can go when its files with a node_block_list load).
    """
    once: dict[str, onnx.NodeProto] = {}
    for node in graph.node:
        once.setdefault(node.output[0], node)
    del graph.node[:]
    graph.node.extend(once.values())


def to_int8(images: Sequence[np.ndarray]) -> Callable[[Path, Path], None]:
    """A converter to whole numbers of 8 bits, whose ranges are those of some images.

    Args:
        images: (H, W, 3) uint8 in RGB, as many as are typical: some tens.
    """

    def convert(source: Path, target: Path) -> None:
        from onnxruntime import quantization

        logging.getLogger().setLevel(logging.ERROR)  # it advises on its options
        quantization.quantize_static(
            source,
            target,
            Calibration(source, images),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(HEAVY),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            # Weights of 7 bits: sums of 8 overflow on x86 without VNNI.
            reduce_range=True,
        )

    return convert


class Calibration:
    """Inputs of a file, one image at a time: a CalibrationDataReader."""

    def __init__(self, path: Path, images: Sequence[np.ndarray]) -> None:
        detector = Detector(path, CPU)
        self.feeds = iter([feed(detector, image) for image in images])

    def get_next(self) -> dict | None:
        return next(self.feeds, None)


def feed(detector: Detector, image: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs of the file for an image (H, W, 3) uint8 in RGB."""
    scaled = detector.scaled(image)
    return dict(
        pixels=np.ascontiguousarray(scaled.pixels.transpose(2, 0, 1)[None]),
        sizes=np.zeros((1, 2), np.float32),
        scales=np.array([scaled.factors], np.float32),
        score_thr=np.array([detector.info['score_thr']], np.float32),
    )
