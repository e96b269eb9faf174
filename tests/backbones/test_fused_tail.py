"""Backbones with a fused tail against the same ones without, and where there is none.

Which path a block takes is seen by the bytes it saves for backward, or by spies.
"""

import copy

import pytest
import torch
from mmdet.models.backbones.resnet import ResNet
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from eca_mm.analysis.cost import saved_bytes
from eca_mm.backbones import ECAResNet, PluginResNet, fused_tail
from eca_mm.backbones.blocks import PluginBasicBlock, PluginBottleneck

ATTENTIONS = [
    dict(type='ECA', kernel_size=5),
    dict(type='ECANS'),
    dict(type='SE', reduction=4),
    dict(type='SEGC', groups=4),
]


@pytest.fixture
def image():
    return torch.randn(2, 3, 64, 48)


def lively(model: nn.Module) -> nn.Module:
    """The model in training mode, its batch norms not trivial and in eval mode."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            module.eval()
    return model


def resnet(depth=50, attention=ATTENTIONS[0], **kwargs) -> PluginResNet:
    position = 'after_conv2' if depth == 18 else 'after_conv3'
    plugins = [dict(cfg=attention, position=position)]
    return lively(PluginResNet(depth, base_channels=8, plugins=plugins, **kwargs))


def unfused(model: nn.Module) -> nn.Module:
    other = copy.deepcopy(model)
    for block in blocks(other):
        block.fused_tail = False
    return other


def blocks(model: nn.Module) -> list[nn.Module]:
    kinds = (PluginBasicBlock, PluginBottleneck)
    return [module for module in model.modules() if isinstance(module, kinds)]


def results(model: nn.Module, image: torch.Tensor, dtype=None) -> list[torch.Tensor]:
    """Outputs, and gradients of the image and all parameters."""
    image = image.clone().requires_grad_()
    with torch.autocast('cpu', dtype=dtype, enabled=dtype is not None):
        outputs = model(image)
    sum(out.float().square().mean() for out in outputs).backward()
    return [*outputs, image.grad, *(p.grad for p in model.parameters())]


def distance(found: list[torch.Tensor], exact: list[torch.Tensor]) -> list[float]:
    with torch.no_grad():
        return [
            float((a.double() - b).norm() / b.norm().clamp(min=1e-12))
            for a, b in zip(found, exact, strict=True)
        ]


@pytest.fixture
def fused_calls(monkeypatch):
    """Names of the fused functions that blocks called."""
    calls = []
    for name in ('gated_projection', 'gated_tail', 'normed_tail'):
        function = getattr(fused_tail, name)
        monkeypatch.setattr(
            fused_tail,
            name,
            lambda *args, name=name, function=function, **kwargs: (
                calls.append(name) or function(*args, **kwargs)
            ),
        )
    return calls


@pytest.mark.parametrize('attention', ATTENTIONS, ids=lambda cfg: cfg['type'])
@pytest.mark.parametrize(
    ('depth', 'calls'),
    # At depth 50 conv3 of c4 and c5 has more channels (32, 64) than pixels (12, 4).
    [(18, ['gated_tail'] * 8), (50, ['gated_projection'] * 7 + ['gated_tail'] * 9)],
)
def test_equals_the_plain_path(depth, calls, attention, image, fused_calls):
    """In float64, outputs and the gradients of everything."""
    model = resnet(depth, attention).double()
    plain = unfused(model)
    ours, expected = (results(m, image.double()) for m in (model, plain))
    assert fused_calls == calls
    for found, value in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('dtype', [None, torch.bfloat16])
def test_errs_at_most_twice_as_much_as_the_plain_path(depth, dtype, image):
    """Over all outputs and gradients, against float64."""
    model = resnet(depth)
    exact = results(unfused(model).double(), image.double())
    plain = distance(results(unfused(model), image, dtype), exact)
    ours = distance(results(model, image, dtype), exact)
    for mine, theirs in zip(ours, plain, strict=True):
        assert mine < 2 * theirs + (1e-6 if dtype is None else 0.02)
    assert sum(ours) < 2 * sum(plain)


def test_channels_last(image, fused_calls):
    model = resnet().to(memory_format=torch.channels_last)
    image = image.to(memory_format=torch.channels_last)
    ours, expected = (results(m, image) for m in (model, unfused(model)))
    assert fused_calls
    assert all(o.is_contiguous(memory_format=torch.channels_last) for o in ours[:4])
    for found, value in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-2, atol=1e-3)


def results_under_ddp(model, image, folder) -> list[torch.Tensor]:
    """:func:`results` with a process group of one, whose store is in a folder."""
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=0, world_size=1
    )
    try:
        # In buckets of a few bytes, so that each gradient's own hook counts.
        return results(DistributedDataParallel(model, bucket_cap_mb=1e-5), image)
    finally:
        dist.destroy_process_group()


def test_under_ddp(image, fused_calls, tmp_path):
    """Its hooks see every gradient once, those of gates and norms too."""
    model = resnet()
    expected = results(copy.deepcopy(model), image)
    found = results_under_ddp(model, image, tmp_path)
    assert fused_calls[: len(fused_calls) // 2] * 2 == fused_calls != []
    for ours, value in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, value, rtol=1e-4, atol=1e-6)


def test_saves_no_more_than_the_host():
    """Not even the last convolutions' outputs in a Bottleneck."""
    image = torch.randn(1, 3, 256, 192)
    for depth in (18, 50):
        model = lively(ECAResNet(depth, base_channels=16))
        host = lively(ResNet(depth, base_channels=16))
        ours, plain, naive = (
            saved_bytes(m, image) for m in (model, host, unfused(model))
        )
        assert ours <= 1.005 * plain < 1.1 * plain < naive
        if depth == 50:
            assert ours < 0.8 * plain


def hook_relu(block):
    block.relu.register_forward_hook(lambda *args: None)


def hook_norm(block):
    block.norm3.register_full_backward_hook(lambda *args: None)


def hook_attention(block):
    block.eca.conv.register_forward_pre_hook(lambda *args: None)


def other_norm(block):
    norm = nn.GroupNorm(2, block.norm3.num_features)
    setattr(block, block.norm3_name, norm)


def folded_norm(block):
    setattr(block, block.norm3_name, nn.Identity())


def other_activation(block):
    block.relu = nn.LeakyReLU()


def other_attention(block):
    block.eca = nn.Identity()


def own_forward(block):
    block.eca.__class__ = type('Own', (type(block.eca),), dict(forward=lambda s, x: x))


def own_gates(block):
    gates = dict(gates=lambda self, x: x.amax((2, 3)))
    block.eca.__class__ = type('Own', (type(block.eca),), gates)


def replaced_forward(block):
    block.norm3.forward = lambda x: 2 * x


def switched_off(block):
    block.fused_tail = False


def checkpointed(block):
    block.with_cp = True


def no_statistics(block):
    block.norm3.track_running_stats = False


def no_running_mean(block):
    block.norm3.running_mean = block.norm3.running_var = None


def hook_before_backward(block):
    block.eca.squeeze.register_full_backward_pre_hook(lambda *args: None)


def hook_below_attention(block):
    """On a module that was put in after the first forward, two levels down."""
    block.eca.conv = nn.Sequential(block.eca.conv)
    block.eca.conv[0].register_forward_hook(lambda *args: None)


def second_plugin(block):
    block.after_conv3_plugin_names.append(block.after_conv3_plugin_names[0])


def norm_without_bias(block):
    block.norm3.register_parameter('bias', None)


def parametrised_norm(block):
    nn.utils.parametrize.register_parametrization(block.norm3, 'weight', nn.ReLU())


OBSTACLES = [
    hook_relu, hook_norm, hook_attention, other_norm, folded_norm, other_activation,
    other_attention, own_forward, own_gates, replaced_forward, switched_off,
    checkpointed, no_statistics, no_running_mean, hook_before_backward,
    hook_below_attention, second_plugin, parametrised_norm, norm_without_bias,
]  # fmt: skip


@pytest.mark.parametrize('obstacle', OBSTACLES, ids=lambda f: f.__name__)
def test_takes_the_plain_path(obstacle, fused_calls):
    """From the moment the obstacle is there, although the forward before was fused."""
    block, x = resnet().layer2[1], torch.randn(2, 64, 4, 4)
    block(x)
    assert fused_calls == ['gated_projection']
    obstacle(block)
    out = block(x)
    assert len(fused_calls) == 1
    block.fused_tail = False
    assert torch.equal(out, block(x))


@pytest.mark.parametrize('training', [False, True])
def test_synchronised_norms_without_other_ranks(training, fused_calls):
    block = resnet().double().layer2[1]
    norm = nn.SyncBatchNorm(block.norm3.num_features, dtype=torch.float64)
    norm.load_state_dict(block.norm3.state_dict())
    setattr(block, block.norm3_name, norm.train(training))
    plain, x = unfused(block), torch.randn(2, 64, 4, 4, dtype=torch.float64)
    for _ in range(2):
        torch.testing.assert_close(block(x), plain(x))
    assert fused_calls == ['normed_tail' if training else 'gated_projection'] * 2
    assert torch.equal(norm.running_var, plain.norm3.running_var)


GLOBAL_HOOKS = ['forward_hook', 'forward_pre_hook', 'full_backward_hook']


@pytest.mark.parametrize('kind', GLOBAL_HOOKS)
def test_is_fused_again_without_the_obstacle(kind, fused_calls):
    block, x = resnet().layer2[1], torch.randn(2, 64, 4, 4)
    register = getattr(nn.modules.module, f'register_module_{kind}')
    # Without gradients: the host's ReLU in place and backward hooks exclude each other.
    with register(lambda *args: None), torch.no_grad():
        block(x)
    hook = block.eca.register_forward_hook(lambda *args: None)
    block(x)
    hook.remove()
    assert fused_calls == []
    block(x)
    block.norm3.train()
    block(x)
    block.norm3.eval()
    block(x)
    assert fused_calls == ['gated_projection', 'normed_tail', 'gated_projection']


def test_a_watched_last_convolution_is_called(fused_calls):
    block = resnet().layer2[1]
    seen = []
    block.conv3.register_forward_hook(lambda *args: seen.append(args))
    block(torch.randn(2, 64, 4, 4))
    assert fused_calls == ['gated_tail'] and len(seen) == 1


def test_inference_overwrites_nothing_that_is_seen(fused_calls):
    """In c5 the output of conv3 becomes the block's, unless a hook keeps it."""
    block, x = resnet().layer4[1], torch.randn(2, 256, 4, 4)
    before, expected = x.clone(), block(x)
    with torch.no_grad():
        found = block(x)
        seen = []
        block.conv3.register_forward_hook(lambda _, __, out: seen.append(out))
        assert torch.equal(block(x), found)
    assert fused_calls == ['gated_tail'] * 3
    torch.testing.assert_close(found, expected)
    assert torch.equal(x, before)
    assert not torch.equal(seen[0], found) and seen[0].min() < 0


def test_further_plugins_at_the_same_place_and_other_blocks_are_plain(fused_calls):
    context = dict(cfg=dict(type='ContextBlock', ratio=1 / 4), position='after_conv3')
    model = ECAResNet(50, base_channels=8, plugins=[context]).layer2[1].eval()
    model(torch.randn(2, 64, 4, 4))
    cbam = resnet(attention=dict(type='CBAM', reduction=4)).layer2[1]
    cbam(torch.randn(2, 64, 4, 4))
    PluginResNet(50, base_channels=8).layer2[1].eval()(torch.randn(2, 64, 4, 4))
    assert fused_calls == []


def test_plugins_elsewhere_stay(fused_calls):
    """After conv2 and after the block, beside a fused end."""
    plugins = [
        dict(cfg=dict(type='SE', reduction=4, postfix=i), position=position)
        for i, position in enumerate(PluginBottleneck.positions)
    ]
    model = lively(PluginResNet(50, base_channels=8, plugins=plugins)).double()
    x = torch.randn(2, 64, 4, 4, dtype=torch.float64)
    out = model.layer2[1](x)
    assert fused_calls == ['gated_projection']
    torch.testing.assert_close(out, unfused(model).layer2[1](x))


def test_traced_models_are_plain(fused_calls):
    block, x = resnet().layer2[1], torch.randn(2, 64, 4, 4)
    # The check of a trace would call the block itself.
    traced = torch.jit.trace(block, x, check_trace=False)
    exported = [torch.export.export(block, (x,), strict=s) for s in (False, True)]
    assert fused_calls == []
    expected = block(x)
    assert fused_calls == ['gated_projection']
    torch.testing.assert_close(traced(x), expected, rtol=1e-4, atol=1e-4)
    for program in exported:
        torch.testing.assert_close(program.module()(x), expected, rtol=1e-4, atol=1e-4)


def test_frozen_parameters_get_no_gradient(image, fused_calls):
    model = ECAResNet(50, base_channels=8, frozen_stages=2)
    model.train()
    sum(out.mean() for out in model(image)).backward()
    assert len(fused_calls) == 16
    for name, parameter in model.named_parameters():
        frozen = name.startswith(('conv1', 'bn1', 'layer1', 'layer2'))
        assert (parameter.grad is None) == frozen, name
