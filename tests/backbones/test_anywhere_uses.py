"""WithAttention in all that is done with a network beside training it."""

import copy
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
from mmengine.model import ExponentialMovingAverage, revert_sync_batchnorm
from small_hosts import (
    CSPNEXT,
    FPN,
    RESNET,
    SWIN,
    attended,
    blocks,
    inputs,
    plain,
    trained,
)
from torch import nn

from eca_mm.analysis.complexity import measure
from eca_mm.analysis.gates import GateRecorder
from eca_mm.backbones.fold import fold_norms
from eca_mm.backbones.fusable import can_fuse
from eca_mm.checkpoints.content import Contents
from eca_mm.checkpoints.load_report import load_report
from eca_mm.engine.preflight.initial_weights import initial_findings

CASES = [(SWIN, 'SwinBlock'), (CSPNEXT, 'CSPLayer'), (FPN, 'stages')]


@pytest.fixture(params=CASES, ids=lambda case: case[0]['type'])
def case(request):
    """A trained model in eval mode, and what it takes."""
    host, at = request.param
    model = attended(host, at)
    trained(model)
    model.eval()
    return model, inputs(host)


def same(model: nn.Module, other: nn.Module, x) -> bool:
    return all(map(torch.equal, model(x), other(x)))


def test_copies_stand_alone(case):
    model, x = case
    copied = copy.deepcopy(model)
    pickled = ForkingPickler.loads(ForkingPickler.dumps(model))  # as for a process
    for other in (copied, pickled):
        assert type(other) is type(model) and same(model, other, x)
    trained(copied)
    assert not same(model, copied, x) and same(model, pickled, x)


def test_moving_average(case):
    model, x = case
    average = ExponentialMovingAverage(model, momentum=0.5)
    trained(model)
    average.update_parameters(model)  # the first time it copies
    assert same(model, average.module, x)


def test_autocast(case):
    model, x = case
    exact = model(x)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        low = model(x)
    for found, wanted in zip(low, exact, strict=True):
        assert (found - wanted).norm() / wanted.norm() < 0.1


@pytest.mark.parametrize('host', [SWIN, RESNET], ids=lambda host: host['type'])
def test_checkpointing(host):
    """Activation checkpointing of the host: the same gradients, but for rounding."""
    at = {'SwinTransformer': 'SwinBlock', 'ResNet': 'BasicBlock'}[host['type']]
    host = dict(host, drop_path_rate=0.0) if host is SWIN else host
    model, other = (attended(host, at, with_cp=with_cp) for with_cp in (False, True))
    trained(model)
    other.load_state_dict(model.state_dict())
    x = inputs(host).requires_grad_()
    for each in (model, other):
        sum(out.square().sum() for out in each(x)).backward()
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(
            b.grad, a.grad, rtol=0, atol=1e-5 * a.grad.abs().max()
        )


def test_freezing():
    """Frozen stages are so with their attention from the start, others never."""
    model = attended(dict(RESNET, frozen_stages=2), 'BasicBlock')
    grads = {name: p.requires_grad for name, p in model.named_parameters()}
    for name in grads:
        frozen = name.startswith(('conv1', 'bn1', 'layer1', 'layer2'))
        assert grads[name] != frozen, name
    model = attended(dict(SWIN, frozen_stages=1), 'SwinBlock')
    assert not model.stages[0].blocks[0].eca.conv.weight.requires_grad
    assert model.stages[1].blocks[0].eca.conv.weight.requires_grad


def test_counting():
    """Poolings count their input in mmcv's convention; a parameter is a tap."""
    found = measure(attended(CSPNEXT, 'CSPLayer'), (64, 64), 'paper')
    wanted = measure(plain(CSPNEXT), (64, 64), 'paper')
    # Channels, side and taps of the four stages at 64x64.
    stages = [(16, 16, 3), (32, 8, 3), (64, 4, 3), (128, 2, 5)]
    assert found.parameters - wanted.parameters == sum(k for *_, k in stages)
    # The convolution over C channels counts C * k.
    extra = sum(c * side**2 + c * k for c, side, k in stages)
    assert found.flops - wanted.flops == extra
    measure(attended(SWIN, 'SwinBlock'), (64, 64), 'host')


def test_gates_are_recorded(case):
    model, x = case
    with GateRecorder(model) as recorder:
        model(x)
    assert recorder.gates.keys() == blocks(model).keys()
    for name, gates in recorder.gates.items():
        assert len(gates) == 2 and len(set(gates.flatten())) > 9, name


def test_norms_are_folded_and_synchronised_ones_are_reverted(case):
    model, x = case
    wanted = model(x)
    model = revert_sync_batchnorm(nn.SyncBatchNorm.convert_sync_batchnorm(model))
    assert len(blocks(model)) and same(model, copy.deepcopy(model), x)
    fold_norms(model)
    for found, before in zip(model(x), wanted, strict=True):
        torch.testing.assert_close(found, before, rtol=1e-3, atol=1e-4)


def test_load_report_is_clean(case):
    model, _ = case
    state = {n: t for n, t in model.state_dict().items() if '.eca.' not in f'.{n}'}
    report = load_report(model, state)
    assert (
        report.missing
        == report.identity_attention
        == [f'{name}.conv.weight' for name in blocks(model)]
    )
    assert not (report.unexpected or report.mismatched or report.random_attention)


def test_initial_weights_of_another_model_are_found_before_a_run(tmp_path):
    path = str(tmp_path / 'other.pth')
    torch.save(dict(a=torch.ones(1)), path)
    init = dict(type='Pretrained', checkpoint=path)
    model = attended(CSPNEXT, 'CSPLayer', init_cfg=init)
    (found,) = initial_findings('backbone', model, init, Contents())
    assert found.level == 'error' and 'other.pth fits the backbone' in found.what


def test_our_resnets_keep_their_fused_ends():
    """In a block of ours attention is a plugin, before the addition."""
    ours = dict(type='PluginResNet', depth=18, base_channels=16)
    found = attended(ours, 'BasicBlock')
    wanted = attended(dict(type='ECAResNet', depth=18, base_channels=16), 'stages')
    keys = [name for name in wanted.state_dict() if not name.startswith('eca.')]
    assert sorted(found.state_dict()) == sorted(keys)
    found.eval()
    block = found.layer1[0]
    x = torch.randn(1, 16, 8, 8)
    assert block.fusable_attention(x) is block.eca and can_fuse(
        x, block.norm2, block.eca
    )
    # Fused ends sum in another order than the plain backbone does.
    plain_model = plain(ours)
    found.load_state_dict(plain_model.state_dict(), strict=False)
    images = inputs(RESNET)
    for training in (True, False):
        found.train(training), plain_model.train(training)
        for a, b in zip(found(images), plain_model(images), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-5 * b.abs().max().item())
    deep = attended(dict(ours, depth=50), 'Bottleneck')
    deep.eval()
    assert deep.layer4[2].fusable_attention(x) is deep.layer4[2].eca


def test_compiled_whole():
    model = attended(FPN, ['stages', 'ConvModule'])
    trained(model)
    x = inputs(FPN)
    program = torch.export.export(model, (x,), strict=True)  # by dynamo
    for found, wanted in zip(program.module()(x), model(x), strict=True):
        torch.testing.assert_close(found, wanted)
