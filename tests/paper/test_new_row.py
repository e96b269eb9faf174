"""A new row of the comparison is its config and its line; the rest is made."""

import pytest
import yaml
from mmdet.registry import MODELS
from mmengine.config import Config

from eca_mm.analysis.complexity import measure, with_background_rows
from eca_mm.campaign.rows import by_name
from eca_mm.paper import row_of, tables
from eca_mm.paper.configs_readme import configs_readme
from eca_mm.paper.metafile import metafile

NAME = 'eca_cascade_rcnn_r50'
CONFIG = """\
# Cascade R-CNN, ECA-ResNet-50, FPN, by MMDetection 3's rules. No score is known.
_base_ = [
    'mmdet::_base_/models/cascade-rcnn_r50_fpn.py',
    './_base_/coco_detection.py',
    './_base_/schedule.py',
    './_base_/backbones/eca_r50.py',
]
model = dict(backbone=_base_.pop('backbone'))
"""
LINE = """\
  - {detector: Cascade R-CNN, backbone: ResNet-50, method: ECA, epochs: 12, what: Mine}
"""


@pytest.fixture(autouse=True)
def configs(repo, tmp_path, monkeypatch):
    """A folder of configs with the new one, and the table with its line."""
    folder = tmp_path / 'configs'
    folder.mkdir()
    (folder / '_base_').symlink_to(repo / 'configs/_base_')
    (folder / f'{NAME}.py').write_text(CONFIG)
    file = tmp_path / 'tables.yaml'
    file.write_text(tables.FILE.read_text() + LINE)
    monkeypatch.setattr(tables, 'FILE', file)
    tables.load_ours.cache_clear()
    yield folder
    tables.load_ours.cache_clear()


def test_its_name_is_made_from_its_columns():
    assert tables.load_ours()[-1]['config'] == NAME


def test_the_readme_of_the_configs_lists_it(repo):
    line = f'- [{NAME}]({NAME}.py):\n  Mine.\n'
    page = configs_readme()
    assert line in page
    assert page.replace(line, '') == (repo / 'configs/README.md').read_text()


def test_the_metafile_lists_it():
    model = yaml.safe_load(metafile())['Models'][-1]
    assert (model['Name'], model['Config']) == (NAME, f'configs/{NAME}.py')
    assert model['Metadata'] == dict(Epochs=12)


def test_a_campaign_takes_it_by_name(configs):
    (row,) = by_name([NAME], configs)
    assert row.name == NAME and row.config == configs / f'{NAME}.py'


def test_it_is_built_counted_and_no_row_of_the_papers(configs):
    """Its three heads see 1000 proposals each."""
    cfg = Config.fromfile(configs / f'{NAME}.py')
    assert cfg.model.backbone.type == 'ECAResNet' and row_of(cfg.to_dict()) is None
    width, channels = 8, 16
    cfg.model.backbone.update(base_channels=4, init_cfg=None)
    cfg.model.neck.update(in_channels=[16, 32, 64, 128], out_channels=channels)
    cfg.model.rpn_head.update(in_channels=channels, feat_channels=channels)
    cfg.model.roi_head.bbox_roi_extractor.out_channels = channels
    for head in cfg.model.roi_head.bbox_head:
        head.update(in_channels=channels, fc_out_channels=width)
    model = MODELS.build(cfg.model)
    three = measure(model, (64, 64), 'paper')
    model.roi_head.num_stages = 1
    one = measure(model, (64, 64), 'paper')
    pixels = 7 * 7 * channels
    # two shared layers and their ReLUs, 81 classes, a box for all classes
    rows = 1000 * (pixels * width + width**2 + 2 * width + (81 + 4) * width)
    assert three.flops - one.flops == 2 * rows
    assert three.parameters == sum(p.numel() for p in model.parameters())
    with_background_rows(model)  # boxes are of no class: nothing to add
    assert [head.fc_reg.out_features for head in model.roi_head.bbox_head] == [4, 4, 4]
