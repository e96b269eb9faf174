"""Files of half precision and of whole numbers: smaller, and nearly the same."""

import numpy as np
import pytest

from eca_mm.deploy import precision
from eca_mm.runtime import Detector, read_image

onnx = pytest.importorskip('onnx')


def pictures(exported) -> list[np.ndarray]:
    return [read_image(path) for path in sorted(exported.images.iterdir())]


def agreement(path, exported) -> float:
    """The share of the surest detections that are near one of the whole file's."""
    whole, other = Detector(exported.file), Detector(path)
    near = []
    for image in pictures(exported):
        (right,), (found,) = whole([image]), other([image])
        for box, label in zip(right.boxes[:10], right.labels[:10], strict=True):
            apart = np.abs(found.boxes - box).max(1, initial=0)
            near.append(((apart < 2) & (found.labels == label)).any())
    return float(np.mean(near))


def weights(path) -> set[int]:
    """Types of the large tensors."""
    model = onnx.load(path)
    return {t.data_type for t in model.graph.initializer if np.prod(t.dims) > 2000}


def test_half_precision(exported, tmp_path):
    path = tmp_path / 'half.onnx'
    precision.to_fp16(exported.file, path)
    assert path.stat().st_size < 0.6 * exported.file.stat().st_size
    assert weights(path) == {onnx.TensorProto.FLOAT16}
    assert Detector(path).info == Detector(exported.file).info
    assert agreement(path, exported) > 0.9


def test_whole_numbers(exported, tmp_path):
    """What AP it costs, trained weights must say: benchmarks/onnx_detectors.py."""
    path = tmp_path / 'int8.onnx'
    precision.to_int8(pictures(exported))(exported.file, path)
    assert path.stat().st_size < 0.4 * exported.file.stat().st_size
    nodes = onnx.load(path).graph.node
    made = {name: node.op_type for node in nodes for name in node.output}
    heavy = [node for node in nodes if node.op_type in precision.HEAVY]
    assert len(heavy) > 20
    for node in heavy:
        assert {made.get(name) for name in node.input[:2]} == {'DequantizeLinear'}
    other = Detector(path)
    assert Detector(exported.file).info.items() <= other.info.items()
    for found in other(pictures(exported)):
        assert len(found.boxes) > 10 and found.masks.any()
