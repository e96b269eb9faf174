import plain_nets
import pytest
import torch
from mmdet.models.backbones import ResNet

from eca_mm.checkpoints.convert import convert


@pytest.mark.parametrize('depth, blocks', [(34, (3, 4, 6, 3)), (50, (3, 4, 6, 3))])
def test_plain_resnet_gives_the_same_feature_maps(tmp_path, depth, blocks):
    net = plain_nets.Net()
    image = torch.randn(2, 3, 64, 64, dtype=torch.double)
    expected = plain_nets.resnet(net, image, blocks, bottleneck=depth > 34)
    torch.save(net.state, tmp_path / 'resnet.pth')  # without wrapper, as torchvision's

    converted = convert(tmp_path / 'resnet.pth')
    assert converted.meta['layout'] == 'torchvision'
    assert converted.meta['backbone'] == dict(type='ResNet', depth=depth)
    assert 'kernel_sizes' not in converted.meta
    model = ResNet(depth)
    model.load_state_dict(converted.state_dict)
    model.eval()
    with torch.no_grad():
        maps = model.double()(image)
    for found, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_files_older_than_the_batch_counters(tmp_path):
    """torchvision's first resnet50 is of torch 0.3, without num_batches_tracked."""
    state = ResNet(18).state_dict()
    old = {k: v for k, v in state.items() if not k.endswith('num_batches_tracked')}
    torch.save(old, tmp_path / 'resnet.pth')
    assert convert(tmp_path / 'resnet.pth').state_dict.keys() == old.keys()
