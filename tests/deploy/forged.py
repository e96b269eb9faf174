"""Small ONNX files that find what they are told to, with metadata of any kind."""

import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

GOOD = dict(
    eca_mm='whole detector, 1',
    classes=['a', 'b'],
    resize=None,
    last_pixel=0,
    score_thr=0.05,
)
FOUND = dict(
    image=np.zeros(2, np.int64),
    boxes=np.array([[1, 2, 30, 40], [5, 5, 20, 20]], np.float32),
    scores=np.array([0.9, 0.8], np.float32),
    labels=np.array([0, 1]),
)
INPUTS = dict(
    pixels=(TensorProto.UINT8, ['n', 3, 'h', 'w'], None),
    sizes=(TensorProto.FLOAT, ['k', 2], np.zeros((1, 2), np.float32)),
    scales=(TensorProto.FLOAT, ['k', 2], np.ones((1, 2), np.float32)),
    score_thr=(TensorProto.FLOAT, [1], np.zeros(1, np.float32)),
)


def forge(path: Path, info: dict | None = None, found: dict | None = None) -> Path:
    """Write a file that is good but for some values; one that is ... is left out."""
    info = {k: v for k, v in (GOOD | (info or {})).items() if v is not ...}
    found = {k: v for k, v in (FOUND | (found or {})).items() if v is not ...}
    nodes, outputs = [], []
    for name, value in found.items():
        value = np.asarray(value)
        tensor = numpy_helper.from_array(value)
        nodes.append(helper.make_node('Constant', [], [name], value=tensor))
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        outputs.append(helper.make_tensor_value_info(name, kind, value.shape))
    inputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, (kind, shape, _) in INPUTS.items()
    ]
    defaults = [
        numpy_helper.from_array(value, name)
        for name, (*_, value) in INPUTS.items()
        if value is not None
    ]
    graph = helper.make_graph(nodes, 'forged', inputs, outputs, defaults)
    opsets = [helper.make_opsetid('', 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    for key, value in info.items():
        text = value if isinstance(value, str) else json.dumps(value)
        model.metadata_props.add(key=key, value=text)
    save(model, path)
    return path
