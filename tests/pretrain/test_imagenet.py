"""projects/imagenet: our backbones in mmpretrain's classifier, and then a detector."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import mmdet.registry
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from sklearn.datasets import load_digits
from torch import nn

import eca_mm  # noqa: F401  (registers the backbones)
from eca_mm.checkpoints.safe import load_file
from eca_mm.engine.preflight import find_problems

REPO = Path(__file__).parents[2]
CONFIGS = REPO / 'projects/imagenet/configs'
# Parameters in 2^20, top-1 and top-5: Table 3 of the paper; for ResNet-18 and 34, which
# it does not have, the authors' README.
FIGURES = {
    'eca_resnet18': (11.15, 70.92, 89.93),
    'eca_resnet34': (20.79, 74.21, 91.83),
    'eca_resnet50': (24.37, 77.48, 93.68),
    'eca_resnet101': (42.49, 78.65, 94.34),
    'eca_resnet152': (57.40, 78.92, 94.55),
    'se_resnet50': (26.77, 76.71, 93.38),
    'eca_mobilenet_v2': (3.34, 72.56, 90.81),
}


def test_every_config_has_its_figures():
    assert {path.stem for path in CONFIGS.glob('*.py')} == FIGURES.keys()
    readme = (CONFIGS.parent / 'README.md').read_text()
    for name, figures in FIGURES.items():
        row = re.search(rf'\| \[{name}\].*', readme)[0]
        assert ' | '.join(f'{figure:.2f}' for figure in figures) in row


@pytest.mark.parametrize('name', FIGURES)
def test_trains_whole_and_expects_the_papers_figures(name):
    """A step on a small image reaches every weight and every norm's statistics."""
    path = CONFIGS / f'{name}.py'
    params, top1, top5 = FIGURES[name]
    expected = re.search(r'top-1 ([\d.]+),\s(?:# )?top-5 (\d+\.\d+)', path.read_text())
    assert expected.groups() == (f'{top1:.2f}', f'{top5:.2f}')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(Config.fromfile(path).model)
        model.init_weights()
    assert round(sum(p.numel() for p in model.parameters()) / 2**20, 2) == params
    model.train()
    labels = [DataSample().set_gt_label(label) for label in (3, 999)]
    model(torch.randn(2, 3, 64, 64), labels, mode='loss')['loss'].backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.running_mean.abs().sum() > 0 for norm in norms)


def test_protocol_of_the_paper():
    """Section 4.1, against figures typed from the paper."""
    cfg = Config.fromfile(CONFIGS / 'eca_resnet50.py')
    sgd = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4)
    assert {**cfg.optim_wrapper.optimizer, **sgd} == cfg.optim_wrapper.optimizer
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=256)
    assert cfg.train_cfg.max_epochs == 100
    assert (cfg.param_scheduler.type, cfg.param_scheduler.gamma) == ('MultiStepLR', 0.1)
    assert cfg.param_scheduler.milestones == [30, 60, 90]
    train, val = (
        {t.type: t for t in cfg[f'{split}_dataloader'].dataset.pipeline}
        for split in ('train', 'val')
    )
    assert train['RandomResizedCrop'].scale == 224 and train['RandomFlip'].prob == 0.5
    assert (val['ResizeEdge'].scale, val['ResizeEdge'].edge) == (256, 'short')
    assert val['CenterCrop'].crop_size == 224

    cfg = Config.fromfile(CONFIGS / 'eca_mobilenet_v2.py')
    sgd = dict(type='SGD', lr=0.045, momentum=0.9, weight_decay=4e-5)
    assert {**cfg.optim_wrapper.optimizer, **sgd} == cfg.optim_wrapper.optimizer
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=96)
    assert cfg.train_cfg.max_epochs == 400
    decay = dict(type='StepLR', by_epoch=True, step_size=1, gamma=0.98)
    assert {**cfg.param_scheduler, **decay} == cfg.param_scheduler


TINY = """
_base_ = '{repo}/projects/imagenet/configs/eca_resnet18.py'

model = dict(head=dict(num_classes=6, topk=(1,)))
pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
data = dict(
    data_root='digits', metainfo=dict(classes=tuple('012345')), pipeline=pipeline
)
train_dataloader = dict(batch_size=18, num_workers=0, dataset=data)
val_dataloader = dict(batch_size=18, num_workers=0, dataset=data)
val_evaluator = dict(topk=(1,))
train_cfg = dict(max_epochs=8, val_interval=8)
default_hooks = dict(checkpoint=dict(interval=8))
randomness = dict(seed=0)
"""


def make_image_folder(root: Path) -> None:
    """Digits of 64x64 pixels: 12 a class to train on, 12 others to judge by."""
    digits = load_digits()
    for label in range(6):
        images = digits.images[digits.target == label][:24]
        for i, image in enumerate(images):
            folder = root / ('train' if i < 12 else 'val') / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            pixels = (image * 255 / 16).astype(np.uint8)
            pixels = cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / f'{i:02d}.png'), cv2.merge([pixels] * 3))


def run_train(config: Path | str, **kwargs) -> subprocess.CompletedProcess:
    command = [sys.executable, REPO / 'tools/train.py', config]
    return subprocess.run(command, capture_output=True, text=True, **kwargs)


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> Path:
    """A folder in which ECA-ResNet-18 has been trained: digits, and work_dirs/tiny."""
    root = tmp_path_factory.mktemp('imagenet')
    make_image_folder(root / 'digits')
    (root / 'tiny.py').write_text(TINY.format(repo=REPO))
    result = run_train('tiny.py', cwd=root)
    assert result.returncode == 0, result.stderr
    return root


@pytest.fixture
def weights(run) -> dict[str, torch.Tensor]:
    return load_file(run / 'work_dirs/tiny/epoch_8.pth')['state_dict']


def detector(checkpoint: Path) -> nn.Module:
    """Faster R-CNN on ECA-ResNet-18 that starts from a classifier's checkpoint."""
    cfg = Config.fromfile(REPO / 'configs/eca_faster_rcnn_r50.py')
    init = dict(type='Pretrained', checkpoint=str(checkpoint), prefix='backbone.')
    cfg.model.backbone.update(depth=18, kernel_sizes=(3, 5, 7, 7), init_cfg=init)
    cfg.model.neck.in_channels = [64, 128, 256, 512]
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = mmdet.registry.MODELS.build(cfg.model)
        model.init_weights()
    return model


def test_what_it_learnt_is_measured_and_initialises_a_detector(run, weights):
    """The accuracy in the log, once more with the detector's backbone and by hand."""
    backbone = detector(run / 'work_dirs/tiny/epoch_8.pth').backbone
    state = backbone.state_dict()
    assert {f'backbone.{key}' for key in state} == {
        key for key in weights if key.startswith('backbone.')
    }
    for key, tensor in state.items():
        assert torch.equal(tensor, weights[f'backbone.{key}']), key

    backbone.eval()
    mean, std = np.array([[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]])
    files = sorted((run / 'digits/val').glob('*/*.png'))
    images = [(cv2.imread(str(file))[..., ::-1] - mean) / std for file in files]
    # (N, H, W, C) -> (N, C, H, W)
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        features = backbone(batch)[-1].mean((2, 3))
    logits = features @ weights['head.fc.weight'].T + weights['head.fc.bias']
    labels = torch.tensor([int(file.parent.name) for file in files])
    accuracy = 100 * (logits.argmax(1) == labels).float().mean().item()

    (log,) = (run / 'work_dirs/tiny').glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (logged,) = (line['accuracy/top1'] for line in lines if 'accuracy/top1' in line)
    assert logged == pytest.approx(accuracy, abs=1e-3)
    assert logged > 70  # guessing has 17


def test_missing_images_are_told_before_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(CONFIGS / 'eca_resnet50.py')
    (finding,) = find_problems(cfg, ('train', 'val'))
    assert finding.line().startswith('train, val data root: data/imagenet not found')


def test_missing_mmpretrain_takes_one_line(tmp_path):
    plain = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    result = run_train(CONFIGS / 'eca_resnet50.py', cwd=tmp_path, env=plain)
    assert result.returncode == 2
    assert 'mmpretrain is not installed' in result.stderr.splitlines()[-1]
    assert not [*tmp_path.iterdir()]
