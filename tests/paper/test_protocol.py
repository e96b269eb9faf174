"""Reading the settings: each path, defaults of classes, batches, rows, odd configs."""

import inspect
from copy import deepcopy
from pathlib import Path

import pytest
from mmcv.ops import nms
from mmdet.registry import MODELS, TASK_UTILS
from mmengine.config import Config
from mmengine.registry import DATA_SAMPLERS, OPTIM_WRAPPERS, PARAM_SCHEDULERS

import eca_mm  # noqa: F401, registers its backbones
from eca_mm.paper import Protocol, config_name, row_of
from eca_mm.paper.protocol import ATTENTION, DONE, all_settings, table
from eca_mm.paper.settings import STEP, value_at

DETECTORS = ('faster_rcnn', 'mask_rcnn', 'retinanet')
BY_HAND = (ATTENTION, DONE)
CASES = [(s, d) for s in all_settings() for d in s.of if s.path not in BY_HAND]
REGISTRIES = (MODELS, TASK_UTILS, OPTIM_WRAPPERS, PARAM_SCHEDULERS, DATA_SAMPLERS)
REPO = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def configs():
    """The paper's plain rows with ResNet-50."""
    return {
        name: Config.fromfile(REPO / f'configs/{name}_r50.py').to_dict()
        for name in DETECTORS
    }


@pytest.mark.parametrize(
    ('setting', 'detector'), CASES, ids=[f'{d}-{s.path}' for s, d in CASES]
)
def test_a_wrong_value_is_named(configs, setting, detector):
    """Each setting of each detector; with a class also what follows from it."""
    cfg = deepcopy(configs[detector])
    row = row_of(cfg)
    spoil(cfg, setting.path)
    found = Protocol(cfg, row, world_size=4).differences()
    named = {one.setting.path for one in found}
    if setting.path.endswith('type') or setting.path == '<images>':
        assert setting.path in named
    else:
        assert named == {setting.path}


def spoil(cfg: dict, path: str) -> None:
    """Change one setting of a config in place."""
    if path == '<images>':
        cfg['train_dataloader']['batch_size'] = 3
    elif path == '<rate>':
        cfg['optim_wrapper']['optimizer']['lr'] = 0.02
    elif path.endswith(' transforms>'):
        split = path.format(split='val')[1:].split()[0]
        cfg[f'{split}_dataloader']['dataset']['pipeline'].append(dict(type='CutOut'))
    else:
        put(cfg, STEP.findall(path.format(split='val')), 'Wrong')


def put(node, steps, value) -> None:
    (key, kind), *rest = steps
    if not rest:
        node[key] = value
        return
    if kind:
        if kind == 'EMAHook':  # is in no config
            node[key].append(dict(type=kind))
            return
        same = (e for e in node[key] if e['type'].removeprefix('V1') == kind)
        node = next(same)
    else:
        node = node.setdefault(key, {})
    put(node, rest, value)


@pytest.mark.parametrize('name', table()['defaults'])
def test_defaults_are_those_of_the_classes(name):
    kinds = (registry.get(name) for registry in REGISTRIES)
    kind = nms if name == 'nms' else next(filter(None, kinds))
    given = {}
    for part in reversed(kind.__mro__ if isinstance(kind, type) else [kind]):
        of_part = part.__init__ if isinstance(part, type) else part
        given |= inspect.signature(of_part).parameters
    for key, value in table()['defaults'][name].items():
        assert given[key].default == value, key


@pytest.mark.parametrize(
    ('gpus', 'images', 'scaled', 'expected'),
    [
        (4, 2, True, (8, 0.01)),
        (1, 2, True, (2, 0.0025)),
        (1, 8, False, (8, 0.01)),
        (8, 2, True, (16, 0.02)),
        (None, 2, True, (None, None)),
    ],
)
def test_batch_and_rate_by_hand(configs, gpus, images, scaled, expected):
    cfg = deepcopy(configs['faster_rcnn'])
    cfg['train_dataloader']['batch_size'] = images
    cfg['auto_scale_lr']['enable'] = scaled
    differences = Protocol(cfg, row_of(cfg), world_size=gpus).differences()
    found = {one.setting.path: one.found for one in differences}
    assert (found.get('<images>', 8), found.get('<rate>', 0.01)) == expected


@pytest.mark.parametrize(
    ('iteration', 'gpus', 'found'),
    # 117266 images, 8 a step: 14658.25 steps an epoch
    [(14659, 4, [1.0]), (161000, 4, [11.0]), (175899, 4, []), (175900, 4, []),
     (703596, 1, []), (175899, 1, [3.0]), (175899, None, [None])],
)  # fmt: skip
def test_an_unfinished_training_is_named(configs, iteration, gpus, found):
    cfg = configs['retinanet']
    run = Protocol(cfg, row_of(cfg), world_size=gpus, iteration=iteration)
    assert [d.found for d in run.differences() if d.setting.path == DONE] == found


@pytest.mark.parametrize(
    ('name', 'start', 'found'),
    [
        ('eca_retinanet_r50', 'torchvision://resnet50', [False]),
        ('se_retinanet_r50', 'open-mmlab://resnet50', [False]),
        ('eca_retinanet_r50', 'my/weights.pth', []),
        ('retinanet_r50', 'torchvision://resnet50', []),
    ],
)
def test_attention_left_at_random_is_named(name, start, found):
    cfg = Config.fromfile(REPO / f'configs/{name}.py').to_dict()
    cfg['model']['backbone']['init_cfg']['checkpoint'] = start
    differences = Protocol(cfg, row_of(cfg), world_size=4).differences()
    assert [d.found for d in differences if d.setting.path == ATTENTION] == found
    assert len(differences) == len(found)


def test_a_test_shows_no_training(configs):
    """Of a test only what it did is compared, by its own data."""
    cfg = deepcopy(configs['retinanet'])
    cfg['optim_wrapper']['optimizer']['lr'] = 1
    cfg['val_dataloader'] = None
    tested = Protocol(cfg, row_of(cfg), trained=False)
    assert tested.differences() == []
    cfg['test_evaluator']['type'] = 'CocoMetric'
    (one,) = tested.differences()
    assert (one.found, one.wanted) == ('CocoMetric', 'V1CocoMetric')


@pytest.mark.parametrize(
    ('path', 'value'),
    [
        ('a.lr', 0.1),
        ('steps[B].at', [1, 2]),
        ('steps[B].type', 'V1B'),
        ('steps[C].at', None),
        ('one.type', 'CocoMetric'),  # a list of one, ours with the host's figures
        ('a.kind.beta', 1.0),  # by default
        ('a.kind.type', 'SmoothL1Loss'),  # without its scope
        ('a.ann_file', 'x.json'),
        ('a.lr.b.c', None),
        ('nothing', None),
    ],
)
def test_values_by_hand(path, value):
    cfg = dict(
        a=dict(lr=0.1, kind=dict(type='mmdet.SmoothL1Loss'), ann_file='/d/x.json'),
        steps=(dict(type='A'), 'odd', dict(type=['B']), dict(type='V1B', at=(1, 2))),
        one=[dict(type='FastCocoMetric')],
    )
    assert value_at(cfg, path, table()['defaults']) == value


@pytest.mark.parametrize(
    ('change', 'row'),
    [
        ({}, 'faster_rcnn_r50'),
        (dict(depth=101), 'faster_rcnn_r101'),
        (dict(depth=18), None),
        (dict(type='ECAResNet', kernel_sizes=5), 'eca_faster_rcnn_r50'),
        (dict(type='ECAResNet', identity_init=True), None),
        (dict(type='ResNeXt'), None),
        (dict(plugins=[dict(cfg=dict(type='SE'), position='after_conv3')]),
         'se_faster_rcnn_r50'),
        (dict(plugins=[dict(cfg=dict(type='SE', reduction=4), position='after_conv3')]),
         None),
        (dict(plugins=[dict(cfg=dict(type='SE'), position='after_conv2')]), None),
    ],
)  # fmt: skip
def test_rows_are_found_by_the_model(configs, change, row):
    cfg = deepcopy(configs['faster_rcnn'])
    cfg['model']['backbone'] |= change
    found = row_of(cfg)
    assert (found and config_name(found)) == row
    cfg['model']['roi_head']['bbox_head']['num_classes'] = 3
    assert row_of(cfg) is None


@pytest.mark.parametrize('value', [None, 3, 'x', [], [3], {}, {'type': []}, [{}, {}]])
@pytest.mark.parametrize(
    'key', ['model', 'optim_wrapper', 'train_dataloader', 'val_evaluator',
            'param_scheduler', 'auto_scale_lr', 'custom_hooks'],
)  # fmt: skip
def test_odd_configs_differ_and_do_not_stop_it(configs, key, value):
    cfg = deepcopy(configs['mask_rcnn'])
    row = row_of(cfg)
    cfg[key] = value
    differences = Protocol(cfg, row, world_size=4).differences()
    assert differences or key in ('auto_scale_lr', 'custom_hooks')
    if key == 'model':
        assert row_of(cfg) is None


def test_configs_of_mmengine_are_refused(configs):
    cfg = configs['retinanet']
    with pytest.raises(TypeError, match='cfg must be a dict, got Config'):
        Protocol(Config(cfg), row_of(cfg))
