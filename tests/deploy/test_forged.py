"""ONNX files that are not what they should be, and images that are not."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

pytest.importorskip('onnx')
from forged import forge  # noqa: E402
from onnx import TensorProto, helper, save  # noqa: E402

from eca_mm.errors import RequestError  # noqa: E402
from eca_mm.inference.by_onnx import providers_of  # noqa: E402
from eca_mm.runtime import Detector, NotADetector, read_image  # noqa: E402
from eca_mm.runtime.session import PROVIDERS  # noqa: E402

NAN, TWO = float('nan'), np.ones((2, 4, 4), np.float32)
MASKS = dict(masks=dict(threshold=0.5, whole_pixels=True))
FAR = [[0, 0, 1e9, 1e9], [-3e38, -3e38, 3e38, 3e38]]
RESIZE = dict(scale=[128, 128], keep_ratio=True, one_factor=False)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / 'image.png'
    Image.new('RGB', (60, 50)).save(path)
    return path


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        *[('classes', value) for value in (..., 5, 'a b', [{}, [2]], '[' * 100000)],
        *[('resize', value) for value in (..., 'yes', {}, dict(scale=[9, 9]))],
        *[('resize', RESIZE | dict(scale=s)) for s in ([0, 0], [9], [1.5, 9])],
        ('resize', RESIZE | dict(scale=[99999, 9])),
        ('resize', '{"scale": [1e999, 9], "keep_ratio": true, "one_factor": false}'),
        *[('last_pixel', value) for value in (..., 'x', 2, True)],
        *[('score_thr', value) for value in (..., NAN, '1e999', 'x', 10**400)],
    ],
)  # fmt: skip
def test_metadata_that_cannot_be(tmp_path, image, run, key, value):
    path = forge(tmp_path / 'forged.onnx', {key: value})
    status, _, error = run('infer', path, image, '--out', tmp_path / 'out')
    (line,) = error.splitlines()
    assert status == 2 and line.startswith(f'error: {path}: '), line
    assert f'no valid "{key}"' in line


@pytest.mark.parametrize(
    ('info', 'found', 'said'),
    [
        ({}, dict(scores=...), 'outputs are not'),
        ({}, dict(masks=TWO), 'no valid "masks"'),
        (dict(masks=dict(threshold=0.5)), dict(masks=TWO), 'no valid "masks"'),
        ({}, dict(labels=np.array([0, 99])), 'labels are not of its 2 classes'),
        ({}, dict(labels=np.array([0, -1])), 'labels are not of its 2 classes'),
        ({}, dict(labels=np.array([0])), 'labels are not as many'),
        ({}, dict(labels=np.array([0.0, 1])), 'labels are of another type'),
        ({}, dict(boxes=np.zeros((2, 3), np.float32)), 'boxes do not have 4 sides'),
        ({}, dict(boxes=np.full((2, 4), np.inf, np.float32)), 'boxes are not all'),
        ({}, dict(scores=np.array([NAN, 0.8], np.float32)), 'scores are not all'),
    ],
)
def test_outputs_that_cannot_be(tmp_path, image, run, info, found, said):
    path = forge(tmp_path / 'forged.onnx', info, found)
    status, _, error = run('infer', path, image, '--out', tmp_path / 'out')
    line = error.splitlines()[-1]
    assert status == 2 and line.startswith(f'error: {path}: ') and said in line, error
    assert 'Traceback' not in error


@pytest.mark.parametrize('whole_pixels', [True, False])
def test_boxes_far_outside(tmp_path, image, run, whole_pixels):
    """Masks and lines end where the image does."""
    rule = MASKS['masks'] | dict(whole_pixels=whole_pixels)
    found = dict(masks=TWO, boxes=np.array(FAR, np.float32))
    path = forge(tmp_path / 'forged.onnx', dict(masks=rule), found)
    status, _, error = run('infer', path, image, '--out', tmp_path / 'out')
    assert status == 0, error
    results = json.loads((tmp_path / 'out/results.json').read_text())
    assert [row['segmentation']['size'] for row in results] == [[50, 60]] * 2


def test_what_onnxruntime_refuses_is_one_line(tmp_path):
    detector = Detector(forge(tmp_path / 'forged.onnx'))
    with pytest.raises(NotADetector, match='forged.onnx: onnxruntime cannot run it'):
        detector.run(np.zeros((1, 3, 9, 9), np.float32), *np.ones((2, 1, 2), 'f'))


def test_a_thin_image_is_skipped(tmp_path, image, run):
    Image.new('RGB', (3000, 2)).save(tmp_path / 'a_thin.png')
    path = forge(tmp_path / 'forged.onnx', dict(resize=RESIZE))
    words = [path, tmp_path / 'a_thin.png', image, '--batch', 2]
    status, said, error = run('infer', *words, '--out', tmp_path / 'out')
    assert status == 0 and said.startswith('1 images'), error
    line = error.splitlines()[-1]
    assert line.startswith('skipped: ') and 'too thin to be resized to 128x0' in line
    assert Detector(path)([]) == []
    assert len(Detector(path)([read_image(image)])[0].boxes) == 2


@pytest.mark.parametrize('there', [PROVIDERS, PROVIDERS[1:], ('Other', *PROVIDERS)])
def test_devices(monkeypatch, there):
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: [*there])
    assert providers_of(None) is None
    assert list(providers_of('cpu')) == ['CPUExecutionProvider']
    for name, number in (('cuda', 0), ('cuda:1', 1)):
        if PROVIDERS[0] not in there:
            with pytest.raises(RequestError, match=f'--device {name} cannot be used'):
                providers_of(name)
            continue
        assert providers_of(name) == [(PROVIDERS[0], dict(device_id=number))]
    with pytest.raises(RequestError, match='--device cuda:x cannot be used'):
        providers_of('cuda:x')


def test_default_providers(tmp_path, monkeypatch):
    """Others than CUDA and the CPU are left alone, as what is asked for must start."""
    path, seen = forge(tmp_path / 'forged.onnx'), []
    kind = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        'InferenceSession',
        lambda *args, providers: seen.append(providers) or kind(*args, providers=CPU),
    )
    CPU = ['CPUExecutionProvider']
    there = ['TensorrtExecutionProvider', *PROVIDERS]
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: there)
    assert Detector(path).session.get_providers() == CPU
    assert seen == [[*PROVIDERS]]
    for asked in (PROVIDERS[0], (PROVIDERS[0], dict(device_id=1))):
        with pytest.raises(NotADetector, match='cannot run it by CUDAExecution'):
            Detector(path, [asked])


def test_a_folder_is_no_file(tmp_path, image, run):
    (tmp_path / 'folder.onnx').mkdir()
    status, _, error = run('infer', tmp_path / 'folder.onnx', image)
    assert status == 2 and 'folder.onnx is not a file' in error.splitlines()[-1]


def other_kind(path: Path) -> Path:
    """An ONNX file that is no detector."""
    value = helper.make_tensor_value_info('x', TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info('y', TensorProto.FLOAT, [1])
    node = helper.make_node('Relu', ['x'], ['y'])
    graph = helper.make_graph([node], 'other', [value], [result])
    opsets = [helper.make_opsetid('', 18)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['OTHER'], 'other.onnx: not a whole detector'),
        (['TEXT'], 'text.onnx: onnxruntime cannot run it'),
        (['absent.onnx'], 'absent.onnx not found'),
        (['FILE', '--config', 'a.py'], '--config is for checkpoints'),
        (['FILE', '--device', 'abacus'], '--device abacus cannot be used'),
    ],
)
def test_what_infer_refuses(tmp_path, image, run, words, said):
    (tmp_path / 'text.onnx').write_text('no model')
    places = dict(
        OTHER=other_kind(tmp_path / 'other.onnx'),
        TEXT=tmp_path / 'text.onnx',
        FILE=forge(tmp_path / 'forged.onnx'),
    )
    model, *options = (places.get(word, word) for word in words)
    out = tmp_path / 'out'
    status, _, error = run('infer', model, image, *options, '--out', out)
    last = error.splitlines()[-1]
    assert status == 2 and last.startswith('error: ') and said in last, error
