import copy
import io

import pytest
import torch
from mmdet.models.backbones.resnet import ResNet
from mmdet.registry import MODELS
from torch import nn

from eca_mm.backbones import ECAResNet
from eca_mm.backbones.blocks import PluginBasicBlock
from eca_mm.layers import ECA


def attention_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    return {k: p for k, p in model.named_parameters() if '.eca.' in k}


def small(depth: int, **kwargs) -> ECAResNet:
    """A narrow model in eval mode whose norms and attention are not trivial."""
    model = ECAResNet(depth, base_channels=8, **kwargs)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_()
    return evaluating(model)


def evaluating(model: ResNet) -> ResNet:
    model.eval()  # the host's train() returns nothing
    return model


@pytest.fixture
def image():
    return torch.randn(2, 3, 64, 48)


@pytest.mark.parametrize(
    ('depth', 'kernel_sizes', 'count'),
    # blocks a stage times kernel size; 80, 157 and 234 are the released models
    [(50, (3, 5, 5, 7), 80), (101, (3, 3, 5, 7), 157), (152, (3, 3, 5, 7), 234),
     (50, 'adaptive', 86), (18, 'adaptive', 2 * (3 + 5 + 5 + 5)), (34, 5, 16 * 5)],
)  # fmt: skip
def test_extra_parameters(depth, kernel_sizes, count):
    model = MODELS.build(dict(type='ECAResNet', depth=depth, kernel_sizes=kernel_sizes))
    plain = ResNet(depth)
    assert sum(p.numel() for p in attention_parameters(model).values()) == count
    total = sum(p.numel() for p in model.parameters())
    assert total - sum(p.numel() for p in plain.parameters()) == count


def test_keys_are_the_authors():
    model = ECAResNet(50, kernel_sizes=(3, 5, 5, 7))
    extra = model.state_dict().keys() - ResNet(50).state_dict().keys()
    assert {k: tuple(model.state_dict()[k].shape) for k in extra} == {
        f'layer{stage}.{block}.eca.conv.weight': (1, 1, k)
        for stage, blocks, k in ((1, 3, 3), (2, 4, 5), (3, 6, 5), (4, 3, 7))
        for block in range(blocks)
    }


@pytest.mark.parametrize(
    ('kernel_sizes', 'error', 'named'),
    [(4, ValueError, '4'), (0, ValueError, '0'), (-3, ValueError, '-3'),
     ((3, 5, 7), ValueError, r'\(3, 5, 7\)'), ((3, 5, 5, 6), ValueError, '6'),
     ('auto', ValueError, 'auto'), (3.0, TypeError, '3.0'), (None, TypeError, 'None'),
     ((3, 5, 5, '7'), TypeError, "'7'")],
)  # fmt: skip
def test_wrong_kernel_sizes_are_named(kernel_sizes, error, named):
    with pytest.raises(error, match=f'kernel_size.*{named}'):
        ECAResNet(50, kernel_sizes=kernel_sizes)


def test_equals_mmdet_resnet_with_the_plugin_bit_for_bit(image):
    ours = small(50, kernel_sizes=5, fused_tail=False)
    plugin = dict(cfg=dict(type='ECA', kernel_size=5), position='after_conv3')
    host = evaluating(ResNet(50, base_channels=8, plugins=[plugin]))
    host.load_state_dict(ours.state_dict())
    outs, host_outs = ours(image), host(image)
    for out, expected in zip(outs, host_outs, strict=True):
        assert torch.equal(out, expected)
    sum(out.sum() for out in outs).backward()
    sum(out.sum() for out in host_outs).backward()
    for p, expected in zip(ours.parameters(), host.parameters(), strict=True):
        assert torch.equal(p.grad, expected.grad)


def test_basic_block_attends_before_the_residual_addition():
    block = PluginBasicBlock(
        8, 8, plugins=[dict(cfg=dict(type='ECA'), position='after_conv2')]
    ).eval()
    x = torch.randn(2, 8, 9, 9) + torch.arange(8.0)[:, None, None]
    branch = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
    torch.testing.assert_close(block(x), torch.relu(block.eca(branch) + x))
    assert not torch.allclose(block(x), torch.relu(block.eca(branch + x)), rtol=1e-2)


def test_basic_block_refuses_a_position_it_lacks():
    plugin = dict(cfg=dict(type='ECA'), position='after_conv3')
    with pytest.raises(ValueError, match='after_conv3'):
        ECAResNet(18, plugins=[plugin])


def test_further_plugins_come_before_the_attention():
    context = dict(cfg=dict(type='ContextBlock', ratio=1 / 4), position='after_conv3')
    model = small(50, plugins=[context])
    assert model.layer2[0].after_conv3_plugin_names == ['context_block', 'eca']
    assert len(attention_parameters(model)) == 16


@pytest.mark.parametrize(('depth', 'last_norm'), [(18, 'bn2'), (50, 'bn3')])
def test_zero_init_residual(depth, last_norm):
    for zero, expected in ((True, 0), (False, 1)):
        model = ECAResNet(depth, base_channels=8, zero_init_residual=zero)
        model.init_weights()
        block = model.layer3[1]
        assert (getattr(block, last_norm).weight == expected).all()


@pytest.mark.parametrize('depth', [18, 50])
def test_checkpointing_changes_nothing(depth, image):
    # In float64: the order of accumulation is not the same.
    plain, saving = small(depth).double(), small(depth, with_cp=True).double()
    saving.load_state_dict(plain.state_dict())
    grads = []
    for model in (plain, saving):
        sum(out.square().sum() for out in model(image.double())).backward()
        grads.append([p.grad for p in model.parameters()])
    for grad, expected in zip(*grads, strict=True):
        torch.testing.assert_close(grad, expected)


def test_frozen_stages_freeze_their_attention(image):
    model = ECAResNet(50, base_channels=8, frozen_stages=1)
    model.train()
    before = copy.deepcopy(model.state_dict())
    trained = [p for p in model.parameters() if p.requires_grad]
    sum(out.square().sum() for out in model(image)).backward()
    torch.optim.SGD(trained, lr=1.0).step()
    for key in attention_parameters(model):
        changed = not torch.equal(model.state_dict()[key], before[key])
        assert changed == (not key.startswith('layer1.')), key


@pytest.mark.parametrize('norm_eval', [True, False])
def test_norm_eval(norm_eval):
    model = ECAResNet(18, base_channels=8, norm_eval=norm_eval)
    model.train()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.training != norm_eval for norm in norms)
    assert all(m.training for m in model.modules() if isinstance(m, ECA))


@pytest.mark.parametrize(
    'kwargs',
    [
        dict(depth=50, deep_stem=True, avg_down=True),
        dict(depth=50, style='caffe', norm_cfg=dict(type='GN', num_groups=4)),
        dict(depth=50, dcn=dict(type='DCNv2'), stage_with_dcn=(False,) + (True,) * 3),
        dict(depth=18, dilations=(1, 1, 1, 2), strides=(1, 2, 2, 1)),
        dict(depth=34, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1),
             out_indices=(1, 2), kernel_sizes=(3, 3, 5)),
    ],
)  # fmt: skip
def test_every_argument_of_the_host(kwargs, image):
    ours = evaluating(ECAResNet(base_channels=16, **kwargs))
    kwargs.pop('kernel_sizes', None)
    host = evaluating(ResNet(base_channels=16, **kwargs))
    host.load_state_dict(ours.state_dict(), strict=False)
    for module in ours.modules():
        if isinstance(module, ECA):
            # Gates of exactly one half, undone by the factor 2 on the last norm.
            module.conv.weight.data.zero_()
    for module in ours.modules():
        if hasattr(module, 'eca'):
            norm = getattr(module, 'norm3', None) or module.norm2
            norm.weight.data *= 2
            norm.bias.data *= 2
    for out, expected in zip(ours(image), host(image), strict=True):
        torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('depth', [18, 50])
def test_channels_last(depth, image):
    model = small(depth)
    expected = model(image)
    outs = model.to(memory_format=torch.channels_last)(
        image.to(memory_format=torch.channels_last)
    )
    for out, reference in zip(outs, expected, strict=True):
        assert out.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(out, reference, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_errs_no_more_than_the_plain_network(dtype, image):
    """Against float64, at most twice the error of mmdet's ResNet in the same dtype."""
    ours, plain = small(18), evaluating(ResNet(18, base_channels=8))
    plain.load_state_dict(ours.state_dict(), strict=False)

    def error(model: nn.Module) -> float:
        with torch.autocast('cpu', dtype=dtype):
            low = model(image)[0].double()
        exact = copy.deepcopy(model).double()(image.double())[0]
        return float((low - exact).norm() / exact.norm())

    assert 0 < error(ours) < 2 * error(plain)


def test_copies_and_saved_states_are_equal(image):
    model = small(50)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    loaded = small(50)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    for other in (copy.deepcopy(model), loaded):
        for out, expected in zip(other(image), model(image), strict=True):
            assert torch.equal(out, expected)
