"""A backbone with every attention in ONNX, against torch at several sizes."""

import pytest
import torch
from mmdet.models.necks import FPN
from test_fused_tail import lively
from torch import nn

from eca_mm import export
from eca_mm.backbones import PluginResNet

onnx = pytest.importorskip('onnx')
ATTENTIONS = (
    dict(type='ECA'),
    dict(type='ECANS'),
    dict(type='SE', reduction=4),
    dict(type='SEVar3'),
    dict(type='SEGC', groups=4),
    dict(type='CBAM', reduction=4),
    dict(type='ContextBlock', ratio=1 / 4),
    dict(type='NonLocal2d'),
)


class Detector(nn.Module):
    with_neck = True

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = FPN([16], 8, num_outs=2)


def all_attentions() -> Detector:
    """Each behind another place of a block of one stage."""
    plugins = [
        dict(cfg=dict(cfg, postfix=f'_{position}'), position=position)
        for position in ('after_conv3', 'after_block')
        for cfg in ATTENTIONS
    ]
    backbone = PluginResNet(
        50, base_channels=4, stem_channels=4, plugins=plugins, num_stages=1,
        strides=(1,), dilations=(1,), out_indices=(0,),
    )  # fmt: skip
    return Detector(backbone)


def test_equals_torch_at_any_size(tmp_path):
    """Odd sizes and other batches than the one that was exported."""
    features = lively(export.Features(all_attentions())).train(False)
    folded, _ = export.folded(features)
    program = export.to_onnx(folded, 64, 96)
    program.save(tmp_path / 'model.onnx')
    shapes = [(2, 64, 96), (1, 128, 64), (3, 75, 141)]
    worst = export.largest_difference(tmp_path / 'model.onnx', features, shapes)
    assert max(worst.values()) < 1e-4
    model = onnx.load(tmp_path / 'model.onnx')
    assert 'BatchNormalization' not in {node.op_type for node in model.graph.node}
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in dims] == [
        'batch', 3, 'height', 'width',
    ]  # fmt: skip
    with torch.no_grad():
        features.neck.fpn_convs[0].conv.bias += 0.1
    worst = export.largest_difference(tmp_path / 'model.onnx', features, shapes[1:2])
    assert min(worst.values()) > 1e-3  # the measure can fail
