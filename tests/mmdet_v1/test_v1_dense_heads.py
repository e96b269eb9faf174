"""RPN and RetinaNet learn what MMDetection 1.x taught them."""

import copy
import functools
from pathlib import Path

import numpy as np
import pytest
import torch
import v1_dense_heads as v1
from mmdet.models.dense_heads import AnchorHead
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.structures import InstanceData
from v1_sampler import EvenSampler

CONFIGS = Path(__file__).parents[2] / 'configs'
HEADS = {'rpn': v1.RPN, 'retinanet': v1.RETINANET}
CHANNELS = 8
# (height, width) of two images as they come from COCO's 640 x 480, each padded to
# multiples of 32, and of the batch that holds both.
SHAPES = [((800, 1067), (800, 1088)), ((1067, 800), (1088, 800))]
BATCH = (1088, 1088)
TOLERANCE = 1e-5


def today(part: str, name: str) -> dict:
    return {part: dict(type=name)}


def train_cfg(**settings) -> dict:
    return dict(train_cfg=settings)


CODER = today('bbox_coder', 'DeltaXYWHBBoxCoder')
ANCHORS = today('anchor_generator', 'AnchorGenerator')
AT_CORNERS = dict(anchor_generator=dict(type='AnchorGenerator', center_offset=0))
L1 = dict(loss_bbox=dict(_delete_=True, type='L1Loss', loss_weight=1.0))
BETA_1 = dict(loss_bbox=dict(beta=1.0))
OVERLAPS = train_cfg(assigner=today('iou_calculator', 'BboxOverlaps2D'))
BORDER = {border: train_cfg(allowed_border=border) for border in (-1, 0)}
HIGH_QUALITY = train_cfg(assigner=dict(match_low_quality=False))

# What is put back into which head, and by how much the largest class loss and box loss
# of a level and the largest gradient then differ, each in relation to its size.
PUT_BACK = [
    ('rpn', CODER, (0, 0.00238, 0.0528)),
    ('rpn', ANCHORS, (0.101, 0.336, 1)),
    ('rpn', AT_CORNERS, (0.0527, 0.391, 1)),
    ('rpn', L1, (0, 0.0474, 0.162)),
    ('rpn', BETA_1, (0, 0.284, 0.319)),
    ('rpn', OVERLAPS, (0.0859, 0.202, 0.794)),
    ('rpn', BORDER[-1], (0.0496, 0.107, 0.88)),
    ('rpn', HIGH_QUALITY, (0.249, 0.963, 1)),
    ('retinanet', CODER, (0, 0.0219, 0.0425)),
    ('retinanet', ANCHORS, (0.336, 0.284, 0.336)),
    ('retinanet', AT_CORNERS, (0.362, 0.1, 0.361)),
    ('retinanet', L1, (0, 0.0479, 0.0265)),
    ('retinanet', dict(loss_bbox=dict(beta=1 / 9)), (0, 0.000474, 0.00028)),
    ('retinanet', OVERLAPS, (0.0274, 0.123, 0.157)),
    ('retinanet', BORDER[0], (0.0212, 0.109, 0.606)),
    ('retinanet', HIGH_QUALITY, (1.99, 0.568, 1.99)),
]


@pytest.mark.parametrize('objects', ['all sizes', 'one pixel'])
@pytest.mark.parametrize('name', HEADS)
def test_losses_and_gradients_are_those_of_1x(name, objects):
    """Also where no anchor is a thin object's: its image counts one all the same."""
    assert max(differences(name, objects, {})) < TOLERANCE


@pytest.mark.parametrize(('name', 'part', 'expected'), PUT_BACK)
def test_each_part_of_today_shows(name, part, expected):
    found = differences(name, 'all sizes', part)
    assert max(found) > 10 * TOLERANCE
    assert found == pytest.approx(expected, rel=0.05, abs=TOLERANCE)


def test_mask_rcnn_has_the_same_rpn():
    faster, mask = (
        Config.fromfile(CONFIGS / f'{name}_rcnn_r50.py').model
        for name in ('faster', 'mask')
    )
    assert faster.rpn_head == mask.rpn_head
    assert faster.test_cfg.rpn == mask.test_cfg.rpn
    for part in ('rpn', 'rpn_proposal'):
        assert faster.train_cfg[part] == mask.train_cfg[part]


def differences(name: str, objects: str, changes: dict) -> tuple[float, ...]:
    """Of class losses, box losses and gradients, the largest, over the largest value.

    Args:
        changes: What the head's config is given besides.
    """
    head = build(name, changes)
    state, feats, images, *expected = by_1x(name, objects)
    head.load_state_dict(state)
    feats = [feat.clone().requires_grad_() for feat in feats]
    metas = [dict(img_shape=image[2], pad_shape=image[3]) for image in images]
    truth = [
        InstanceData(bboxes=torch.from_numpy(boxes), labels=torch.from_numpy(labels))
        for boxes, labels, *_ in images
    ]
    losses = head.loss_by_feat(*head(feats), truth, metas)
    of_box, of_class = (losses[key] for key in sorted(losses))
    sum(of_box + of_class).backward()
    found = of_class, of_box, [feat.grad for feat in feats]
    return tuple(map(difference, found, expected))


def difference(found: list[torch.Tensor], expected: list[np.ndarray]) -> float:
    """The largest of all levels, over the largest value."""
    pairs = zip(found, expected, strict=True)
    apart = max(np.abs(ours.detach().numpy() - theirs).max() for ours, theirs in pairs)
    return apart / max(np.abs(theirs).max() for theirs in expected)


@functools.cache
def by_1x(name: str, objects: str) -> tuple:
    """Weights, features, images, and what 1.x makes of them."""
    random = torch.Generator().manual_seed(0)
    state = build(name, {}).state_dict()
    for value in state.values():
        gain = (2 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1
        value.normal_(0, gain, generator=random)
    strides = [HEADS[name].first_stride * 2**level for level in range(5)]
    feats = [
        torch.randn(
            2, CHANNELS, *(-(-size // stride) for size in BATCH), generator=random
        )
        for stride in strides
    ]
    images = [image(name, objects, index) for index in range(2)]
    losses = v1.losses(HEADS[name], state, feats, images)
    return state, feats, images, *losses


def build(name: str, changes: dict) -> AnchorHead:
    """The head of the paper's config, with few channels and classes."""
    small = dict(in_channels=CHANNELS, feat_channels=CHANNELS)
    if name == 'rpn':
        model = Config.fromfile(CONFIGS / 'faster_rcnn_r50.py').model
        cfg = dict(model.rpn_head, train_cfg=model.train_cfg.rpn, **small)
        cfg['train_cfg'].sampler.type = EvenSampler
    else:
        model = Config.fromfile(CONFIGS / 'retinanet_r50.py').model
        small['num_classes'] = v1.RETINANET.classes
        cfg = {**model.bbox_head, **small, 'train_cfg': model.train_cfg}
    cfg = Config(cfg)
    cfg.merge_from_dict(copy.deepcopy(changes))  # it takes _delete_ out
    return MODELS.build(cfg._cfg_dict)


def image(name: str, objects: str, index: int) -> tuple:
    """Boxes (24, 4) of 4 to 700 pixels, labels (24,), and the image's shapes.

    The first two overlap by half, the third ends with the image. In the second image,
    ``'one pixel'`` is the only object instead.
    """
    random = np.random.default_rng(index)
    shape, padded = SHAPES[index]
    size = np.exp(random.uniform(np.log(4), np.log(700), (24, 2)))
    first = random.uniform(0, 1, (24, 2)) * (800 - size)
    size[1], first[1] = size[0], first[0] + size[0] / 6
    first[2] = np.array(shape)[::-1] - size[2]
    boxes = np.hstack([first, first + size - 1]).astype(np.float32)
    labels = random.integers(0, HEADS[name].classes, 24)
    if objects == 'one pixel' and index == 1:
        boxes, labels = np.array([[300, 200, 300, 203]], np.float32), labels[:1]
    return boxes, labels, shape, padded
