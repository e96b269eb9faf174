"""R-CNN and mask head learn what MMDetection 1.x taught them."""

import copy
import functools
from pathlib import Path

import numpy as np
import pytest
import torch
import v1_rcnn as v1
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.structures import InstanceData
from v1_sampler import EvenSampler

REPO = Path(__file__).parents[2]
CHANNELS = 8
CLASSES = 5
HEIGHT, WIDTH = SHAPE = 512, 640
TOLERANCE = 1e-5
KINDS = ('loss_cls', 'loss_bbox', 'loss_mask', 'gradient')

TODAYS_ROI_ALIGN = dict(
    type='SingleRoIExtractor',
    roi_layer=dict(type='RoIAlign', sampling_ratio=0, aligned=True),
)
UNALIGNED = dict(
    type='SingleRoIExtractor',
    roi_layer=dict(type='RoIAlign', sampling_ratio=2, aligned=False),
)
TODAYS_OVERLAPS = dict(assigner=dict(iou_calculator=dict(type='BboxOverlaps2D')))
ALL_SAMPLES = dict(roi_layer=dict(sampling_ratio=0))
# What is put back, and by how much each of KINDS then differs, in relation to its size.
PUT_BACK = [
    (dict(bbox_head=dict(bbox_coder=dict(type='DeltaXYWHBBoxCoder'))),
     0, 0.0361, 0, 0.0277),
    (dict(bbox_head=dict(loss_bbox=dict(_delete_=True, type='L1Loss'))),
     0, 0.704, 0, 0.0196),
    (dict(train_cfg=dict(assigner=dict(match_low_quality=False))),
     6.23e-05, 5.47e-05, 0.000168, 0.00383),
    (dict(train_cfg=TODAYS_OVERLAPS), 0.000258, 0.0131, 0.000714, 0.0489),
    (dict(bbox_roi_extractor=TODAYS_ROI_ALIGN), 0.0763, 0.0342, 0, 1.03),
    (dict(bbox_roi_extractor=UNALIGNED), 0.0775, 0.00239, 0, 1.07),
    (dict(bbox_roi_extractor=ALL_SAMPLES), 0.00318, 0.0473, 0, 0.0199),
    (dict(mask_roi_extractor=TODAYS_ROI_ALIGN), 0, 0, 0.000229, 0.00665),
    (dict(mask_roi_extractor=UNALIGNED), 0, 0, 0.000674, 0.00264),
    (dict(mask_roi_extractor=ALL_SAMPLES), 0, 0, 0.00065, 0.000401),
    (dict(mask_head=dict(type='FCNMaskHead')), 0, 0, 0.000841, 0.00231),
]  # fmt: skip


def test_losses_and_gradients_are_those_of_1x():
    assert max(differences({})) < TOLERANCE


def test_without_a_mask_head():
    boxes_only = dict(mask_head=None, mask_roi_extractor=None)
    assert max(differences(boxes_only)) < TOLERANCE


@pytest.mark.parametrize(('part', 'expected'), [(p, tuple(d)) for p, *d in PUT_BACK])
def test_each_part_of_today_shows(part, expected):
    found = differences(part)
    assert max(found) > 10 * TOLERANCE
    assert found == pytest.approx(expected, rel=0.1, abs=TOLERANCE)


def differences(changes: dict) -> tuple[float, ...]:
    """Of each of KINDS, in relation to its size; 0 of what is not there.

    In float64: in float32 some ReLU lies so near zero that rounding takes it to its
    other side, which changes the gradients of a RoI's cells.

    Args:
        changes: What the head's config is given besides.
    """
    head = build(changes).double()
    state, feats, images, proposals = case()
    state = {key: state[key] for key in head.state_dict()}
    head.load_state_dict(state)
    expected, gradients = by_1x(head.with_mask)
    feats = [feat.clone().requires_grad_() for feat in feats]
    given = [
        InstanceData(bboxes=torch.from_numpy(boxes).double()) for boxes in proposals
    ]
    losses = head.loss(tuple(feats), given, [as_sample(*image) for image in images])
    losses.pop('acc')
    sum(losses.values()).backward()
    off = {key: abs(losses[key].item() / expected[key] - 1) for key in losses}
    assert off.keys() == expected.keys()
    off['gradient'] = v1.gradient_difference(
        [feat.grad.numpy() for feat in feats], gradients
    )
    return tuple(off.get(kind, 0.0) for kind in KINDS)


@functools.cache
def by_1x(with_mask: bool) -> tuple:
    state, *rest = case()
    return v1.losses(
        {key: state[key] for key in state if with_mask or 'mask' not in key}, *rest
    )


@functools.cache
def case() -> tuple:
    """Weights, features, and of two images ground truth and proposals."""
    random = torch.Generator().manual_seed(0)
    state = build({}).state_dict()
    for value in state.values():
        gain = (2 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1
        value.normal_(0, gain, generator=random)
    state = {key: value.double() for key, value in state.items()}
    feats = [
        torch.randn(2, CHANNELS, HEIGHT // s, WIDTH // s, generator=random).double()
        + 0.5
        for s in (4, 8, 16, 32)
    ]
    images = [objects(np.random.default_rng(index)) for index in range(2)]
    proposals = [
        near_and_far(image[0], np.random.default_rng(index))
        for index, image in enumerate(images, 2)
    ]
    return state, feats, images, proposals


def build(changes: dict) -> StandardRoIHead:
    """The RoI head of the paper's Mask R-CNN, with few channels and classes."""
    model = Config.fromfile(REPO / 'configs/mask_rcnn_r50.py').model
    cfg = Config(dict(model.roi_head, train_cfg=model.train_cfg.rcnn, test_cfg=None))
    few = dict(in_channels=CHANNELS, num_classes=CLASSES)
    cfg.merge_from_dict(
        dict(
            bbox_roi_extractor=dict(out_channels=CHANNELS),
            mask_roi_extractor=dict(out_channels=CHANNELS),
            bbox_head=dict(few, fc_out_channels=32),
            mask_head=dict(few, conv_out_channels=CHANNELS),
        )
    )
    cfg.merge_from_dict(copy.deepcopy(changes))  # it takes _delete_ out
    cfg.train_cfg.sampler.type = EvenSampler
    return MODELS.build(cfg._cfg_dict)


def objects(random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Boxes (20, 4) of 4 to 500 pixels, labels, and round bitmaps of another middle.

    The first two overlap by two thirds, the third ends with the image.
    """
    size = np.exp(random.uniform(np.log(4), np.log(500), (20, 2)))
    first = random.uniform(0, 1, (20, 2)) * ([WIDTH, HEIGHT] - size)
    size[:2], first[0], first[1] = [200, 90], [20, 30], [60, 30]
    first[2] = [WIDTH, HEIGHT] - size[2]
    boxes = np.hstack([first, first + size - 1]).astype(np.float32)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    bitmaps = [
        ((x - u - w * 0.45) / w) ** 2 + ((y - v - h * 0.55) / h) ** 2 < 0.2
        for (u, v), (w, h) in zip(first, size, strict=True)
    ]
    labels = random.integers(0, CLASSES, 20)
    return boxes, labels, np.array(bitmaps, np.uint8)


def near_and_far(boxes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Proposals: 12 near each object, one both first two want, and 150 anywhere."""
    size = (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]
    moved = boxes[:, None] + random.normal(0, 0.12, (20, 12, 4)) * np.tile(size, 2)
    moved[:2] += 1000  # away from those two
    anywhere = np.sort(random.uniform(0, 1, (150, 2, 2)), axis=1).reshape(150, 4)
    anywhere = anywhere * np.tile([WIDTH, HEIGHT], 2)
    wanted = [[35, 30, 230, 119]]  # the first has more of it, the second takes it
    boxes = np.vstack([moved.reshape(-1, 4), wanted, anywhere])
    boxes = boxes.clip(0, np.tile([WIDTH - 1, HEIGHT - 1], 2))
    return boxes.astype(np.float32)


def as_sample(
    boxes: np.ndarray, labels: np.ndarray, bitmaps: np.ndarray
) -> DetDataSample:
    sample = DetDataSample(metainfo=dict(img_shape=SHAPE))
    sample.gt_instances = InstanceData(
        bboxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(labels),
        masks=BitmapMasks(bitmaps, HEIGHT, WIDTH),
    )
    return sample
