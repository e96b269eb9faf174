"""The settings of all rows against protocol.yaml, and that against the host."""

import pytest
import yaml
from mmengine.config import Config
from mmengine.utils import get_installed_path

from eca_mm.paper import Protocol, config_name, load_table, row_of
from eca_mm.paper.protocol import all_settings, zoo_scores

ROWS = [config_name(row) for row in load_table(5)]
BATCH = {'images in a step', 'learning rate of that step'}
NORM = {'norm', "norm's statistics are fixed"}
# The rows that are GCNet's: it trained 16 images a step with SyncBN.
COPIED = {'nl_mask_rcnn_r50', 'gc_mask_rcnn_r50'}
DETECTORS = ('faster_rcnn', 'mask_rcnn', 'retinanet')
WHEEL = f'{get_installed_path("mmdet")}/.mim/configs'


def protocol(path, world_size: int = 4) -> Protocol:
    cfg = Config.fromfile(path).to_dict()
    return Protocol(cfg, row_of(cfg), world_size=world_size)


def names(differences) -> set[str]:
    return {one.setting.name for one in differences}


@pytest.mark.parametrize('name', ROWS)
def test_rows_are_the_papers(repo, name):
    """4 GPUs x 2 images; each setting has the value of the table."""
    run = protocol(repo / f'configs/{name}.py')
    assert config_name(run.row) == name
    assert names(run.differences()) == (BATCH | NORM if name in COPIED else set())
    assert len(run.settings) >= 78


@pytest.mark.parametrize('name', ROWS)
def test_modern_rows_are_mmdetections(repo, name):
    """All but the paper's batch."""
    run = protocol(repo / f'configs/modern/{name}.py')
    assert config_name(run.row) == name
    assert names(run.differences('v3')) == BATCH
    assert len(run.differences()) > 15


@pytest.mark.parametrize('kind', ['gc', 'nl'])
def test_rows_of_gcnet(repo, kind):
    run = protocol(repo / f'configs/syncbn_{kind}_mask_rcnn_r50.py', world_size=8)
    assert run.differences() == []
    baseline = protocol(repo / 'configs/syncbn_mask_rcnn_r50.py', world_size=8)
    assert names(baseline.differences()) == BATCH | NORM


@pytest.mark.parametrize('depth', ['r50', 'r101'])
@pytest.mark.parametrize('detector', DETECTORS)
def test_column_of_mmdetection_3_is_its_own_config(detector, depth):
    """On 8 GPUs; and its zoo's AP is what its metafile says."""
    name = f'{detector.replace("_", "-")}_{depth}_fpn_1x_coco'
    run = protocol(f'{WHEEL}/{detector}/{name}.py', world_size=8)
    assert run.differences('v3') == []
    assert config_name(run.row) == f'{detector}_{depth}'
    with open(f'{WHEEL}/{detector}/metafile.yml') as file:
        models = yaml.safe_load(file)['Models']
    (model,) = (m for m in models if m['Name'] == name)
    known = [value for part in model['Results'] for value in part['Metrics'].values()]
    assert [*zoo_scores(f'{detector}_{depth}').values()] == known


@pytest.mark.parametrize('detector', DETECTORS)
def test_column_of_1x_is_mmdetections_legacy_config(detector):
    """As far as that goes: it leaves the rest of MMDetection 3's as it is."""
    name = f'{detector.replace("_", "-")}_r50_fpn_1x_coco_v1'
    legacy = protocol(f'{WHEEL}/legacy_1.x/{name}.py', world_size=8)
    modern = protocol(f'{WHEEL}/{detector}/{name.removesuffix("_v1")}.py', world_size=8)
    mended = {
        one.setting.path for one in modern.differences('v1')
    } - {one.setting.path for one in legacy.differences('v1')}  # fmt: skip
    head = 'model.bbox_head' if detector == 'retinanet' else 'model.rpn_head'
    expected = {
        f'{head}.anchor_generator.type',
        f'{head}.anchor_generator.center_offset',
        f'{head}.loss_bbox.type',
        f'{head}.loss_bbox.beta',
    }
    if detector != 'retinanet':
        expected |= {
            'model.roi_head.bbox_head.loss_bbox.type',
            'model.roi_head.bbox_head.loss_bbox.beta',
            'model.roi_head.bbox_roi_extractor.roi_layer.sampling_ratio',
            'model.train_cfg.rpn_proposal.max_per_img',
        }
    if detector == 'faster_rcnn':  # MMDetection 3's Mask R-CNN has it, too
        expected.add('model.train_cfg.rcnn.assigner.match_low_quality')
    if detector == 'mask_rcnn':
        expected.add('model.roi_head.mask_roi_extractor.roi_layer.sampling_ratio')
    assert mended == expected


def test_every_setting_is_somebodys():
    for setting in all_settings():
        assert set(setting.of) <= set(DETECTORS) and 'v1' in setting.values
        assert all(isinstance(v, list | bool | int | float | str | dict | None)
                   for v in setting.values.values())  # fmt: skip
