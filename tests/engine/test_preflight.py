import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from eca_mm.backbones import ECAResNet
from eca_mm.checkpoints import store
from eca_mm.engine import RequestError, build_model, refuse_problems, show_problems
from eca_mm.engine.preflight import find_problems, initial_weights
from eca_mm.engine.preflight.config_parts import leaf_datasets
from eca_mm.engine.tta import apply_tta
from eca_mm.findings import ERROR, NOTE


@pytest.fixture
def cfg(repo, coco_root) -> Config:
    """The main config on the stand-in data, with nothing wrong."""
    cfg = Config.fromfile(repo / 'configs/eca_faster_rcnn_r50.py')
    cfg.model.backbone.update(init_cfg=None, frozen_stages=-1, norm_eval=False)
    shrink(cfg.model)
    cfg.param_scheduler[0].end = 5  # of 24 iterations
    cfg.work_dir = str(coco_root / 'work')
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = str(coco_root)
    ann_file = str(coco_root / 'annotations/instances_val2017.json')
    cfg.val_evaluator.ann_file = cfg.test_evaluator.ann_file = ann_file
    return cfg


def shrink(model) -> None:
    """A quarter of the width: each check takes a step of it."""
    model.backbone.base_channels = 16
    model.neck.update(in_channels=[64, 128, 256, 512], out_channels=16)
    model.rpn_head.update(in_channels=16, feat_channels=16)
    model.roi_head.bbox_roi_extractor.out_channels = 16
    model.roi_head.bbox_head.update(in_channels=16, fc_out_channels=32)


def problems(cfg: Config, splits=('train', 'val')) -> list[str]:
    """Lines of what is wrong; notes are not."""
    return [f.line() for f in find_problems(cfg, splits) if f.level != NOTE]


def edit_json(path, change) -> None:
    coco = json.loads(path.read_text())
    change(coco)
    path.write_text(json.dumps(coco))


def test_nothing_wrong(cfg):
    assert problems(cfg) == []
    refuse_problems(cfg, ('train', 'val', 'test'))


def test_no_data_root(cfg, tmp_path):
    cfg.train_dataloader.dataset.data_root = str(tmp_path / 'nowhere')
    (problem,) = problems(cfg)
    assert 'train data root' in problem and 'nowhere' in problem and 'README' in problem


def test_no_annotation_file(cfg, coco_root):
    (coco_root / 'annotations/instances_val2017.json').unlink()
    (problem,) = problems(cfg)
    assert 'val annotations' in problem and 'val2017.json not found' in problem


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('{"images": [', 'not valid JSON'),
        ('[]', 'no object with lists'),
        ('{"images": [], "annotations": []}', 'no list of categories'),
        ('{"images": {}, "annotations": [], "categories": []}', 'no list of images'),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}',
         "1 of 1 lack name (id 1)"),
        ('{"images": [], "annotations": [7], "categories": []}', 'are no object'),
    ],
)  # fmt: skip
def test_broken_annotation_file(cfg, coco_root, text, said):
    (coco_root / 'annotations/instances_train2017.json').write_text(text)
    problem, *_ = problems(cfg)
    assert said in problem and problem.startswith('train ')


def test_test_dev_has_no_annotations(cfg, coco_root):
    path = coco_root / 'annotations/instances_val2017.json'
    edit_json(path, lambda coco: coco.pop('annotations'))
    (problem,) = problems(cfg, ('test',))
    assert 'no object to detect' in problem and 'set format_only' in problem
    cfg.test_evaluator.update(format_only=True, outfile_prefix='results')
    assert problems(cfg, ('test',)) == []
    (problem,) = problems(cfg, ('val',))
    assert 'no list of annotations' in problem


def test_no_image_folder(cfg):
    cfg.train_dataloader.dataset.data_prefix.img = 'elsewhere/'
    (problem,) = problems(cfg)
    assert 'elsewhere not found' in problem


def test_images_of_other_annotations(cfg, coco_root):
    (coco_root / 'train2017/000000000000.jpg').unlink()
    (problem,) = problems(cfg)
    assert '1 of 4' in problem and 'not there: 000000000000.jpg:' in problem


def test_class_that_the_annotations_lack(cfg, coco_root):
    path = coco_root / 'annotations/instances_train2017.json'
    edit_json(path, lambda coco: coco['categories'][0].update(name='human'))
    (problem,) = problems(cfg)
    assert "'person'" in problem and '1 of 80' in problem and 'metainfo' in problem


def test_categories_in_another_order(cfg, coco_root):
    """mmdet counts labels in the file's order, and names them in the config's."""
    path = coco_root / 'annotations/instances_train2017.json'
    edit_json(path, lambda coco: coco['categories'].reverse())
    (problem,) = problems(cfg)
    assert "label 0 is 'toothbrush'" in problem and "'person' in the config" in problem


def test_images_of_another_size_or_unreadable(cfg, coco_root):
    folder = coco_root / 'train2017'
    path = coco_root / 'annotations/instances_train2017.json'
    edit_json(path, lambda coco: coco['images'][0].update(width=96, height=128))
    whole = (folder / '000000000001.jpg').read_bytes()
    (folder / '000000000001.jpg').write_bytes(whole[: len(whole) // 2])
    unreadable, size = [p for p in problems(cfg) if 'checked in' in p]
    assert '1 of 4' in unreadable and 'unreadable: 000000000001.jpg' in unreadable
    assert '(height, width 96, 128 instead of 128, 96)' in size


def test_head_of_another_size(cfg):
    cfg.model.roi_head.bbox_head.num_classes = 20
    train, val = problems(cfg)
    assert 'model.roi_head.bbox_head.num_classes is 20' in train and '80' in train


def test_released_weights_are_fetched_before_the_run(cfg, monkeypatch, tmp_path):
    monkeypatch.setenv('ECA_MM_HOME', str(tmp_path))
    monkeypatch.setenv('ECA_MM_OFFLINE', '1')
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint='ecanet://resnet18'
    )
    (problem,) = problems(cfg)
    assert 'eca_resnet18.pth' in problem and 'ECA_MM_OFFLINE' in problem
    assert 'https://drive.google.com' in problem and 'init_cfg=None' in problem

    def download(drive_id: str, out: Path) -> None:
        torch.save(ECAResNet(18, kernel_sizes).state_dict(), out)

    monkeypatch.delenv('ECA_MM_OFFLINE')
    monkeypatch.setattr(store, 'download', download)
    kernel_sizes = (3, 3, 3, 3)
    (problem,) = problems(cfg)
    assert 'kernel_sizes is [3, 3, 3, 3] instead of [3, 5, 7, 7]' in problem
    kernel_sizes = (3, 5, 7, 7)
    assert problems(cfg) == []
    assert (tmp_path / 'eca_resnet18.pth').is_file()


def test_released_detector_to_test(cfg, monkeypatch, tmp_path):
    monkeypatch.setenv('ECA_MM_HOME', str(tmp_path))
    cfg.load_from = 'ecanet-coco://faster_rcnn_r50'
    (tmp_path / 'eca_coco_faster_rcnn_r50.pth').write_text('<html>Quota exceeded')
    (problem,) = problems(cfg, ('test',))
    assert 'eca_coco_faster_rcnn_r50.pth is a web page' in problem


def test_initial_weights(cfg, monkeypatch, tmp_path):
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'absent.pth'))
    cfg.model.backbone.init_cfg = init_cfg
    (problem,) = problems(cfg)
    assert 'absent.pth not found' in problem
    torch.save({}, tmp_path / 'absent.pth')
    (problem,) = problems(cfg)
    assert 'holds no tensors' in problem and 'init_cfg=None' in problem
    state = build_model(cfg).backbone.state_dict()
    whole = {f'backbone.{name}': value for name, value in state.items()}
    torch.save(whole, tmp_path / 'absent.pth')
    (problem,) = problems(cfg)
    assert "give its init_cfg prefix='backbone.'" in problem
    cfg.model.backbone.init_cfg.prefix = 'backbone.'
    assert problems(cfg) == []
    init_cfg['checkpoint'] = 'torchvision://resnet50'
    cfg.model.backbone.init_cfg = init_cfg
    monkeypatch.setattr(initial_weights, 'find_spec', lambda name: None)
    (problem,) = problems(cfg)
    assert 'needs torchvision' in problem and 'init_cfg=None' in problem
    # A test run does not initialise.
    assert problems(cfg, ('test',)) == []


def test_checkpoint_to_load(cfg, tmp_path):
    cfg.load_from = 'absent.pth'
    (problem,) = problems(cfg)
    assert 'absent.pth not found' in problem
    cfg.load_from = str(tmp_path / 'hostile.pth')
    torch.save(dict(state_dict={}, code=problems), cfg.load_from)
    (problem,) = problems(cfg)
    assert 'hostile.pth asks for' in problem and 'problems' in problem


def test_datasets_inside_wrappers():
    leaf = dict(type='CocoDataset')
    repeated = dict(type='RepeatDataset', dataset=leaf)
    assert list(leaf_datasets(dict(datasets=[repeated, leaf]))) == [leaf, leaf]


def test_all_problems_at_once(cfg, tmp_path, capsys):
    cfg.load_from = 'absent.pth'
    cfg.train_dataloader.dataset.data_root = str(tmp_path / 'nowhere')
    with pytest.raises(RequestError) as every:
        refuse_problems(cfg, ('train', 'val'))
    assert len(every.value.args) == 2
    with pytest.raises(RequestError, match='2 things to fix'):
        show_problems(cfg, ('train', 'val'), with_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown['errors'], shown['warnings']) == (2, 0)
    errors = [f for f in shown['findings'] if f['level'] == ERROR]
    assert [f['part'] for f in errors] == ['checkpoint', 'data root']
    assert set(errors[1]) == {'level', 'part', 'subject', 'what', 'remedy'}
    assert errors[1]['subject'] == 'train' and 'nowhere' in errors[1]['what']


def test_only_the_first_rank_speaks(cfg, monkeypatch):
    cfg.load_from = 'absent.pth'
    monkeypatch.setenv('RANK', '1')
    refuse_problems(cfg, ('train', 'val'))


def test_checkpoint_to_test(cfg, tmp_path, capsys):
    """In the run a part is warned of, in the check it is an error; other models are."""
    cfg.load_from = str(tmp_path / 'epoch_1.pth')
    state = build_model(cfg).state_dict()
    torch.save(dict(state_dict=state), cfg.load_from)
    refuse_problems(cfg, ('test',))
    assert 'warning' not in capsys.readouterr().err
    del state['neck.lateral_convs.0.conv.bias']
    torch.save(dict(state_dict=state), cfg.load_from)
    refuse_problems(cfg, ('test',))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f'warning: checkpoint: {cfg.load_from} leaves parts of ')
    with pytest.raises(RequestError, match='1 thing to fix'):
        show_problems(cfg, ('test',))
    torch.save(dict(model=state), cfg.load_from)
    with pytest.raises(RequestError, match="lie under 'model'"):
        refuse_problems(cfg, ('test',))


@pytest.mark.parametrize('masks', [False, True])
def test_augmentation_at_test_time(repo, cfg, coco_root, masks):
    """Boxes go through the check; masks, which mmdet cannot merge, are one finding."""
    if masks:
        mask = Config.fromfile(repo / 'configs/eca_mask_rcnn_r50.py')
        head = mask.model.roi_head
        head.mask_roi_extractor.out_channels = 16
        head.mask_head.update(in_channels=16, conv_out_channels=16)
        cfg.model.roi_head.update(
            mask_roi_extractor=head.mask_roi_extractor, mask_head=head.mask_head
        )
        cfg.model.test_cfg = mask.model.test_cfg
        cfg.test_evaluator.metric = ['bbox', 'segm']
    cfg.test_dataloader.dataset.pipeline[-1].pop('meta_keys', None)
    apply_tta(cfg)
    found = problems(cfg, ('test',))
    assert ['merges boxes only' in line for line in found] == [True] * masks
