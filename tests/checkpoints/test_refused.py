"""Published weights that fit no model here are rejected by name."""

import pytest
import torch
from mmdet.models.backbones import ResNet

from eca_mm.checkpoints.convert import convert
from eca_mm.checkpoints.safe import CheckpointError


def test_official_cbam(tmp_path):
    """Names as MODELS/cbam.py and model_resnet.py of Jongchan/attention-module have."""
    gates = {
        'ChannelGate.mlp.1.weight': torch.zeros(4, 64),
        'ChannelGate.mlp.1.bias': torch.zeros(4),
        'ChannelGate.mlp.3.weight': torch.zeros(64, 4),
        'ChannelGate.mlp.3.bias': torch.zeros(64),
        'SpatialGate.spatial.conv.weight': torch.zeros(1, 2, 7, 7),
        'SpatialGate.spatial.bn.weight': torch.zeros(1),
    }
    of_block = {f'module.layer1.0.cbam.{name}': t for name, t in gates.items()}
    plain = {f'module.{key}': t for key, t in ResNet(18).state_dict().items()}
    path = tmp_path / 'RESNET18_CBAM.pth'
    torch.save(dict(state_dict=plain | of_block), path)
    with pytest.raises(CheckpointError, match='official CBAM .* MLPs have biases'):
        convert(path)
    torch.save(plain, path)
    assert convert(path).meta['layout'] == 'torchvision'
