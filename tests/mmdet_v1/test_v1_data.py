"""Ground truth by 1.x's rules, against numbers computed by hand."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmdet.datasets import CocoDataset
from mmdet.models.test_time_augs import DetTTAModel
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope

from eca_mm.engine.tta import apply_tta
from eca_mm.mmdet_v1 import V1DetTTAModel

WIDTH, HEIGHT = 97, 61
# x, y, width, height: with fractions, at the right edge, beyond two edges
BOXES = ([10.5, 20, 30, 25.25], [60, 5, 37, 9], [50, 40, 60, 30])
SCALE = (200, 100)  # 100 / 61 is the smaller factor, and 97 * 100 / 61 = 159.02
FACTOR = 100 / 61


@pytest.fixture
def build(tmp_path):
    """A data set of an image with BOXES, and one with nothing but a crowd."""
    init_default_scope('mmdet')
    polygons = {box: as_polygon(*box) for box in map(tuple, BOXES)}
    annotations = [
        dict(id=i, image_id=1, bbox=box, area=99, iscrowd=0, segmentation=polygons[box])
        for i, box in enumerate(polygons, 1)
    ]
    crowd = dict(size=[HEIGHT, WIDTH], counts=[0, HEIGHT * WIDTH])
    annotations.append(
        dict(id=9, image_id=2, bbox=[5, 5, 20, 20], area=400, iscrowd=1)
        | dict(segmentation=crowd)
    )
    images = [
        dict(id=i, file_name=f'{i}.png', width=WIDTH, height=HEIGHT) for i in (1, 2)
    ]
    for image in images:
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(tmp_path / image['file_name']), pixels)
    coco = dict(
        images=images,
        categories=[dict(id=1, name='thing')],
        annotations=[dict(entry, category_id=1) for entry in annotations],
    )
    (tmp_path / 'all.json').write_text(json.dumps(coco))

    def dataset(*steps: dict, **kwargs) -> CocoDataset:
        return CocoDataset(
            ann_file='all.json',
            data_root=str(tmp_path),
            data_prefix=dict(img=''),
            metainfo=dict(classes=('thing',)),
            filter_cfg=dict(filter_empty_gt=True, min_size=32),
            pipeline=[dict(type='LoadImageFromFile'), *steps],
            **kwargs,
        )

    return dataset


def as_polygon(x, y, w, h):
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


LOAD = dict(type='V1LoadAnnotations', with_mask=True)
RESIZE = dict(type='V1Resize', scale=SCALE, keep_ratio=True)
FLIP = dict(type='V1RandomFlip', prob=1.0)
PACK = dict(type='PackDetInputs')


def boxes_of(packed) -> np.ndarray:
    return packed['data_samples'].gt_instances.bboxes.numpy()


def by_hand() -> np.ndarray:
    """Last pixels, times 100 / 61, up to the last pixel of 159 x 100, mirrored."""
    last = [[10.5, 20, 39.5, 44.25], [60, 5, 96, 13], [50, 40, 109, 69]]
    x1, y1, x2, y2 = FACTOR * np.array(last).T
    x2, y2 = np.minimum(x2, 158), np.minimum(y2, 99)
    return np.stack([158 - x2, y1, 158 - x1, y2], axis=1)


def test_boxes_of_a_scaled_mirror_image(build):
    packed = build(LOAD, RESIZE, FLIP, PACK)[0]
    assert packed['inputs'].shape == (3, 100, 159)
    np.testing.assert_allclose(boxes_of(packed), by_hand(), atol=1e-4)
    meta = packed['data_samples'].metainfo
    assert meta['scale_factor'] == (FACTOR, FACTOR)
    assert meta['flip'] and meta['img_shape'] == (100, 159)


@pytest.mark.parametrize(
    ('place', 'part', 'difference'),
    [
        (0, 'LoadAnnotations', FACTOR),  # a pixel, and scaled
        (1, 'Resize', 1),  # up to w; and 159 / 97 is 1.6392, not 1.6393: 0.016 pixels
        (2, 'RandomFlip', 1),
    ],
)
def test_each_of_todays_steps_gives_other_boxes(build, place, part, difference):
    steps = [LOAD, RESIZE, FLIP, PACK]
    steps[place] = dict(steps[place], type=part)
    off = abs(boxes_of(build(*steps)[0]) - by_hand()).max()
    assert off == pytest.approx(difference, abs=0.02)


def test_todays_scale_factors_move_boxes_even_inside(build):
    todays = boxes_of(build(LOAD, dict(RESIZE, type='Resize'), PACK)[0])[0]
    ours = boxes_of(build(LOAD, RESIZE, PACK)[0])[0]
    x = np.array([10.5, 39.5])
    np.testing.assert_allclose(todays[::2], x * 159 / 97, atol=1e-4)
    np.testing.assert_allclose(ours[::2], x * 100 / 61, atol=1e-4)
    np.testing.assert_allclose(todays[1::2], ours[1::2], atol=1e-4)


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
@pytest.mark.parametrize('box_type', ['hbox', None])
def test_a_box_names_the_first_and_last_pixel_of_its_mask(build, direction, box_type):
    """Of the second box, which is whole and inside, and in the mirror image too."""
    load = dict(LOAD, box_type=box_type)
    steps = build(load, dict(FLIP, direction=direction)).pipeline
    results = steps(build().get_data_info(0))
    rows, columns = np.nonzero(results['gt_masks'].masks[1])
    seen = [columns.min(), rows.min(), columns.max(), rows.max()]
    boxes = results['gt_bboxes']
    boxes = boxes if box_type is None else boxes.numpy()
    np.testing.assert_array_equal(boxes[1], seen)
    # The matrix takes the corner of the box before to its place.
    corner = results['homography_matrix'] @ [60, 5, 1]
    assert corner[0] in seen[::2] and corner[1] in seen[1::2]


def test_without_keep_ratio_x_and_y_have_their_own_factors(build):
    packed = build(LOAD, dict(RESIZE, keep_ratio=False), PACK)[0]
    assert packed['data_samples'].scale_factor == (200 / 97, 100 / 61)
    np.testing.assert_allclose(
        boxes_of(packed)[2], np.minimum([50 * 200 / 97, 40 * FACTOR, 199, 99], 199)
    )


def test_another_image_is_taken_for_one_of_crowds_alone(build):
    data = build(LOAD, PACK, max_refetch=50)
    assert len(data) == 2
    assert data[1]['data_samples'].img_id == 1
    every = build(dict(LOAD, skip_img_without_anno=False), PACK)
    sample = every[1]['data_samples']
    assert sample.img_id == 2 and len(sample.gt_instances) == 0
    ignored = sample.ignored_instances.bboxes.numpy()
    np.testing.assert_array_equal(ignored, [[5, 5, 24, 24]])


@pytest.mark.parametrize(('kind', 'off'), [(V1DetTTAModel, 0), (DetTTAModel, 1)])
def test_mirrored_detections_are_mirrored_back(kind, off):
    """Today's way is a pixel off."""
    seen = torch.tensor([[10.0, 5, 29, 14]])
    mirrored = torch.tensor([[97 - 1 - 29.0, 5, 97 - 1 - 10, 14]])
    metas = [
        dict(ori_shape=(HEIGHT, WIDTH), flip=flip, flip_direction='horizontal')
        for flip in (True, False)
    ]
    scores = [torch.tensor([0.5]), torch.tensor([0.6])]
    model = kind(module=Detector(), tta_cfg=dict())
    boxes, merged = model.merge_aug_bboxes([mirrored, seen], scores, metas)
    torch.testing.assert_close(boxes[0], seen[0] + torch.tensor([off, 0, off, 0]))
    torch.testing.assert_close(boxes[1], seen[0])
    assert merged.tolist() == pytest.approx([0.5, 0.6])


@pytest.mark.parametrize('name', ['faster_rcnn_r50', 'retinanet_r101'])
def test_the_papers_rows_merge_mirror_images_by_this_rule(name, repo):
    cfg = Config.fromfile(repo / f'configs/{name}.py')
    apply_tta(cfg)
    assert cfg.model.type == 'V1DetTTAModel'
    assert cfg.model.tta_cfg.nms.offset == 1


class Detector(BaseModel):
    def forward(self, *args, **kwargs):
        raise NotImplementedError
