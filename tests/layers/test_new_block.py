"""A new attention block is its file and its line: all else of the package knows it."""

import csv
import importlib
import sys

import pytest
import torch
from mmdet.models.backbones.resnet import ResNet
from mmdet.registry import MODELS as DETECTION
from mmengine.registry import MODELS
from torch import nn

from eca_mm import layers
from eca_mm.analysis import cost, gates
from eca_mm.analysis.block_table import block_table
from eca_mm.analysis.complexity import measure
from eca_mm.backbones import PluginResNet
from eca_mm.checkpoints.load_report import load_report
from eca_mm.layers.block import Block

FILE = '''\
import torch
from torch import Tensor, nn

from .base import ChannelAttention
from .register import plugin


@plugin
class MadeUp(ChannelAttention):
    """sigmoid(w * y + b), with both for each channel."""

    _abbr_ = 'made_up'
    last = ('weight', 'bias')

    def __init__(self, in_channels: int, identity_init: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(in_channels))
        self.bias = nn.Parameter(torch.ones(in_channels))
        self.begin(identity_init)

    def excite(self, y: Tensor) -> Tensor:
        return self.weight * y + self.bias

    @property
    def taps(self) -> Tensor:
        return self.weight[:, None]


@plugin
class Apart(nn.Module):
    """Derived from nothing of ours: its line alone says that it is attention."""

    _abbr_ = 'apart'

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(in_channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale[:, None, None]
'''
LINE = Block('.made_up', 'sigmoid(w y + b)', '2*C', 'this test')


@pytest.fixture(autouse=True)
def made_up(tmp_path, monkeypatch) -> type[nn.Module]:
    """The block's class, from a file beside those of the others."""
    (tmp_path / 'made_up.py').write_text(FILE)
    monkeypatch.setattr(layers, '__path__', [*layers.__path__, str(tmp_path)])
    monkeypatch.setitem(layers.BLOCKS, 'MadeUp', LINE)
    importlib.invalidate_caches()
    yield layers.MadeUp
    del sys.modules['eca_mm.layers.made_up'], layers.made_up
    del MODELS.module_dict['MadeUp'], MODELS.module_dict['Apart']


@pytest.fixture
def model() -> PluginResNet:
    plugin = dict(cfg=dict(type='MadeUp'), position='after_conv3')
    model = PluginResNet(50, base_channels=8, plugins=[plugin])
    model.eval()  # mmdet's returns nothing
    return model


def places(model: nn.Module, kind: type) -> list[str]:
    return [name for name, module in model.named_modules() if type(module) is kind]


def test_is_registered(made_up):
    assert MODELS.get('MadeUp') is made_up and made_up.__module__ == (
        'eca_mm.layers.made_up'
    )


def test_the_load_report_names_it(model, made_up):
    report = load_report(model, ResNet(50, base_channels=8).state_dict())
    names = [f'{n}.{p}' for n in places(model, made_up) for p in ('weight', 'bias')]
    assert report.random_attention == report.missing == names and len(names) == 32
    told = '\n'.join(report.lines())
    assert 'ATTENTION LEFT AT RANDOM: 32 tensors (layer1.0.made_up.weight' in told


def test_its_line_makes_it_attention(monkeypatch):
    model = nn.Sequential(MODELS.get('Apart')(4))
    assert load_report(model, {}).random_attention == []
    line = Block('.made_up', 'w x', 'C', 'this test')
    monkeypatch.setitem(layers.BLOCKS, 'Apart', line)
    assert load_report(model, {}).random_attention == ['0.scale']


def test_pictures_of_gates_and_kernels_find_it(model, made_up):
    names = places(model, made_up)
    assert [*gates.gated_layers(model)] == [*gates.kernels(model)] == names
    x = torch.randn(3, 32, 4, 5)
    recorder = gates.GateRecorder(layer := made_up(32))
    with recorder:
        layer(x)
    expected = (x.mean((2, 3)) + 1).sigmoid()
    torch.testing.assert_close(torch.from_numpy(recorder.gates['']), expected)


def test_a_benchmark_takes_it_by_name(run, tmp_path, monkeypatch):
    monkeypatch.setattr(cost, 'SHORTEST', 0)
    out = tmp_path / 'cost.csv'
    size = ('--shape', 64, 64, '--rounds', 1)
    status, _, error = run(
        'benchmark', '--level', 'layer', *size, '--providers', 'MadeUp', '--out', out
    )
    assert status == 0, error
    with out.open() as file:
        assert {row['provider'] for row in csv.DictReader(file)} == {'plain', 'MadeUp'}
    status, _, error = run('benchmark', *size, '--providers', 'MadeDown')
    assert status == 2 and 'NonLocal2d, MadeUp' in error


def test_counting_counts_it(model):
    found, plain = (
        measure(network, (64, 32), 'paper')
        for network in (model, ResNet(50, base_channels=8))
    )
    blocks = [  # channels, blocks, positions at strides 4 to 32
        (32, 3, 16 * 8), (64, 4, 8 * 4), (128, 6, 4 * 2), (256, 3, 2 * 1)
    ]  # fmt: skip
    assert found.parameters - plain.parameters == sum(2 * c * n for c, n, _ in blocks)
    assert found.flops - plain.flops == sum(c * n * p for c, n, p in blocks)


def test_the_end_of_a_block_is_fused(model, made_up):
    x = torch.randn(2, 32, 8, 8)
    block = model.layer1[1]
    assert type(block.fusable_attention(x)) is made_up
    fused = block(x)
    block.fused_tail = False
    torch.testing.assert_close(fused, block(x))


def test_attention_anywhere_takes_it_and_begins_as_the_identity():
    module = dict(type='ResNet', depth=18, base_channels=8)
    plain = DETECTION.build(module)
    attended = DETECTION.build(
        dict(type='WithAttention', module=module, attention=dict(type='MadeUp'), at=[3])
    )
    plain.eval(), attended.eval()
    attended.load_state_dict(plain.state_dict(), strict=False)
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(attended(x)[3], plain(x)[3])
    attended.made_up[3].bias.data.fill_(1)
    assert not torch.allclose(attended(x)[3], plain(x)[3])


def test_the_documentations_table_has_it():
    line = '| `MadeUp` | sigmoid(w y + b) | 2 C | yes | yes | this test |'
    assert block_table().splitlines()[-3] == line
