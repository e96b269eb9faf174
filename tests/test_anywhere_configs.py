"""configs/anywhere: counted by hand, the plain model at first, a step, an export.

mmpretrain's ConvNeXt is in tests/pretrain.
"""

import anywhere_configs as checks
import pytest
import torch
from mmengine.config import Config

# (C, how many blocks) and the kernel sizes of the paper's rule on C channels
TAPS = {
    'eca_rtmdet_tiny': [(48, 3, 1), (96, 3, 1), (192, 5, 1), (384, 5, 1)],
    'eca_yolox_tiny': [(48, 3, 1), (96, 3, 1), (192, 5, 1), (384, 5, 1)],
    'eca_rtmdet_tiny_neck': [(96, 3, 3)],
    'eca_mask_rcnn_swin_t': [(96, 3, 2), (192, 5, 2), (384, 5, 6), (768, 5, 2)],
    # Four bottlenecks, then 1, 4 and 3 modules of four blocks in each branch
    'eca_faster_rcnn_hrnet_w18': [
        (256, 5, 4), (18, 3, 32), (36, 3, 32), (72, 3, 28), (144, 5, 12),
    ],
    'eca_faster_rcnn_regnetx_3200mf': [
        (96, 3, 2), (192, 5, 6), (432, 5, 15), (1008, 5, 2),
    ],
    'eca_fpn_faster_rcnn_r50': [(256, 5, 5)],
    'eca_pafpn_faster_rcnn_r50': [(256, 5, 5)],
}  # fmt: skip
R18 = {
    'model.backbone.depth': 18,
    'model.neck.in_channels': [64, 128, 256, 512],
}
ONE = dict(num_modules=1)
# What makes the large ones small enough for a test
SMALL = {
    'eca_mask_rcnn_swin_t': {'model.backbone.depths': (1, 1, 1, 1)},
    'eca_faster_rcnn_hrnet_w18': {
        'model.backbone.extra.stage1.num_blocks': (1,),
        'model.backbone.extra.stage2': dict(ONE, num_blocks=(1, 1)),
        'model.backbone.extra.stage3': dict(ONE, num_blocks=(1, 1, 1)),
        'model.backbone.extra.stage4': dict(ONE, num_blocks=(1, 1, 1, 1)),
    },
    'eca_faster_rcnn_regnetx_3200mf': {
        'model.backbone.arch': 'regnetx_400mf',
        'model.neck.in_channels': [32, 64, 160, 384],
    },
    'eca_fpn_faster_rcnn_r50': R18,
    'eca_pafpn_faster_rcnn_r50': R18,
}


def test_all_are_here():
    found = {path.stem for path in checks.FOLDER.glob('*.py')}
    assert found == {*TAPS, 'eca_mask_rcnn_convnext_t'}
    for path in checks.FOLDER.glob('*.py'):
        assert len(path.read_text().splitlines()) <= 20, path.name


# As configs/_base_/default_runtime.py has them
HOOKS = {
    'checkpoint': 'SafeCheckpointHook',
    'exact_resume': 'ExactResumeHook',
    'stop_signal': 'StopSignalHook',
    'loss_guard': 'LossGuardHook',
    'broken_images': 'BrokenImageHook',
}
# Of the bases
OWN_HOOKS = {
    'eca_rtmdet_tiny': ['EMAHook', 'PipelineSwitchHook'],
    'eca_rtmdet_tiny_neck': ['EMAHook', 'PipelineSwitchHook'],
    'eca_yolox_tiny': ['YOLOXModeSwitchHook', 'SyncNormHook', 'EMAHook'],
}


@pytest.mark.parametrize('name', [*TAPS, 'eca_mask_rcnn_convnext_t'])
def test_hooks_of_the_project_and_of_the_base(name):
    def read(path):
        return Config.fromfile(path, import_custom_modules=False)  # no mmpretrain

    cfg = read(checks.FOLDER / f'{name}.py')
    found = {key: hook.type for key, hook in cfg.default_hooks.items()}
    project = read(checks.FOLDER.parent / '_base_' / 'default_runtime.py')
    assert found == {key: hook.type for key, hook in project.default_hooks.items()}
    assert found.items() >= HOOKS.items()
    interval = 1 if 'rcnn' in name else 10
    assert cfg.default_hooks.checkpoint.interval == interval  # stays
    types = [hook.type for hook in cfg.custom_hooks]
    assert types == [*OWN_HOOKS.get(name, []), 'LoadReportHook', 'ReportHook']
    assert 'hooks' not in cfg and 'reports' not in cfg


@pytest.mark.parametrize('name', TAPS)
def test_parameters_as_counted_by_hand(name):
    device = 'cpu' if 'swin' in name else 'meta'  # it asks tensors for values
    found = list(checks.added(checks.read(name), device).values())
    taps = [k for _, k, blocks in TAPS[name] for _ in range(blocks)]
    assert sorted(found) == sorted(taps)
    comment = (checks.FOLDER / f'{name}.py').read_text().splitlines()[0]
    assert comment.endswith(f' {sum(taps)} parameters.')


@pytest.mark.parametrize('name', TAPS)
def test_starts_as_the_plain_model_trains_and_exports(name):
    cfg = checks.read(name, **SMALL.get(name, {}))
    ours, plain = checks.pair(cfg)
    assert checks.train_step(ours) == checks.train_step(plain)
    frozen = 0
    for key, parameter in ours.named_parameters():
        if '.eca.' in key and parameter.requires_grad:
            assert (parameter.grad != 0).all(), key
        frozen += '.eca.' in key and not parameter.requires_grad
    # RegNet's base freezes stage 1.
    assert frozen == (1 if 'regnet' in name else 0)
    grads = {key: p.grad for key, p in ours.named_parameters()}
    for key, parameter in plain.named_parameters():
        if parameter.grad is not None:
            assert torch.equal(parameter.grad, grads[key]), key
    for found, wanted in zip(
        *checks.exported(ours, torch.randn(1, 3, 64, 64)), strict=True
    ):
        torch.testing.assert_close(found, wanted)
