"""Each detector by both rules: trained, evaluated and resumed on COCO's stand-in."""

import json
import math
import sys

import pytest
import torch
from mmengine.config import Config
from test_tools import SMALL

from eca_mm.cli import run_command
from eca_mm.config_dump import load_dump
from eca_mm.paper.tables import DETECTORS

# An eighth of a ResNet-18, and heads of which a checkpoint is small.
SMALLER = [
    *SMALL,
    'model.backbone.depth=18',
    'model.backbone.kernel_sizes=3',
    'model.backbone.base_channels=8',
    'model.neck.in_channels=8,16,32,64',
    'custom_hooks=[]',  # no report
]
OF_DETECTOR = {
    'retinanet': ['model.test_cfg.score_thr=0.001'],  # it begins with scores of 0.01
    'rcnn': [
        'model.roi_head.bbox_head.fc_out_channels=32',
        'model.train_cfg.rcnn.sampler.num=32',
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    'name',
    # Faster R-CNN by 1.x's rules: test_tools.py.
    ['mask_rcnn', 'retinanet', *(f'modern/{d}' for d in DETECTORS.values())],
)
def test_trains_evaluates_and_resumes(repo, tmp_path, coco_root, monkeypatch, name):
    folder, _, detector = name.rpartition('/')
    config = repo / 'configs' / folder / f'eca_{detector}_r50.py'
    work_dir = tmp_path / f'{detector}{folder}'  # mmengine's logger has this name
    monkeypatch.chdir(tmp_path)
    options = [*SMALLER, *OF_DETECTOR[detector.split('_')[-1]]]
    for extra, epochs in (([], 1), (['--resume'], 2)):
        arguments = [config, '--work-dir', work_dir, *extra, '--cfg-options', *options]
        # mmengine has one visualizer of a name in a process, of the first run's folder.
        named = f'visualizer.name={name}{epochs}'
        arguments += [f'train_cfg.max_epochs={epochs}', named]
        monkeypatch.setattr(sys, 'argv', ['train.py', *map(str, arguments)])
        assert run_command('train') == 0
    state = torch.load(work_dir / 'epoch_2.pth', weights_only=True)
    assert state['meta']['iter'] == 4  # of 2 images
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    assert all(math.isfinite(line['loss']) for line in lines if 'loss' in line)
    assert [line['iter'] for line in lines if 'loss' in line] == [1, 2, 3, 4]
    for kind in ('bbox', 'segm') if detector == 'mask_rcnn' else ('bbox',):
        key = f'coco/{kind}_mAP'
        scores = {line['step']: line[key] for line in lines if key in line}
        assert scores.keys() == {1, 2} and all(0 <= s <= 1 for s in scores.values())
    # The dump of the config is read as data and holds the model that was trained.
    rules = dict(faster_rcnn='rpn_head', mask_rcnn='rpn_head', retinanet='bbox_head')
    head = load_dump(work_dir / config.name).model[rules[detector]]
    assert head == Config.fromfile(config).model[rules[detector]]
