"""mmpretrain's classifiers with random weights, converted: the same feature maps."""

import pytest
import torch
from mmdet.registry import MODELS
from mmpretrain.registry import MODELS as CLASSIFIERS

from eca_mm.checkpoints.convert import convert

SE = dict(cfg=dict(type='SE', bias=True), position='after_conv3')
BACKBONES = {  # mmpretrain's, and ours
    'se': (
        dict(type='SEResNet', depth=50),
        dict(type='PluginResNet', depth=50, plugins=[SE]),
    ),
    'plain': (dict(type='ResNet', depth=18), dict(type='ResNet', depth=18)),
    'ours': (
        dict(type='mmdet.ECAResNet', depth=18, kernel_sizes=(3, 5, 7, 7)),
        dict(type='ECAResNet', depth=18, kernel_sizes=(3, 5, 7, 7)),
    ),
}


def classifier(backbone: dict) -> torch.nn.Module:
    """An ImageClassifier whose norms and gates do something."""
    model = CLASSIFIERS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(backbone, out_indices=range(4)),
            neck=dict(type='mmpretrain.GlobalAveragePooling'),
            head=dict(
                type='mmpretrain.LinearClsHead',
                num_classes=10,
                in_channels=512,
            ),
        )
    )
    for name, tensor in model.state_dict().items():
        if name.endswith('running_var'):
            tensor.uniform_(0.5, 1.5)
        elif '.se_layer.' in name or '.eca.' in name:
            tensor.uniform_(-1, 1)
        elif name.endswith(('running_mean', 'bias')):
            tensor.uniform_(-0.5, 0.5)
    return model


@pytest.mark.parametrize('name', BACKBONES)
def test_same_feature_maps(tmp_path, name):
    theirs, ours = BACKBONES[name]
    source = classifier(theirs)
    torch.save(
        dict(state_dict=source.state_dict(), meta=dict(epoch=1)), tmp_path / 'model.pth'
    )

    converted = convert(tmp_path / 'model.pth')
    assert converted.meta['layout'] == 'mmpretrain'
    assert converted.meta['backbone'] == ours
    assert converted.meta['dropped'] == ['head.fc.bias', 'head.fc.weight']
    model = MODELS.build(ours)
    model.load_state_dict(converted.state_dict)
    source.eval(), model.eval()
    image = torch.randn(1, 3, 64, 64, dtype=torch.double)
    with torch.no_grad():
        expected, maps = source.double().backbone(image), model.double()(image)
    for found, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
