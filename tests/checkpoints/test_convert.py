"""What holds for every layout: unwrapping, detection, architecture, file written."""

import hashlib

import pytest
import torch
from mmdet.models.backbones import ResNet
from torch import Tensor

from eca_mm.backbones import ECAResNet, PluginResNet
from eca_mm.checkpoints import convert as module
from eca_mm.checkpoints.architecture import backbone_config
from eca_mm.checkpoints.convert import Converted, convert, save
from eca_mm.checkpoints.layouts import LAYOUTS
from eca_mm.checkpoints.safe import CheckpointError, load_file


def se(last_conv: int, *, stages: tuple = (), **cfg) -> dict:
    place = dict(position=f'after_conv{last_conv}')
    if stages:
        place['stages'] = stages
    return dict(cfg=dict(type='SE', **cfg), **place)


@pytest.fixture(scope='module')
def eca18() -> dict[str, Tensor]:
    classifier = {'fc.weight': torch.randn(7, 512), 'fc.bias': torch.randn(7)}
    return ECAResNet(18, (3, 5, 7, 7)).state_dict() | classifier


@pytest.fixture
def written(tmp_path):
    """Write an object to a file as torch does, and give the file's path."""

    def write(thing) -> object:
        torch.save(thing, tmp_path / 'source.pth')
        return tmp_path / 'source.pth'

    return write


def refusal(path, layout='auto') -> str:
    """The one line by which a file is rejected; it begins with the file."""
    with pytest.raises(CheckpointError) as caught:
        convert(path, layout)
    message = str(caught.value)
    assert message.startswith(f'checkpoint {path}') and '\n' not in message
    return message


@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: state,
        lambda state: dict(state_dict=state, epoch=3, args=None),
        lambda state: dict(model=dict(state_dict=state)),
        lambda state: dict(state_dict={f'module.{k}': v for k, v in state.items()}),
        lambda state: dict(model={k: torch.nn.Parameter(v) for k, v in state.items()
                                  if v.is_floating_point()}),
    ],
    ids=['bare', 'state_dict', 'model', 'module', 'parameters'],
)  # fmt: skip
def test_wrappers_are_taken_off(eca18, written, wrap):
    converted = convert(written(wrap(eca18)))
    for key, tensor in converted.state_dict.items():
        assert torch.equal(tensor, eca18[key])
    counters = {k for k in eca18 if k.endswith('num_batches_tracked')}
    missing = eca18.keys() - converted.state_dict.keys() - counters
    assert missing == {'fc.weight', 'fc.bias'}


def test_written_file_holds_tensors_and_plain_values(eca18, written, tmp_path):
    source = written(dict(state_dict=eca18))
    out = tmp_path / 'new folder/out.pth'
    save(convert(source), out)
    loaded = load_file(out)
    assert loaded.keys() == {'state_dict', 'meta'}
    assert loaded['meta'] == dict(
        source='source.pth',
        sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        layout='ecanet',
        dropped=['fc.bias', 'fc.weight'],
        kernel_sizes=[3, 5, 7, 7],
        backbone=dict(type='ECAResNet', depth=18, kernel_sizes=(3, 5, 7, 7)),
    )
    assert loaded['state_dict'].keys() == eca18.keys() - {'fc.weight', 'fc.bias'}
    assert [path.name for path in out.parent.iterdir()] == ['out.pth']


def test_classifier_can_be_kept(eca18, written):
    converted = convert(written(eca18), keep_classifier=True)
    state = converted.state_dict
    assert torch.equal(state['head.fc.weight'], eca18['fc.weight'])
    assert torch.equal(state['head.fc.bias'], eca18['fc.bias'])
    key = 'layer4.1.eca.conv.weight'
    assert torch.equal(state[f'backbone.{key}'], eca18[key])
    assert len(state) == len(eca18) and converted.meta['dropped'] == []
    headless = {key: v for key, v in eca18.items() if not key.startswith('fc.')}
    with pytest.raises(CheckpointError, match='no classifier to keep'):
        convert(written(headless), keep_classifier=True)


def test_only_the_rows_that_count_are_written(tmp_path):
    rows = torch.zeros(100_000, 10)[:1]
    save(Converted({'a': rows}, {}), tmp_path / 'out.pth')
    assert (tmp_path / 'out.pth').stat().st_size < 10_000


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    out = tmp_path / 'out.pth'
    out.write_text('old')

    def fail(_, path):
        path.write_text('half')
        raise OSError('disk full')

    monkeypatch.setattr(module.torch, 'save', fail)
    with pytest.raises(OSError, match='disk full'):
        save(Converted({}, {}), out)
    assert out.read_text() == 'old' and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    'thing, message',
    [
        ([torch.zeros(1)], 'holds no state dict'),
        ({}, 'holds no state dict'),
        (dict(state_dict=torch.zeros(1)), 'holds no state dict'),
        (dict(epoch=3), "under 'epoch' it has no tensor but int"),
        ({3: torch.zeros(1)}, 'under 3 it has no tensor'),
    ],
)
def test_without_state_dict(written, thing, message):
    assert message in refusal(written(thing))


def test_unknown_or_wrong_layouts_list_the_known_ones(eca18, written):
    unknown = refusal(written({'encoder.weight': torch.zeros(1)}))
    wrong = refusal(written(eca18), 'torchvision')
    assert 'fit none, asked for was auto' in unknown
    assert 'fit ecanet, asked for was torchvision' in wrong
    for message in (unknown, wrong):
        assert all(name in message for name in LAYOUTS)


def test_ambiguous_files_are_not_guessed(eca18, written, monkeypatch):
    monkeypatch.setattr(LAYOUTS['timm'], 'matches', lambda state: True)
    assert 'fit ecanet and timm, asked for was auto' in refusal(written(eca18))
    assert convert(written(eca18), 'ecanet').meta['layout'] == 'ecanet'


def without(state, *keys) -> dict:
    return {key: tensor for key, tensor in state.items() if key not in keys}


@pytest.mark.parametrize(
    'spoil, message',
    [
        (lambda s: without(s, 'layer3.1.conv2.weight'), 'lacks layer3.1.conv2.weight'),
        (lambda s: s | {'layer4.1.bn9.bias': s['bn1.bias']}, 'no tensor layer4.1.bn9'),
        (lambda s: s | {'bn1.bias': torch.zeros(32)}, r'bn1.bias has the shape (32,)'),
        (
            lambda s: s | {'layer2.1.eca.conv.weight': torch.zeros(1, 1, 3)},
            'stage 2 has several ECA kernel sizes, [3, 5]',
        ),
        (
            lambda s: {k: v for k, v in s.items() if not k.startswith('layer4.1.')},
            '(2, 2, 2, 1) basic blocks',
        ),
        (lambda s: without(s, 'layer1.1.eca.conv.weight'), 'lacks layer1.1.eca'),
        (
            lambda s: {
                k: v for k, v in s.items() if not ('layer2' in k and 'eca' in k)
            },
            'there is no ECAResNet of this kind: kernel_sizes must have one entry',
        ),
        (
            lambda s: (
                s
                | {f'layer3.{i}.eca.conv.weight': torch.zeros(1, 1, 4) for i in (0, 1)}
            ),
            'there is no ECAResNet of this kind: kernel_size must be odd',
        ),
        (
            lambda s: s | {'layer1.0.eca.conv.weight': torch.tensor(1.0)},
            'layer1.0.eca.conv.weight has the shape ()',
        ),
    ],
)
def test_other_architectures_are_refused(eca18, written, spoil, message):
    assert message in refusal(written(spoil(eca18)))


@pytest.mark.parametrize(
    'config',
    [
        dict(type='ResNet', depth=101),
        dict(type='ResNet', depth=50, deep_stem=True),
        dict(type='ECAResNet', depth=152, kernel_sizes=(3, 3, 5, 7)),
        dict(type='ECAResNet', depth=50, avg_down=True, kernel_sizes=(9, 1, 5, 7)),
        dict(type='PluginResNet', depth=50, plugins=[se(3)]),
        dict(
            type='PluginResNet',
            depth=34,
            plugins=[
                se(2, reduction=8, bias=True, stages=(True, False, True, False)),
                se(2, bias=True, stages=(False, True, False, True)),
            ],
        ),
    ],
    ids=lambda config: f'{config["type"]}{config["depth"]}',
)
def test_config_is_read_from_the_tensors(config):
    kind = {k.__name__: k for k in (ResNet, ECAResNet, PluginResNet)}[config['type']]
    with torch.device('meta'):
        model = kind(**{key: value for key, value in config.items() if key != 'type'})
    assert backbone_config(model.state_dict()) == config
