"""Of projects/own_data's config: difficult objects in training, and its pipelines."""

from pathlib import Path

import pytest
import torch
from mmdet.registry import DATASETS, TASK_UTILS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from small_sets import voc_set

REPO = Path(__file__).parents[2]
TEMPLATE = REPO / 'projects/own_data/configs/eca_faster_rcnn_r50.py'


@pytest.fixture
def cfg():
    init_default_scope('mmdet')
    return Config.fromfile(TEMPLATE)


@pytest.fixture
def sample(cfg, convert, tmp_path):
    """a.png of 64x48, a dog all over it and a difficult cat at [10, 5, 20, 25]."""
    root = voc_set(tmp_path)
    words = [root / 'images', root / 'xml', '--out', root / 'out']
    status, _, error = convert(*words, '--split', 'train', root / 'train.txt')
    assert status == 0, error
    data = cfg.train_dataloader.dataset
    data.update(data_root=str(root), ann_file='out/train.json')
    data.metainfo.classes = ('cat', 'dog')
    data.pipeline[2].scales = [(64, 48)]
    data.pipeline[3].prob = 0.0
    return DATASETS.build(data)[0]['data_samples']


@pytest.mark.parametrize('part', ['rpn', 'rcnn'])
def test_difficult_objects_are_not_background(cfg, sample, part):
    """The dog's share in small boxes is below every threshold: else all were 0."""
    (box,) = sample.ignored_instances.bboxes.tensor.tolist()
    assert box == [10, 5, 20, 25]
    priors = torch.tensor(
        [
            [10.0, 5, 20, 25],  # the cat itself
            [16.0, 5, 27, 15],  # 4/11 of it on the cat
            [14.0, 5, 24, 15],  # 6/10 of it
            [40.0, 30, 50, 40],  # elsewhere
            [0.0, 0, 64, 48],  # the dog
        ]
    )
    assigner = TASK_UTILS.build(cfg.model.train_cfg[part].assigner)
    truth = InstanceData(
        bboxes=sample.gt_instances.bboxes.tensor, labels=sample.gt_instances.labels
    )
    ignored = InstanceData(bboxes=sample.ignored_instances.bboxes.tensor)
    found = assigner.assign(InstanceData(priors=priors), truth, ignored)
    assert found.gt_inds.tolist() == [-1, 0, -1, 0, 1]
    # Where nothing else is to be found, the host ignores none: the guide says so.
    nothing = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0).long())
    found = assigner.assign(InstanceData(priors=priors), nothing, ignored)
    assert found.gt_inds.tolist() == [0] * 5


def test_the_pipelines_to_change_are_those_in_use(cfg):
    base = Config.fromfile(REPO / 'configs/modern/faster_rcnn_r50.py')
    for data in (cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        assert data.pipeline == cfg.test_pipeline
        for step, other in zip(data.pipeline, base.test_pipeline, strict=True):
            alone = {'backend_args', '_scope_'}
            assert step == {k: v for k, v in other.items() if k not in alone}
    assert cfg.train_dataloader.dataset.pipeline == cfg.train_pipeline
    names = [line.split(' = ')[0] for line in TEMPLATE.read_text().splitlines()]
    assert {'train_pipeline', 'test_pipeline'} <= set(names)
