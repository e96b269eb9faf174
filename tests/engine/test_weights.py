"""What is said of weights that do not fit, whoever is to take them."""

from copy import deepcopy

import pytest
import torch
from mmengine.config import Config
from torch import nn

from eca_mm.checkpoints.content import Contents
from eca_mm.engine import RequestError, build_model
from eca_mm.engine.load_report_hook import LoadReportHook
from eca_mm.engine.preflight.initial_weights import checkpoint_findings, fit_findings
from eca_mm.engine.weights import load_weights
from eca_mm.findings import ERROR, NOTE, WARNING, Finding

BACKBONE = dict(
    type='ECAResNet', depth=18, base_channels=8, kernel_sizes=3, num_stages=2,
    strides=(1, 2), dilations=(1, 1), out_indices=(0, 1),
)  # fmt: skip
MODEL = dict(
    type='RetinaNet',
    backbone=BACKBONE,
    neck=dict(type='FPN', in_channels=[8, 16], out_channels=8, num_outs=2),
    bbox_head=dict(
        type='RetinaHead', num_classes=2, in_channels=8, feat_channels=8,
        anchor_generator=dict(
            type='AnchorGenerator', ratios=[1.0], scales=[4], strides=[4, 8]
        ),
    ),
)  # fmt: skip
FOREIGN = {'features.0.weight': torch.ones(64, 3, 11, 11)}
NOT_OURS = 'its names are features.0.weight; here they are backbone.conv1.weight, '


@pytest.fixture
def cfg() -> Config:
    return Config(dict(model=deepcopy(MODEL)))


@pytest.fixture
def model(cfg) -> nn.Module:
    torch.manual_seed(0)
    return build_model(cfg)


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / 'weights.pth')


def told(cfg, model, trains: bool, is_check: bool = False) -> list[Finding]:
    contents = Contents()
    findings = [
        *checkpoint_findings(cfg, trains, contents),
        *fit_findings(cfg, model, trains, is_check, contents),
    ]
    return [finding for finding in findings if finding.level != NOTE]


def below(prefix: str, state: dict) -> dict:
    return {f'{prefix}{name}': value for name, value in state.items()}


@pytest.mark.parametrize(
    ('inside', 'prefix', 'right_prefix', 'said'),
    [
        (
            'backbone.',
            None,
            'backbone.',
            "names begin with 'backbone.': give its init_",
        ),
        (
            'backbone.',
            'neck',
            'backbone.',
            "init_cfg prefix='backbone.'; or start from",
        ),
        ('module.backbone.', 'backbone', 'module.backbone.', "='module.backbone.'; or"),
        ('', 'backbone.', None, 'at its top: leave prefix out of its init_cfg'),
    ],
)
def test_initial_weights_under_another_prefix(
    cfg, path, model, inside, prefix, right_prefix, said
):
    """The remedy that is given is followed, and mmengine then loads all."""
    state = model.backbone.state_dict()
    torch.save(dict(state_dict=below(inside, state)), path)
    init_cfg = dict(type='Pretrained', checkpoint=path)
    cfg.model.backbone.init_cfg = init_cfg | (dict(prefix=prefix) if prefix else {})
    (finding,) = told(cfg, build_model(cfg), trains=True)
    assert (finding.level, finding.part) == (ERROR, 'initial weights')
    assert f'nothing of {path} fits the backbone: ' in finding.what
    assert said in finding.line()

    right = dict(prefix=right_prefix) if right_prefix else {}
    cfg.model.backbone.init_cfg = init_cfg | right
    other = build_model(cfg)
    assert told(cfg, other, trains=True) == []
    other.init_weights()
    loaded = other.backbone.state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


@pytest.mark.parametrize(
    ('prefix', 'said'),
    [
        (None, 'its names are features.0.weight; here they are conv1.weight, '),
        ('backbone.', "stands below 'backbone.' in it, or below any other name"),
    ],
)
def test_initial_weights_of_another_network(cfg, path, prefix, said):
    torch.save(FOREIGN, path)
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=path, **(dict(prefix=prefix) if prefix else {})
    )
    model = build_model(cfg)
    (finding,) = told(cfg, model, trains=True)
    assert finding.level == ERROR and said in finding.what
    assert told(cfg, model, trains=False) == []  # a test does not initialise


UNFIT = {
    'under another name': (lambda s: dict(model=s), "lie under 'model', and they are"),
    'empty': (lambda s: {}, 'holds no tensors: give a file with weights'),
    'no weights': (lambda s: dict(state_dict={}, meta={}), 'it holds no tensors'),
    'other shapes': (
        lambda s: {name: torch.zeros(1, 2, 3) for name in s},
        'all have other shapes: backbone.conv1.weight is (1, 2, 3) for (8, 3, 7, 7)',
    ),
    'inside': (lambda s: below('net.', s), "save it again without 'net.' before"),
    'foreign': (lambda s: FOREIGN, NOT_OURS),
}


@pytest.mark.parametrize('kind', UNFIT)
def test_nothing_fits_in_the_same_words_on_every_road(cfg, path, model, kind):
    """Train's load_from, test, check or run, and the tools that load by themselves."""
    change, said = UNFIT[kind]
    torch.save(change(model.state_dict()), path)
    cfg.load_from = path
    lines = set()
    for trains in (True, False):
        for is_check in (True, False):
            (finding,) = told(cfg, model, trains, is_check)
            assert finding.level == ERROR
            lines.add(finding.line())
    before = deepcopy(model.state_dict())
    with pytest.raises(RequestError) as refused:
        load_weights(model, path)
    lines.update(refused.value.args)
    (line,) = lines
    assert line.startswith(f'checkpoint: nothing of {path} fits the model: ')
    assert said in line
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize('content', [[1, 2], torch.ones(3), 7])
def test_no_state_dict_at_all(path, model, content):
    torch.save(content, path)
    with pytest.raises(RequestError, match='holds no state dict but a '):
        load_weights(model, path)


def test_backbone_alone(cfg, path, model):
    """Tools that look at gates take it, as published; a test of the whole does not."""
    state = {k: torch.randn_like(v) for k, v in model.backbone.state_dict().items()
             if v.is_floating_point()}  # fmt: skip
    torch.save(state, path)
    cfg.load_from = path
    (finding,) = told(cfg, model, trains=False)
    assert 'the weights of backbone alone' in finding.what
    assert 'model.backbone.init_cfg=dict(' in finding.remedy
    load_weights(model, path, ['backbone.'])
    assert torch.equal(model.backbone.conv1.weight, state['conv1.weight'])
    with pytest.raises(RequestError, match='no neck.lateral_convs.0.conv.weight'):
        load_weights(model, path, ['backbone.', 'neck.'])


def test_part_of_it_fits(cfg, path, model):
    """A warning in a run, exit 2 of a check; a tool that needs the part refuses."""
    state = model.state_dict()
    del state['neck.fpn_convs.0.conv.bias']
    state['backbone.layer1.0.eca.conv.weight'] = torch.zeros(1, 1, 5)
    torch.save(dict(state_dict=state), path)
    cfg.load_from = path
    (in_run,) = told(cfg, model, trains=False)
    (in_check,) = told(cfg, model, trains=False, is_check=True)
    assert (in_run.level, in_check.level) == (WARNING, ERROR)
    assert in_run.line() == in_check.line()
    assert 'eca.conv.weight is (1, 1, 5) instead of (1, 1, 3), no neck.f' in in_run.what
    with pytest.raises(RequestError) as refused:
        load_weights(model, path)
    assert refused.value.args == (in_run.line(),)


@pytest.mark.parametrize('part', ['neck.', 'bbox_head.'])
def test_training_from_a_part_is_warned_of_in_its_log(path, model, part):
    state = {k: v for k, v in model.state_dict().items() if not k.startswith(part)}
    hook = LoadReportHook()
    hook.listen(model)
    hook.checkpoint = path
    model.load_state_dict(state, strict=False)
    loud = [text for level, text in hook.findings(model) if level > 20]
    (line,) = loud
    assert line.startswith(f'{path}: missing, stays as it was: {part}')


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_names_of_a_wrapped_model(cfg, path, model, prefix):
    state = {k: v + 1 for k, v in model.state_dict().items()}
    torch.save(dict(state_dict=below(prefix, state)), path)
    cfg.load_from = path
    assert told(cfg, model, trains=False, is_check=True) == []
    load_weights(model, path)
    weight = model.bbox_head.retina_cls.weight
    assert torch.equal(weight, state['bbox_head.retina_cls.weight'])


RUN = dict(meta=dict(epoch=1, iter=3), message_hub={}, optimizer={})


@pytest.mark.parametrize('is_check', [True, False])
@pytest.mark.parametrize(
    ('lacks', 'neck', 'said'),
    [
        ('', {}, None),
        ('optimizer', {}, 'is not of a run: it has no optimizer: to begin a new run'),
        ('meta', {}, 'is not of a run: it has no meta: '),
        ('', dict(out_channels=16), 'is of another model: '),
        ('', dict(num_outs=3), 'is of another model: '),
    ],
)
def test_resume_of_what_is_not_this_run(cfg, path, model, is_check, lacks, neck, said):
    state = dict(RUN, state_dict=model.state_dict())
    state.pop(lacks, None)
    torch.save(state, path)
    cfg.merge_from_dict(dict(load_from=path, resume=True, model=dict(neck=neck)))
    if 'num_outs' in neck:  # a third level, and a convolution for it
        cfg.model.neck.add_extra_convs = 'on_input'
        cfg.model.bbox_head.anchor_generator.strides = [4, 8, 16]
    if 'out_channels' in neck:
        cfg.model.bbox_head.in_channels = 16
    found = told(cfg, build_model(cfg), trains=True, is_check=is_check)
    assert [f.level for f in found] == ([ERROR] if said else [])
    assert all(said in f.line() for f in found)


def test_each_checkpoint_is_read_once(path, monkeypatch, model):
    torch.save(model.state_dict(), path)
    contents, read = Contents(), []
    original = torch.load
    monkeypatch.setattr(
        torch, 'load', lambda *a, **k: read.append(a) or original(*a, **k)
    )
    assert contents[path].state.keys() == contents[path].state.keys()
    assert len(read) == 1 and contents.usable
