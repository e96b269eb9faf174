"""The authors' ImageNet files, made by networks that know nothing of our code."""

import plain_nets
import pytest
import torch
from mmdet.registry import MODELS

from eca_mm.checkpoints.convert import convert, save


def as_the_authors(state: dict, path) -> None:
    """Save as their main.py does: DataParallel's names, torch 1.1's file format."""
    torch.save(
        dict(
            epoch=100,
            arch='eca_resnet',
            state_dict={f'module.{key}': tensor for key, tensor in state.items()},
            best_prec1=torch.tensor(77.4),
            optimizer=dict(state={}, param_groups=[dict(lr=1e-4, params=[0, 1])]),
        ),
        path,
        _use_new_zipfile_serialization=False,
    )


def initialised(path, **config) -> torch.nn.Module:
    """A backbone that starts from a converted file, as a detector's does."""
    model = MODELS.build(
        dict(config, init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    )
    model.init_weights()
    model.eval()
    return model.double()


@pytest.mark.parametrize(
    'depth, blocks, kernels',
    [(50, (3, 4, 6, 3), (3, 5, 5, 7)), (18, (2, 2, 2, 2), (3, 5, 7, 7))],
)
def test_resnet_gives_the_same_feature_maps(tmp_path, depth, blocks, kernels):
    net = plain_nets.Net()
    image = torch.randn(2, 3, 64, 64, dtype=torch.double)
    expected = plain_nets.resnet(net, image, blocks, depth > 34, kernels)
    source, out = tmp_path / 'eca_resnet.pth.tar', tmp_path / 'eca_resnet.pth'
    as_the_authors(net.state, source)

    converted = convert(source)
    save(converted, out)
    assert converted.meta['layout'] == 'ecanet'
    assert converted.meta['kernel_sizes'] == list(kernels)
    assert converted.meta['dropped'] == ['fc.bias', 'fc.weight']
    assert converted.meta['backbone'] == dict(
        type='ECAResNet', depth=depth, kernel_sizes=kernels
    )
    model = initialised(out, **converted.meta['backbone'])
    with torch.no_grad():
        maps = model(image)
    for found, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
        # What a forgotten attention layer would do is far beyond that tolerance.
        assert wanted.std() > 0.1


def test_mobilenet_gives_the_same_feature_maps(tmp_path):
    net = plain_nets.Net()
    image = torch.randn(2, 3, 64, 64, dtype=torch.double)
    expected = plain_nets.eca_mobilenet_v2(net, image)
    source, out = tmp_path / 'eca_mobilenetv2.pth.tar', tmp_path / 'mobilenet.pth'
    as_the_authors(net.state, source)

    converted = convert(source)
    save(converted, out)
    assert converted.meta['kernel_sizes'] == [1, 1, 1, 1, 3, 3, 3]
    assert converted.meta['dropped'] == ['classifier.1.bias', 'classifier.1.weight']
    assert converted.meta['backbone'] == dict(type='ECAMobileNetV2')
    model = initialised(out, type='ECAMobileNetV2', out_indices=range(8))
    with torch.no_grad():
        maps = model(image)
    for found, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
