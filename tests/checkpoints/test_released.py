"""released.yaml against the paper's figures and against our backbones."""

import pytest
import torch
from mmdet.models.backbones import ResNet

from eca_mm.backbones import ECAMobileNetV2, ECAResNet
from eca_mm.checkpoints.released import releases
from eca_mm.paper import load_table


@pytest.mark.parametrize(('depth', 'taps'), [(50, 80), (101, 157), (152, 234)])
def test_kernel_sizes_add_up_to_the_papers_parameters(depth, taps):
    blocks = ResNet.arch_settings[depth][1]
    sizes = releases()[f'ecanet://resnet{depth}'].kernel_sizes
    assert sum(n * k for n, k in zip(blocks, sizes, strict=True)) == taps


@pytest.mark.parametrize('url', [u for u in releases() if u.startswith('ecanet:')])
def test_backbones_have_the_parameters_that_the_authors_give(url):
    release = releases()[url]
    with torch.device('meta'):
        if release.depth:
            model = ECAResNet(release.depth, release.kernel_sizes)
        else:
            model = ECAMobileNetV2(out_indices=(7,))
    channels = 512 if release.depth in (18, 34) else 2048 if release.depth else 1280
    total = sum(p.numel() for p in model.parameters()) + 1000 * channels + 1000
    # 57.404 is 57.41 there
    assert total / 2**20 == pytest.approx(release.params, abs=0.006)


def test_both_figures_where_the_authors_give_two():
    """README and, under ``elsewhere``, Table 3: where they differ, and only there."""
    names = {'MobileNetV2': 'mobilenet_v2'}
    tables = {
        names.get(row['backbone'], row['backbone'].lower().replace('-', '')): row
        for row in load_table(3)
        if row['method'] == 'ECA-Net'
    }
    assert len(tables) == 4
    for name, row in tables.items():
        release = releases()[f'ecanet://{name}']
        other = release.elsewhere.get('paper', {})
        for figure in ('top1', 'top5', 'params'):
            given = getattr(release, figure)
            assert other.get(figure, given) == row[figure]
            assert other.get(figure) != given
    fifty = releases()['ecanet://resnet50']
    assert (fifty.top1, fifty.top5) == (77.42, 93.62)
    assert fifty.elsewhere == {'paper': dict(top1=77.48, top5=93.68)}


def test_each_file_has_a_place_and_a_link_of_its_own():
    names = [*releases().values()]
    assert len(names) == 12
    assert {len(release.drive_id) for release in names} == {33}
    for part in ('drive_id', 'link', 'path', 'file'):
        assert len({getattr(release, part) for release in names}) == 12
    assert releases()['ecanet-coco://mask_rcnn_r50'].path.name == (
        'eca_coco_mask_rcnn_r50.pth'
    )
