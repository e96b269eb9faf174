"""ECA's taps for other kernel sizes; numbers by hand."""

import pytest
import torch

from eca_mm.backbones import ECAResNet
from eca_mm.checkpoints.load_report import load_report
from eca_mm.checkpoints.misfit import left_at_random
from eca_mm.checkpoints.resize_eca import resize
from eca_mm.checkpoints.safe import CheckpointError


def meta(*sizes: int) -> dict:
    backbone = dict(type='ECAResNet', depth=18, kernel_sizes=sizes)
    return dict(kernel_sizes=list(sizes), backbone=backbone)


def taps(stage: int, block: int, *values: float) -> dict[str, torch.Tensor]:
    name = f'backbone.layer{stage}.{block}.eca.conv.weight'
    return {name: torch.tensor(values).view(1, 1, -1)}


def test_ends_are_filled_with_zeros_or_cut():
    state = taps(1, 0, 1, -2, 3)
    state |= taps(2, 0, 1, 2, -4, 2, 1) | taps(2, 1, 0, 1, 1, 1, -1)
    other = {'backbone.layer1.0.conv1.weight': torch.ones(2, 2, 5, 5)}
    new, known = resize(state | other, meta(3, 5), (7, 3))
    found = [tensor.flatten().tolist() for tensor in new.values()]
    assert found[:3] == [[0, 0, 1, -2, 3, 0, 0], [2, -4, 2], [1, 1, 1]]
    assert new.keys() == (state | other).keys() and new[next(iter(other))].shape[2] == 5
    assert (known['kernel_sizes'], known['resized_from']) == ([7, 3], [3, 5])
    assert known['backbone'] == dict(type='ECAResNet', depth=18, kernel_sizes=(7, 3))
    # 2 of 10 and 1 of 4
    assert known['lost'] == [
        "stage 2: 5 taps became 3; those cut made up to 25% of a block's taps (by "
        'magnitude)'
    ]
    assert [len(tensor.flatten()) for tensor in state.values()] == [3, 5, 5]


@torch.inference_mode()
def test_longer_kernels_compute_the_same_bit_for_bit():
    small = dict(depth=18, base_channels=16)
    sizes = (5, 5, 9, 11)
    model = ECAResNet(kernel_sizes=(3, 5, 5, 7), **small)
    other = ECAResNet(kernel_sizes=sizes, **small)
    state, known = resize(model.state_dict(), meta(3, 5, 5, 7), sizes)
    assert known['lost'] == []
    model.eval()
    other.eval()
    image = torch.randn(2, 3, 64, 64)
    expected = model(image)
    assert not torch.equal(other(image)[0], expected[0])
    other.load_state_dict(state)
    assert all(map(torch.equal, other(image), expected))


@pytest.mark.parametrize(
    ('kind', 'sizes', 'said'),
    [
        ('ECAResNet', (5, 5, 5), r'3 kernel sizes .* \[5, 5, 5\], and it has 2, \[3, '),
        ('ECAResNet', (4, 5), 'must be odd and positive, got 4'),
        ('ECAMobileNetV2', (5, 5), 'only an ECAResNet'),
    ],
)
def test_refusals(kind, sizes, said):
    known = meta(3, 5) if kind == 'ECAResNet' else dict(backbone=dict(type=kind))
    with pytest.raises(CheckpointError, match=said):
        resize(taps(1, 0, 1, 2, 1) | taps(2, 0, 1, 2, 3, 2, 1), known, sizes)


def test_remedy_where_kernel_sizes_are_all_that_differs():
    small = dict(depth=18, base_channels=8)
    model = ECAResNet(kernel_sizes=3, **small)
    state = ECAResNet(kernel_sizes=5, **small).state_dict()
    report = load_report(model, state)
    option = 'tools/convert_checkpoint.py --kernel-sizes'
    assert option in left_at_random('a.pth', report)[1]
    assert any(option in line for line in report.lines())
    del state['conv1.weight']
    assert option not in left_at_random('a.pth', load_report(model, state))[1]
