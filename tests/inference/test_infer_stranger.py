"""A checkpoint's config may be anyone's: what it names is not imported and called."""

import os
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from eca_mm.inference.stranger import (
    StrangeConfig,
    clean,
    nothing_imported,
    usable_config,
)

CONFIG = Path(__file__).parents[2] / 'projects/digits/configs/eca_mask_rcnn_r18.py'
RUN = dict(type='os.system', command='touch PWNED')
SHELL = dict(type='subprocess.check_output', args='touch PWNED', shell=True)
NMS = dict(type="__import__('os').system('touch PWNED')")
CASES = {
    'model': ('model', RUN),
    'output': ('model', SHELL),
    'scope': ('model', dict(RUN, type='system', _scope_='os')),
    'twice': ('model', dict(RUN, type='mmdet.os.system')),
    'deep': ('model', dict(RUN, type='mmengine.utils.misc.subprocess.check_call')),
    'default scope': ('default_scope', 'this'),
    'backbone': ('model.backbone', RUN),
    'norm': ('model.backbone.norm_cfg', RUN),
    'head': ('model.roi_head.bbox_head', RUN),
    'tuple': ('model.neck', (dict(type='FPN'), [RUN])),
    'nms': ('model.test_cfg.rcnn.nms', NMS),
    'rpn': ('model.test_cfg.rpn.nms', NMS),
    'teacher': ('model.teacher_config', 'evil.py'),
    'fetched': ('model.backbone.name', 'https://127.0.0.1:1/x'),
    'hub': ('model.backbone.model_name', 'hf-hub:x'),
    'pipeline': ('test_dataloader.dataset.pipeline', [dict(type='Resize'), RUN]),
    'dataset': ('test_dataloader.dataset.type', 'os.system'),
    'metric': ('test_evaluator', [RUN]),
    'list': ('model', [RUN]),
    'none': ('test_dataloader', None),
}  # fmt: skip


def save(path: Path, key: str, value: object) -> None:
    """The checkpoint with one value of its config changed."""
    cfg = Config.fromfile(CONFIG)
    first, *rest = key.split('.')
    part = cfg
    for name in [first, *rest][:-1]:
        part = part[name]
    part[key.rpartition('.')[2]] = value
    meta = dict(cfg=cfg.pretty_text)
    torch.save(dict(state_dict=dict(a=torch.ones(1)), meta=meta), path)


@pytest.mark.parametrize('case', CASES)
def test_nothing_runs(run, root, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    Path('evil.py').write_text('open("PWNED", "w")')
    save(Path('evil.pth'), *CASES[case])
    monkeypatch.setattr(os, 'system', lambda command: Path('PWNED').touch())
    status, _, error = run('infer', 'evil.pth', root / 'val', '--device', 'cpu')
    last = error.splitlines()[-1]
    assert not Path('PWNED').exists()
    assert status == 2 and last.startswith('error: the config in evil.pth'), error
    assert last.endswith('give one by --config')


def test_a_weight_to_begin_with_is_not_fetched():
    cfg = Config.fromfile(CONFIG)
    url = dict(type='Pretrained', checkpoint='https://127.0.0.1:1/x.pth')
    cfg.model.backbone.init_cfg = url
    cfg.model.pretrained = url['checkpoint']
    steps = cfg.test_dataloader.dataset.pipeline
    steps[0].backend_args = dict(backend='memcached', sys_path='/tmp')
    text = usable_config(cfg.pretty_text).pretty_text
    assert '127.0.0.1' not in text and 'sys_path' not in text
    assert 'roi_head' in text and 'LoadImageFromFile' in text


def test_names_of_known_libraries_stay():
    model = dict(type='mmdet.models.detectors.faster_rcnn.FasterRCNN', norm='mean.x')
    found = clean(model, 'mmdet', ('MODELS',))
    assert found == dict(type='mmdet.FasterRCNN', norm='mean.x')
    with nothing_imported():
        assert MODELS.get(found['type']).__name__ == 'FasterRCNN'
    for name in ('nms', 'RoIAlign', 'BN', 'mmcv.cnn.bricks.norm.BN', 'eca_mm.ECA'):
        clean(dict(type=name), 'mmdet', ('MODELS',))
    with pytest.raises(StrangeConfig, match='not registered'):
        clean(dict(type='LoadImageFromFile'), 'mmdet', ('MODELS',))


def test_a_registry_imports_nothing(tmp_path, monkeypatch):
    """The second fence, for what a model builds of its own texts."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'stranger_lib.py').write_text('import os\nos.mkdir("ran")\nrun = 1')
    monkeypatch.chdir(tmp_path)
    with nothing_imported():
        for name in ('os.system', 'stranger_lib.run'):
            with pytest.raises((RuntimeError, KeyError)):
                MODELS.build(dict(type=name))
    assert not (tmp_path / 'ran').exists()
