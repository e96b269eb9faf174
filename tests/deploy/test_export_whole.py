"""export --whole: what it writes, what it finds beside mmdet, and what is rejected."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eca_mm.cli import export_whole
from eca_mm.deploy.verify import Difference, compare
from eca_mm.inference.model import load_inferencer
from eca_mm.runtime import Detector, read_image

DOCS = Path(__file__).parents[2] / 'docs/deploy.md'
onnx = pytest.importorskip('onnx')


def test_the_file(exported):
    model = onnx.load(exported.file)
    (opset,) = model.opset_import
    told = DOCS.read_text().partition('; opset ')[2].split()[:4]
    assert told[1:3] == ['by', 'torch'] and opset.domain == ''
    if torch.__version__.startswith(told[3]):
        assert opset.version == int(told[0])
    assert {node.domain for node in model.graph.node} == {''}
    kinds = {node.op_type for node in model.graph.node}
    assert {'NonMaxSuppression', 'RoiAlign', 'TopK'} <= kinds
    assert 'BatchNormalization' not in kinds
    inputs = {
        value.name: [
            dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim
        ]
        for value in model.graph.input
    }
    assert inputs['pixels'] == ['batch', 3, 'height', 'width']
    assert inputs['score_thr'] == [1]
    assert [v.name for v in model.graph.output] == [
        'image', 'boxes', 'scores', 'labels', 'masks'
    ]  # fmt: skip
    onnx.checker.check_model(model)
    assert str(Path(__file__).parents[2]).encode() not in exported.file.read_bytes()


def test_what_the_file_says(exported):
    detector = Detector(exported.file)
    assert detector.classes[:2] == ['zero', 'one'] and len(detector.classes) == 10
    told = detector.info
    assert told['resize'] == dict(scale=[128, 128], keep_ratio=True, one_factor=False)
    assert told['masks'] == dict(threshold=0.5, whole_pixels=False)
    assert told['mean'] == pytest.approx([123.675, 116.28, 103.53])
    assert told['config'] == 'small.py' and told['last_pixel'] == 0
    assert '10 of 10 norms folded' in exported.said
    assert exported.said.count('100.0% of them') == 4, exported.said


def test_equals_mmdet_at_other_sizes(exported):
    """Sizes that neither the export nor its check has seen, alone and together."""
    rng = np.random.default_rng(1)
    images = [
        np.kron(rng.integers(0, 256, (h, w, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        for h, w in ((9, 16), (40, 25))
    ]
    inferencer = load_inferencer(str(exported.checkpoint), device='cpu')
    for found in compare(exported.file, inferencer, images):
        assert found.detections >= 30 and found.near >= 0.99, str(found)
        assert max(found.scores) < 1e-4 and np.mean(found.masks) < 1e-3
    inferencer.model.roi_head.bbox_head.fc_cls.bias.data[0] += 0.5
    worse = compare(exported.file, inferencer, images[:1])
    assert max(found.near for found in worse) < 0.99  # the measure can fail


def test_one_image_needs_no_other_input(exported):
    detector = Detector(exported.file)
    pixels = read_image(exported.images / '1.png').transpose(2, 0, 1)[None]
    found = detector.session.run(None, dict(pixels=pixels))
    (right,) = detector([read_image(exported.images / '1.png')])
    order = np.argsort(-found[2], kind='stable')
    np.testing.assert_array_equal(found[1][order], right.boxes)
    few = detector([read_image(exported.images / '1.png')], score_thr=0.5)[0]
    assert len(few.boxes) == (right.scores > 0.5).sum()


def test_infer_equals_the_checkpoint(exported, run, tmp_path):
    results = {}
    for name, model in (('onnx', exported.file), ('pth', exported.checkpoint)):
        words = [model, exported.images, '--out', tmp_path / name, '--batch', 2]
        status, said, error = run('infer', *words, '--device', 'cpu')
        assert status == 0 and said.startswith('3 images'), error
        results[name] = json.loads((tmp_path / name / 'results.json').read_text())
        assert len(list((tmp_path / name / 'pictures').iterdir())) == 3
    assert len(results['onnx']) == len(results['pth']) > 60
    for found, right in zip(results['onnx'], results['pth'], strict=True):
        assert found['image_id'] == right['image_id']
        assert found['category_id'] == right['category_id']
        assert found['bbox'] == pytest.approx(right['bbox'], abs=0.01)
        assert found['segmentation']['size'] == right['segmentation']['size']
    same = [a['segmentation'] == b['segmentation'] for a, b in zip(*results.values())]  # noqa: B905
    assert np.mean(same) > 0.9
    lists = [
        list(csv.reader((tmp_path / name / 'detections.csv').open()))
        for name in results
    ]
    assert len(lists[0]) == len(lists[1]) > 10
    assert [row[2] for row in lists[0]] == [row[2] for row in lists[1]]
    picture = read_image(tmp_path / 'onnx/pictures/0.png')
    assert (picture != read_image(exported.images / '0.png')).mean() > 0.01


def equal(count: int, of: int) -> Difference:
    return Difference(of, [0.0] * count, [0.0] * count, [])


@pytest.mark.parametrize(
    ('found', 'status', 'said'),
    [
        ([equal(98, 100)], 1, 'fewer than 99% of the detections'),
        ([equal(0, 0), equal(0, 0)], 1, 'nothing to compare'),
        ([equal(100, 100), equal(0, 0), equal(50, 100)], 1, 'fewer than 99%'),
        ([equal(0, 0), equal(49, 50), equal(5000, 5000)], 0, ''),
    ],
)
def test_a_file_is_kept_if_99_of_100_are_equal(
    exported, run, tmp_path, monkeypatch, found, status, said
):
    monkeypatch.setattr(export_whole, 'compare', lambda *args: found)

    class Program:
        class model:
            metadata_props: dict = {}

        def save(self, path):
            path.write_bytes(b'wrong')

    monkeypatch.setattr(export_whole.exporter, 'to_onnx', lambda *args: Program())
    out = tmp_path / 'model.onnx'
    out.write_text('older')
    words = [exported.config, exported.checkpoint, out, '--whole']
    ended, _, error = run('export', *words)
    assert ended == status and said in ''.join(error.splitlines()[-1:])
    assert len(list(tmp_path.iterdir())) == 1
    assert out.read_text() == ('older' if status else 'wrong')
    assert ('was not written' in error) == bool(status)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--fp16'], '--fp16 is for whole detectors'),
        (['--whole', '--image', 'absent.png'], '--image: absent.png: not found'),
        (['--whole', '--int8', 'absent'], '--int8: absent: not found'),
        (
            ['--whole', '--cfg-options', 'model.test_cfg.rcnn.nms.type=soft_nms'],
            'soft_nms',
        ),
        (
            [
                '--whole',
                '--cfg-options',
                'test_dataloader.dataset.pipeline.0.color_type=grayscale',
            ],
            "color_type='grayscale' in the test pipeline",
        ),
        (['--whole', '--image', 'THIN'], 'thin.png: too thin to be resized to 128x0'),
    ],
)
def test_what_export_refuses(exported, run, tmp_path, options, said):
    out = tmp_path / 'model.onnx'
    thin = tmp_path / 'thin.png'
    Image.new('RGB', (3000, 2)).save(thin)
    options = [thin if word == 'THIN' else word for word in options]
    status, _, error = run(
        'export', exported.config, exported.checkpoint, out, *options
    )
    last = error.splitlines()[-1]
    assert status == 2 and said in last, error
    assert not out.exists()
