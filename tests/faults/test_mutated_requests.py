"""What people asked for, and some of the mutated requests; ``make faults`` tries more.

Each request is looked at by ``--check`` and by a run, which must say the same.
"""

import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from mmengine.config import Config

sys.path.insert(0, str(Path(__file__).parent))
from mutated_requests import attempt, run_of, valid  # noqa: E402

from eca_mm.engine import RequestError, refuse_problems  # noqa: E402
from eca_mm.engine.preflight import dry_runner, find_problems  # noqa: E402
from eca_mm.findings import ERROR, NOTE, WARNING  # noqa: E402

SPLITS = ('train', 'val')
ECA = [dict(cfg=dict(type='ECA'), position='after_conv2')]
WARM_UP = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=500)]
# Each with what the finding says and what its remedy says.
REFUSED = {
    'even kernel': ({'model.backbone.kernel_sizes': 4}, 'must be odd', 'give an odd'),
    'persistent workers': (
        {'train_dataloader.persistent_workers': True}, 'persistent_workers option',
        'set persistent_workers=False'),
    'amp on cpu': (
        {'optim_wrapper.type': 'AmpOptimWrapper'}, 'only available training',
        "optim_wrapper.type='OptimWrapper'"),
    'syncbn on cpu ranks': (
        {'model.backbone.norm_cfg': dict(type='SyncBN'), 'launcher': 'pytorch'},
        'SyncBN) need GPUs', "norm_cfg.type='BN'"),
    'no wandb': (
        {'visualizer.vis_backends': [dict(type='WandbVisBackend')]},
        'needs wandb, which is not installed', 'pip install wandb'),
    'metric of papers': ({'val_evaluator.metric': 'mAP'}, "'mAP' is none of", "'bbox'"),
    'masks of a box model': (
        {'val_evaluator.metric': 'segm'}, 'segm is not in results', "metric='bbox'"),
    'one number of proposals': (
        {'val_evaluator.proposal_nums': (300,)}, '(300,) is not three numbers',
        'write for example (100, 300, 1000)'),
    'proposals without 100': (
        {'val_evaluator.proposal_nums': (10, 300, 1000)}, 'with 100 among them',
        'write for example (100, 300, 1000)'),
    'unknown item': (
        {'val_evaluator.metric_items': ['mAP50']}, "no 'mAP50'",
        "did you mean 'mAP_50'?"),
    'unknown backend': ({'val_evaluator.backend': 'coco'}, "'coco'", 'hotcoco'),
    'format without a place': (
        {'val_evaluator.format_only': True}, 'format_only without',
        'set outfile_prefix'),
    'threshold of mmdet': (
        {'val_evaluator.iou_thrs': 0.5, 'val_evaluator.type': 'CocoMetric'},
        'no right figures with 0.5', "type='FastCocoMetric'"),
    'threshold in percent': (
        {'val_evaluator.iou_thrs': [50]}, '[50] is not a number above 0', '[0.5]'),
    'best figure not computed': (
        {'default_hooks.checkpoint.save_best': 'coco/bbox_mAP',
         'val_evaluator.metric_items': ['mAP_50']},
        "save_best='coco/bbox_mAP' is none", "did you mean 'coco/bbox_mAP_50'?"),
    'plugins of mmdet at depth 18': (
        {'model.backbone.type': 'ResNet', 'model.backbone.plugins': ECA,
         'model.backbone.kernel_sizes': None},
        'Not implemented yet', "type='PluginResNet'"),
    'misspelt type': (
        {'model.backbone.type': 'EcaResNet'}, 'EcaResNet is not in the',
        "did you mean 'ECAResNet'?"),
    'misspelt argument': (
        {'model.backbone.depht': 18}, "unexpected keyword argument 'depht'",
        "did you mean 'depth'?"),
    'twice at one place': (
        {'model.backbone.plugins': ECA}, 'duplicate plugin', "postfix='_2'"),
    'neck of other widths': (
        {'model.neck.in_channels': [8, 16, 32, 65]}, '65', 'correct model'),
    'misspelt initialisation': (
        {'model.backbone.init_cfg': dict(type='Kaimin', layer='Conv2d')}, 'Kaimin',
        "did you mean 'Kaiming'?"),
}  # fmt: skip
WARNED = {
    'warm-up longer than the run': (
        {'param_scheduler': WARM_UP}, 'the warm-up takes 500 iterations', 'set end of'),
    'rate of another optimiser': (
        {'optim_wrapper.optimizer': dict(type='AdamW', lr=1.0)}, 'far above',
        'set optim_wrapper.optimizer.lr to 0.0001'),
    'not imported elsewhere': (
        {'custom_imports': None}, 'DetInferencer will not know',
        "custom_imports = dict(imports=['eca_mm'])"),
    'random and frozen': (
        {'model.backbone.frozen_stages': 1, 'model.backbone.norm_eval': True},
        'starts from random weights, and frozen_stages=1',
        'model.backbone.frozen_stages=-1 model.backbone.norm_eval=False'),
    'random and frozen, plain': (
        {'model.backbone.frozen_stages': 1, 'model.backbone.type': 'ResNet',
         'model.backbone.kernel_sizes': None},
        'frozen_stages=1 keeps the first stages at random', 'frozen_stages=-1'),
    'one threshold': (
        {'val_evaluator.iou_thrs': [0.5]}, "and not COCO's", 'leave iou_thrs out'),
}  # fmt: skip
ACCEPTED = {
    'as it is': {},
    'items': {'val_evaluator.metric_items': ['mAP_50']},
    'proposals': {'val_evaluator.proposal_nums': (1, 10, 100)},
    'second plugin': {
        'model.backbone.plugins': [
            dict(cfg=dict(type='ECA', postfix='_2'), position='after_conv2')
        ]
    },
}


@pytest.fixture(scope='module')
def plain(tmp_path_factory) -> dict:
    return valid(tmp_path_factory.mktemp('requests'), masks=False)


@pytest.fixture
def ask(plain, tmp_path) -> Callable[[dict], Config]:
    """Make a request of settings: dotted paths and values, None to leave one out."""

    def asked(settings: dict) -> Config:
        cfg = deepcopy(plain)
        for path, value in settings.items():
            *parents, key = path.split('.')
            node = cfg
            for name in parents:
                node = node[name]
            node[key] = value
            if value is None:
                del node[key]
        (tmp_path / 'request.py').touch()
        cfg['work_dir'] = str(tmp_path / 'work')
        return Config(cfg, filename=str(tmp_path / 'request.py'))

    return asked


def found(cfg: Config) -> list[tuple[str, str]]:
    """What ``--check`` finds: level and line."""
    findings = find_problems(cfg, SPLITS, is_check=True)
    return [(f.level, f.line()) for f in findings if f.level != NOTE]


@pytest.mark.parametrize('name', REFUSED)
def test_refused_in_the_same_words(ask, name):
    settings, what, remedy = REFUSED[name]
    ((level, line),) = found(ask(settings))
    assert level == ERROR and what in line and remedy in line
    with pytest.raises(RequestError) as error:
        refuse_problems(ask(settings), SPLITS)
    assert error.value.args == (line,)


@pytest.mark.parametrize('name', WARNED)
def test_warned_of_in_the_same_words(ask, name, capsys):
    settings, what, remedy = WARNED[name]
    all_found = found(ask(settings))  # the check also loads the weights
    ((level, line),) = [pair for pair in all_found if what in pair[1]]
    assert level == WARNING and remedy in line
    capsys.readouterr()
    refuse_problems(ask(settings), SPLITS)
    assert capsys.readouterr().err.splitlines() == [f'warning: {line}']


@pytest.mark.parametrize('name', ACCEPTED)
def test_accepted_and_run(ask, name):
    cfg = ask(ACCEPTED[name])
    before = deepcopy(cfg._cfg_dict)
    assert found(cfg) == []
    assert cfg._cfg_dict == before  # all was built from copies
    assert run_of(cfg, '') == 'ran'


def test_tensorboard_is_looked_for(ask, monkeypatch):
    """As above, whether it is installed here or not."""
    monkeypatch.setattr(dry_runner, 'find_spec', lambda package: None)
    request = {'visualizer.vis_backends': [dict(type='TensorboardVisBackend')]}
    ((_, line),) = found(ask(request))
    assert 'needs tensorboard' in line and 'pip install tensorboard' in line


@pytest.mark.parametrize('seed', range(1000, 1012))
def test_mutated_requests(tmp_path, seed):
    assert attempt(seed, tmp_path) in ('rejected', 'ran', 'stopped')
