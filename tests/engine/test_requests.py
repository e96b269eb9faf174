"""Command lines, wrappers for ranks, test-time augmentation, and our commit."""

import subprocess
import sys
from argparse import ArgumentParser

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope

from eca_mm import environment
from eca_mm.engine import parse_arguments
from eca_mm.engine.arguments import add_check_arguments, add_config_arguments
from eca_mm.engine.distributed import wrapper_without_device
from eca_mm.engine.preflight.tta_limits import tta_findings
from eca_mm.engine.tta import apply_tta


@pytest.mark.parametrize(
    ('words', 'check'),
    [
        (['--check', 'a.py'], 'quick'),
        (['a.py', '--check'], 'quick'),
        (['--check', 'full', 'a.py'], 'full'),
        (['--check', 'quick', 'a.py', '--json'], 'quick'),
        (['--check=full', 'a.py'], 'full'),
        (['a.py', '--check', '--work-dir', 'b'], 'quick'),
        (['--work-dir', 'b', '--check', 'a.py'], 'quick'),
        (['a.py'], None),
    ],
)
def test_check_before_and_after_the_config(monkeypatch, words, check):
    parser = ArgumentParser()
    parser.add_argument('config')
    add_config_arguments(parser)
    add_check_arguments(parser)
    monkeypatch.setattr(sys, 'argv', ['train.py', *words])
    args = parse_arguments(parser)
    assert (args.config, args.check) == ('a.py', check)


DEFAULT = dict(
    type='MMDistributedDataParallel', broadcast_buffers=False, device_ids=None
)


@pytest.mark.parametrize(
    ('settings', 'wrapper'),
    [
        ({}, DEFAULT | dict(find_unused_parameters=False)),
        (dict(find_unused_parameters=True),
         DEFAULT | dict(find_unused_parameters=True)),
        (
            dict(model_wrapper_cfg=dict(type='MMDistributedDataParallel',
                                        detect_anomalous_params=True)),
            dict(type='MMDistributedDataParallel', detect_anomalous_params=True,
                 device_ids=None),
        ),
        (
            dict(model_wrapper_cfg=dict(type='MMSeparateDistributedDataParallel')),
            dict(type='MMSeparateDistributedDataParallel', device_ids=None),
        ),
    ],
)  # fmt: skip
def test_wrapper_of_cpu_ranks(settings, wrapper):
    assert wrapper_without_device(Config(settings)) == wrapper


def git(folder, *words: str) -> str:
    me = ['-c', 'user.name=a', '-c', 'user.email=a@b.c']
    command = ['git', '-C', str(folder), *me, *words]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize('place', ['clone', 'site-packages', 'nowhere'])
def test_commit_is_that_of_the_package(monkeypatch, tmp_path, place):
    """Never that of the current folder, or of the repository around an environment."""
    inside, elsewhere = tmp_path / 'inside', tmp_path / 'elsewhere'
    for folder in (inside, elsewhere):
        folder.mkdir()
        if folder is elsewhere or place != 'nowhere':
            git(folder, 'init', '-q')
            git(folder, 'commit', '-q', '--allow-empty', '-m', folder.name)
    parent = inside / ('' if place == 'clone' else 'venv/site-packages')
    (parent / 'eca_mm').mkdir(parents=True)
    monkeypatch.setattr(environment, 'PACKAGE', parent / 'eca_mm')
    monkeypatch.chdir(elsewhere)
    expected = git(inside, 'rev-parse', '--short', 'HEAD') if place == 'clone' else ''
    assert environment.commit() == expected
    assert bool(expected) == (place == 'clone')


@pytest.fixture
def digits(repo) -> Config:
    return Config.fromfile(repo / 'projects/digits/configs/eca_faster_rcnn_r18.py')


# As mmdet's own tools/test.py has them.
MMDETS = (
    'img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip',
    'flip_direction',
)  # fmt: skip


def test_tta_without_meta_keys(digits):
    """The same boxes as with the keys that mmdet's own test tool gives."""
    pack = digits.test_dataloader.dataset.pipeline[-1]
    assert 'meta_keys' not in pack
    apply_tta(digits)
    pipeline = digits.test_dataloader.dataset.pipeline
    flips, (pack,) = pipeline[-1].transforms
    assert [flip.prob for flip in flips] == [1.0, 0.0]
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (128, 128, 3), dtype=np.uint8)
    found = []
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(digits.model).eval()
        for keys in (pack.meta_keys, MMDETS):
            pack.meta_keys = keys
            steps = [dict(s) for s in pipeline if not s['type'].startswith('Load')]
            image = dict(img=pixels.copy(), img_id=1, img_path='a.png',
                         img_shape=(128, 128), ori_shape=(128, 128))  # fmt: skip
            with torch.no_grad():
                batch = pseudo_collate([Compose(steps)(image)])
                (sample,) = model.test_step(batch)
            found.append(sample.pred_instances)
    assert len(found[0]) > 10
    assert torch.equal(found[0].bboxes, found[1].bboxes)
    assert torch.equal(found[0].scores, found[1].scores)


@pytest.mark.parametrize(
    ('config', 'tta', 'rejected'),
    [
        ('mask_rcnn_r18.py', True, True),
        ('mask_rcnn_r18.py', False, False),
        ('eca_faster_rcnn_r18.py', True, False),
    ],
)
def test_tta_of_masks(repo, config, tta, rejected):
    cfg = Config.fromfile(repo / 'projects/digits/configs' / config)
    if tta:
        apply_tta(cfg)
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device('meta'):
        found = list(tta_findings(MODELS.build(cfg.model)))
    assert ['merges boxes only' in f.line() for f in found] == [True] * rejected


@pytest.mark.parametrize(
    ('folder', 'model', 'mirror'),
    [('', 'V1DetTTAModel', 'V1RandomFlip'), ('modern/', 'DetTTAModel', 'RandomFlip')],
)
def test_tta_mirrors_as_boxes_are_mirrored_back(repo, folder, model, mirror):
    """By the last pixel in the one, by edges in the other."""
    for detector in ('faster_rcnn', 'mask_rcnn', 'retinanet'):
        cfg = Config.fromfile(repo / f'configs/{folder}eca_{detector}_r50.py')
        apply_tta(cfg)
        flips, _ = cfg.test_dataloader.dataset.pipeline[-1].transforms
        assert cfg.model.type == model
        assert [flip.type for flip in flips] == [mirror] * 2
        assert cfg.model.tta_cfg.nms.get('offset', 0) == (model[0] == 'V')
