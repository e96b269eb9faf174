"""What is measured is what its name says."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from torch import nn

from eca_mm.analysis import paper_speed, providers, workloads
from eca_mm.analysis.cost import saved_bytes
from eca_mm.analysis.workload import Settings
from eca_mm.layers import CBAM, ECA, SE

SMALL = Settings(size=(64, 32), frozen_stages=-1)
BLOCKS = [f'layer{i + 1}.{j}' for i, n in enumerate((3, 4, 6, 3)) for j in range(n)]


def kinds(model: nn.Module, kind: type) -> list[str]:
    """Names of the blocks that carry a module of a class."""
    return [
        name.rpartition('.')[0]
        for name, module in model.named_modules()
        if type(module) is kind
    ]


def gradients(workload) -> list[torch.Tensor]:
    workload.train()
    workload.training_step()
    return [p.grad for p in workload.parameters() if p.requires_grad]


@pytest.mark.parametrize('name', ['ECA', 'SE'])
def test_ends_differ_in_their_computation_only(name):
    """The c3 of 128x64 pixels: 512 channels of 16x8. Fused, x, output and the
    gated weights are kept."""
    size = Settings(size=(128, 64), frozen_stages=-1)
    ours, theirs = ('ours', 'naive ECA') if name == 'ECA' else ('ours, SE', 'SE')
    fused, plain = (workloads.tail(n, 'c3', size) for n in (ours, theirs))
    assert [tuple(x.shape) for x in fused.inputs] == [(1, 128, 8, 16), (1, 512, 8, 16)]
    torch.testing.assert_close(gradients(fused), gradients(plain))
    kept = 4 * (128 * (128 + 512) + 128 * 512)
    assert 0 < saved_bytes(fused) - kept < 20_000  # (N, C) tensors
    assert saved_bytes(plain) > 4 * 128 * (128 + 3 * 512)
    assert all(x.grad is None for x in fused.inputs)


def test_ends_whose_norms_learn():
    """In a training step alone; u and the output are kept, but for (N, C) tensors."""
    size = Settings(size=(128, 64), batch=2, norms='training')
    fused, plain = (workloads.tail(n, 'c3', size) for n in ('ours', 'naive ECA'))
    torch.testing.assert_close(gradients(fused), gradients(plain))
    assert fused.model.norm.training and int(fused.model.norm.num_batches_tracked) == 1
    kept = 2 * 4 * 128 * (128 + 2 * 512)
    assert 0 < saved_bytes(fused) - kept < 40_000
    assert saved_bytes(plain) > kept + 2 * 4 * 128 * 512
    assert not fused.train(False).model.norm.training


def test_backbones():
    built = {
        name: workloads.backbone(name, SMALL).model
        for name in ('plain', 'naive ECA', 'ours', 'CBAM', 'NL')
    }
    assert kinds(built['ours'], ECA) == kinds(built['naive ECA'], ECA) == BLOCKS
    assert kinds(built['CBAM'], CBAM) == BLOCKS
    assert [n for n, _ in built['NL'].named_modules() if n.endswith('theta')] == [
        'layer3.4.nonlocal_block.theta'
    ]
    fused = {name: model.layer1[0] for name, model in built.items()}
    assert fused['ours'].fused_tail and not fused['naive ECA'].fused_tail
    assert type(built['plain']).__name__ == 'ResNet'


def test_norms_of_a_backbone():
    settings = replace(SMALL, norms='training')
    for chosen, mode in ((SMALL, False), (settings, True)):
        model = workloads.backbone('ours', chosen).train().model
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
        assert {norm.training for norm in norms} == {mode}


def test_settings_reach_the_model():
    settings = Settings(
        dtype=torch.float64, channels_last=True, batch=2, size=(64, 32), depth=101,
        frozen_stages=2,
    )  # fmt: skip
    workload = workloads.backbone('ours', settings)
    (image,) = workload.inputs
    assert image.shape == (2, 3, 32, 64) and image.dtype == torch.float64
    assert image.is_contiguous(memory_format=torch.channels_last)
    model = workload.train().model
    assert model.depth == 101 and model.conv1.weight.dtype == torch.float64
    assert model.layer2[0].conv2.weight.is_contiguous(memory_format=torch.channels_last)
    trained = {name[:6] for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {'layer3', 'layer4'}
    assert not any(m.training for m in model.modules() if type(m) is nn.BatchNorm2d)


def test_autocast_is_on_in_both_steps():
    workload = workloads.tail('plain', 'c5', Settings(amp=True, size=(64, 64)))
    seen = []
    workload.model.conv.register_forward_hook(lambda _, __, y: seen.append(y.dtype))
    workload.inference()
    workload.training_step()
    assert seen == [torch.bfloat16] * 2


def test_compiled_is_said_by_the_name(monkeypatch):
    called = []
    monkeypatch.setattr(
        nn.Module, 'compile', lambda module, **kwargs: called.append(module)
    )
    workloads.tail('ours', 'c5', SMALL)
    assert not called
    workload = workloads.tail('ours+compile', 'c5', SMALL)
    assert called == [workload.model] and workload.model.fused


@pytest.fixture
def small_detector(repo, tmp_path) -> Config:
    base = repo / 'projects/digits/configs/_base_/small_mask_rcnn_r18.py'
    path = tmp_path / 'small.py'
    path.write_text(
        f'_base_ = {str(base)!r}\n'
        'model = dict(backbone=dict(depth=50, base_channels=8, norm_eval=True))\n'
    )
    return Config.fromfile(path)


def test_detector(small_detector):
    settings = Settings(size=(96, 64), batch=2)
    small_detector.model.neck.in_channels = [32, 64, 128, 256]
    models = {
        name: workloads.detector(small_detector, settings, name).train()
        for name in ('ours', 'naive ECA')
    }
    images, samples, others = models['ours'].inputs
    assert images.shape == (2, 3, 64, 96) and len(samples) == 2
    for sample in samples:
        assert len(sample.gt_instances) == workloads.OBJECTS
        assert sample.gt_instances.masks.masks.shape == (workloads.OBJECTS, 64, 96)
        assert sample.gt_instances.labels.max() < 10
    for model in models.values():
        assert len(kinds(model.model.backbone, ECA)) == 16
        assert all(torch.isfinite(g).all() for g in gradients(model) if g is not None)
        model.eval().inference()
        assert 'masks' in model.inputs[2][0].pred_instances
        model.train()
    assert 'pred_instances' in others[0] and 'pred_instances' not in samples[0]
    assert saved_bytes(models['ours']) < saved_bytes(models['naive ECA'])


def test_a_detector_as_its_config_has_it(small_detector):
    small_detector.model.backbone.update(
        type='PluginResNet',
        plugins=[dict(cfg=dict(type='SE', reduction=4), position='after_conv3')],
    )
    model = workloads.detector(small_detector, SMALL).model
    assert len(kinds(model.backbone, SE)) == 16


def test_attention_needs_a_deep_resnet():
    for host in (dict(type='ResNet', depth=18), dict(type='mmdet.SwinTransformer')):
        with pytest.raises(ValueError, match='depth 50 or more'):
            providers.backbone_config('ours', host)


def test_unknown_and_missing_providers(monkeypatch):
    with pytest.raises(ValueError, match="'theirs' is none of plain, naive ECA"):
        providers.find('theirs')
    monkeypatch.setattr(providers, 'find_spec', lambda name: None)
    assert 'timm ECA' not in providers.usable()
    with pytest.raises(ValueError, match='needs timm'):
        providers.find('timm ECA+compile')


def test_timm_is_a_plugin(monkeypatch):
    """A stand-in with the constructor of timm's block."""

    class EcaModule(nn.Module):
        def __init__(self, channels=None, kernel_size=3):
            super().__init__()
            self.channels = channels

        def forward(self, x):
            return 0 * x

    for name in ('timm', 'timm.layers'):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(EcaModule=EcaModule))
    monkeypatch.setattr(providers, 'find_spec', lambda name: True)
    model = workloads.tail('timm ECA', 'c2', SMALL).model
    assert model.attention.channels == 256
    assert model(torch.ones(1, 64, 2, 2), -torch.ones(1, 256, 2, 2)).max() == 0


def test_paper_rows():
    """Typed from Table 3: SE-ResNet-50 trains 759 of ResNet-50's 1024 images/s."""
    found = paper_speed.paper('ResNet-50', 'SE', 'training step')
    assert found == dict(paper=759, paper_ratio=0.7412)
    ours, naive = (
        paper_speed.paper('ResNet-152', row, 'inference')
        for row in ('ours', 'naive ECA')
    )
    assert ours == naive == dict(paper=785, paper_ratio=round(785 / 815, 4))
    nothing = dict(paper=None, paper_ratio=None)
    assert paper_speed.paper('MobileNetV2', 'CBAM', 'inference') == nothing


def test_times_become_images():
    """4 images in 200 ms are 20 a second; 1.25 times the time is 0.8 of the speed."""
    times = dict(unit='ms', value=200.0, ratio=1.25, lower_quartile=1, upper_quartile=2)
    assert paper_speed.in_images(times, batch=4) == dict(
        unit='images/s', value=20, ratio=0.8, lower_quartile=0.5, upper_quartile=1
    )


@pytest.mark.parametrize('backbone', ['ResNet-50', 'MobileNetV2'])
def test_classifiers_train_as_on_imagenet(backbone):
    """Every norm in training mode, every parameter trained and moved by SGD."""
    settings = Settings(batch=2, size=(64, 64))
    workload = paper_speed.classifier_workload(backbone, 'ours', settings)
    assert workload.model(*workload.inputs).shape == (2, 1000)
    workload.train()
    assert all(m.training for m in workload.modules())
    before = [p.clone() for p in workload.parameters()]
    workload.training_step()
    for old, new in zip(before, workload.parameters(), strict=True):
        assert new.requires_grad and not torch.equal(old, new)


def test_folded_norms():
    """None is left but those that fused tails fold by themselves."""
    norms = {
        name: kinds(workloads.backbone(name, SMALL).model, nn.BatchNorm2d)
        for name in ('plain+fold', 'naive ECA+fold', 'ours+fold')
    }
    assert norms == {'plain+fold': [], 'naive ECA+fold': [], 'ours+fold': BLOCKS}
