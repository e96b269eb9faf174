"""Models that tools/complexity.py, visualize_attention.py and export_onnx.py take."""

import json

import pytest
import torch
from mmengine.config import Config

from eca_mm import export
from eca_mm.engine import build_detector

CONFIG = 'projects/digits/configs/eca_faster_rcnn_r18.py'
WRONG = {
    "model = dict(type='FasterRNN')": 'FasterRNN is not in the ',
    "model = dict(type='mmdet.ResNet', depth=18)": 'its model has no backbone',
    'a = 1': ' no model',
}


@pytest.mark.parametrize('source', WRONG)
@pytest.mark.parametrize('tool', ['complexity', 'visualize', 'export'])
def test_config_without_such_a_model(run, tmp_path, tool, source):
    config, checkpoint = tmp_path / 'a.py', tmp_path / 'a.pth'
    config.write_text(source)
    torch.save({'a': torch.ones(1)}, checkpoint)
    arguments = [config]
    if tool != 'complexity':
        arguments.append(checkpoint)
    if tool == 'visualize':
        arguments += ['--data', tmp_path]
    if tool == 'export':
        pytest.importorskip('onnx')
        arguments.append(tmp_path / 'a.onnx')
    status, _, error = run(tool, *arguments)
    (line,) = [text for text in error.splitlines() if text.startswith('error: ')]
    assert status == 2 and WRONG[source] in line and 'Traceback' not in error


def test_grey_images_are_counted(run, tmp_path, repo):
    """Of the stem's 7 x 7 x 3 x 64 weights a third is left, and of its GFLOPs."""
    parameters, flops = [], []
    for channels in (3, 1):
        cfg = Config.fromfile(repo / CONFIG)
        cfg.model.backbone.in_channels = channels
        if channels == 1:
            cfg.model.data_preprocessor.update(mean=[0], std=[1], bgr_to_rgb=False)
        cfg.dump(tmp_path / 'a.py')
        sizes = ['--shape', '128', '128', '--format', 'json']
        status, out, error = run('complexity', tmp_path / 'a.py', *sizes)
        assert status == 0, error
        (row,) = json.loads(out)
        parameters.append(row['parameters (10^6)'] * 1e6)
        flops.append(row['flops (10^9)'] * 1e9)
    width = build_detector(cfg).backbone.conv1.out_channels
    assert parameters[0] - parameters[1] == pytest.approx(49 * 2 * width)
    assert flops[0] - flops[1] == pytest.approx(49 * 2 * width * 64 * 64)


def test_grey_images_are_exported(repo, monkeypatch):
    cfg = Config.fromfile(repo / CONFIG)
    cfg.model.backbone.in_channels = 1
    features = export.Features(build_detector(cfg)).eval()
    assert features.channels == 1
    told = export.describe_input(cfg, features.channels, [4])
    assert told['channel_order'] == 'grey'
    shapes = []

    def only_look(features, inputs, **kwargs):
        shapes.append(inputs[0].shape)
        raise InterruptedError  # the export itself takes half a minute

    monkeypatch.setattr(torch.onnx, 'export', only_look)
    with pytest.raises(InterruptedError):
        export.to_onnx(features, 256, 320)
    assert shapes == [(2, 1, 256, 320)]
