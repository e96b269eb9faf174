import pytest
import torch
from mmdet.models.backbones import ResNet
from torch import nn

from eca_mm.analysis import paper_columns
from eca_mm.analysis.complexity import measure, with_background_rows
from eca_mm.backbones import ECAResNet, PluginResNet


def backbone_flops(model) -> int:
    return measure(model, (64, 32), 'paper').flops


def test_a_convolution_by_hand():
    # 3 x 8 kernels of 3x3 on 16 x 32 positions, with bias one more a value
    conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
    found = measure(conv, (64, 32), 'paper')
    assert found.flops == 16 * 32 * 8 * (3 * 9 + 1)
    assert found.parameters == found.trainable == 8 * (3 * 9 + 1)


def test_a_transposed_convolution_counts_its_output():
    conv = nn.ConvTranspose2d(3, 8, 2, stride=2, bias=False)
    assert measure(conv, (64, 32), 'paper').flops == 128 * 64 * 3 * 8 * 4


def test_host_convention_counts_the_multiplications():
    conv = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
    assert measure(conv, (64, 32), 'host').flops == 16 * 32 * 8 * 3 * 9


@pytest.mark.parametrize(('attention', 'linear'), [('ECA', 0), ('SE', 1)])
def test_attention_costs_its_pooling_and_its_layers(attention, linear):
    """Pooling counts its input, C1D k * C, the two layers of SE 2 * C^2 / 16."""
    plain = ResNet(50)
    if attention == 'ECA':
        model = ECAResNet(50, kernel_sizes=3)
    else:
        plugin = dict(cfg=dict(type='SE'), position='after_conv3')
        model = PluginResNet(50, plugins=[plugin])
    expected = 0
    # channels, blocks, positions of a 64x32 image at strides 4, 8, 16 and 32
    for channels, blocks, positions in (
        (256, 3, 16 * 8), (512, 4, 8 * 4), (1024, 6, 4 * 2), (2048, 3, 2 * 1)
    ):  # fmt: skip
        layers = 2 * channels**2 // 16 + channels // 16 if linear else 3 * channels
        expected += blocks * (channels * positions + layers)
    assert backbone_flops(model) - backbone_flops(plain) == expected


def test_frozen_parameters_are_not_trainable():
    model = ECAResNet(50, kernel_sizes=(3, 5, 5, 7), frozen_stages=1)
    found = measure(model, (64, 32), 'paper')
    # stem 64 * 147 + 128; stage 1 of ResNet-50 215808; its three ECA 3 x 3
    frozen = 64 * 3 * 49 + 2 * 64 + 215_808 + 3 * 3
    assert found.parameters - found.trainable == frozen


def test_background_rows():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.roi_head = nn.Module()
            self.roi_head.with_mask = True
            box, mask = nn.Module(), nn.Module()
            box.num_classes = mask.num_classes = 80
            box.reg_class_agnostic = False
            box.fc_reg = nn.Linear(10, 320)
            mask.conv_logits = nn.Conv2d(10, 80, 1)
            self.roi_head.bbox_head, self.roi_head.mask_head = box, mask

    model = with_background_rows(Heads())
    assert model.roi_head.bbox_head.fc_reg.weight.shape == (324, 10)
    assert model.roi_head.mask_head.conv_logits.weight.shape == (81, 10, 1, 1)


@pytest.mark.parametrize('number', [2, 3])
def test_parameters_of_the_papers_tables(number):
    rows = list(paper_columns.TABLES[number](configs=None))
    verdicts = {row['row']: row['verdict'] for row in rows}
    others = {k: v for k, v in verdicts.items() if v != paper_columns.EQUAL}
    if number == 2:
        assert others == {}
    else:
        assert others == {
            'ResNet-50 A2-Nets': 'not built here',
            'ResNet-50 GSoP-Net1': 'not built here',
            'ResNet-50 AA-Net': paper_columns.ROUGHLY,
            'ResNet-101 AA-Net': paper_columns.ROUGHLY,
        }


@pytest.mark.slow
def test_table_5_is_equal_to_the_last_digit(repo):
    rows = list(paper_columns.table_5(repo / 'configs'))
    verdicts = {row['row']: row['verdict'] for row in rows}
    others = {k: v for k, v in verdicts.items() if v != paper_columns.EQUAL}
    assert others.keys() == {'nl_mask_rcnn_r50', 'gc_mask_rcnn_r50'}
    assert all('known: gflops -' in v for v in others.values())
    by_name = {row['row']: row for row in rows}
    # parameters of NL and GC are met: 46.50, and 46.9 with the decimal that is printed
    assert round(by_name['nl_mask_rcnn_r50']['params'], 2) == 46.50
    assert round(by_name['gc_mask_rcnn_r50']['params'], 1) == 46.9


def test_a_wrong_figure_is_different():
    assert (
        paper_columns.verdict(5, 'a', params=(1.0, 1.004))['verdict']
        == paper_columns.EQUAL
    )
    off = paper_columns.verdict(5, 'a', params=(1.0, 1.006), gflops=(2.0, 2.0))
    assert off['verdict'] == paper_columns.DIFFERENT
    known = paper_columns.verdict(5, 'gc_mask_rcnn_r50', gflops=(279.6, 275.64))
    assert known['verdict'].startswith('known: gflops -3.96')


def test_measuring_needs_no_gradient():
    layer = nn.Conv2d(3, 3, 1)
    measure(layer, (32, 32), 'paper')
    assert torch.is_grad_enabled() and layer.weight.requires_grad
