"""timm's models with random weights, converted: the same feature maps."""

import pytest
import timm
import torch
from mmdet.registry import MODELS
from torch import nn

from eca_mm.checkpoints.convert import convert
from eca_mm.checkpoints.safe import CheckpointError

# The paper's rule on 256, 512, 1024 and 2048 channels, which timm follows
ECA_D = dict(type='ECAResNet', deep_stem=True, avg_down=True, kernel_sizes=(5, 5, 5, 7))


def se(last_conv: int, **kwargs) -> dict:
    cfg = dict(type='SE', bias=True)
    if 'reduction' in kwargs:
        cfg['reduction'] = kwargs.pop('reduction')
    return dict(cfg=cfg, position=f'after_conv{last_conv}', **kwargs)


# seresnet18 has at least 8 channels between the layers of SE: 64 / 8 in stage 1.
SE_18 = [
    se(2, reduction=8, stages=(True, False, False, False)),
    se(2, stages=(False, True, True, True)),
]
MODELS_OF_TIMM = {
    'ecaresnet50d': dict(ECA_D, depth=50),
    'ecaresnet101d': dict(ECA_D, depth=101),
    'seresnet50': dict(type='PluginResNet', depth=50, plugins=[se(3)]),
    'seresnet18': dict(type='PluginResNet', depth=18, plugins=SE_18),
}


def randomise(model: nn.Module) -> None:
    """Norms that do something, and gates that differ."""
    for name, tensor in model.state_dict().items():
        if name.endswith('running_var'):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith(('running_mean', 'bias')):
            tensor.uniform_(-0.5, 0.5)
        elif '.se.' in name:
            tensor.uniform_(-1, 1)
        elif tensor.ndim == 1:  # timm starts the last norm of each block at 0
            tensor.uniform_(0.5, 1)


@pytest.mark.parametrize('name', MODELS_OF_TIMM)
def test_same_feature_maps(tmp_path, name):
    source = timm.create_model(name, features_only=True, out_indices=(1, 2, 3, 4))
    randomise(source)
    torch.save(source.state_dict(), tmp_path / 'model.pth')

    converted = convert(tmp_path / 'model.pth')
    assert converted.meta['layout'] == 'timm'
    assert converted.meta['backbone'] == MODELS_OF_TIMM[name]
    model = MODELS.build(MODELS_OF_TIMM[name])
    model.load_state_dict(converted.state_dict)
    model.eval()  # the host's returns nothing
    image = torch.randn(1, 3, 64, 64, dtype=torch.double)
    with torch.no_grad():
        expected, maps = source.double().eval()(image), model.double()(image)
    for found, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_classifier_is_dropped_by_name(tmp_path):
    torch.save(timm.create_model('seresnet18').state_dict(), tmp_path / 'model.pth')
    assert convert(tmp_path / 'model.pth').meta['dropped'] == ['fc.bias', 'fc.weight']


@pytest.mark.parametrize(
    'name, message',
    [
        ('ecaresnet50t', 'ecaresnet50t .tiered'),
        ('ecaresnet26t', 'ecaresnet26t .tiered'),
        ('ecaresnetlight', r'ecaresnetlight,.*\(1, 1, 11, 3\)'),
        ('ecaresnet50d_pruned', 'ecaresnet50d_pruned'),
        ('ecaresnet269d', r'ecaresnet269d,.*\(3, 30, 48, 8\)'),
        ('seresnetaa50d', 'seresnet50d,.*anti-aliased'),
        ('seresnext50_32x4d', 'seresnext50 .grouped'),
    ],
)
def test_without_counterpart_is_refused_by_name(tmp_path, name, message):
    torch.save(timm.create_model(name).state_dict(), tmp_path / 'model.pth')
    with pytest.raises(CheckpointError, match=f'(?s)timm.*{message}'):
        convert(tmp_path / 'model.pth')
