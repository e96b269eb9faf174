"""The RPN proposes the boxes that MMDetection 1.x proposed, in training and testing."""

import copy
import functools
from pathlib import Path

import mmdet_v1_reference as v1
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

CONFIGS = Path(__file__).parents[2] / 'configs'
CHANNELS = 8
SHAPE, PADDED = (250, 330), (256, 352)


def rpn_head(**parts) -> dict:
    return dict(rpn_head={part: dict(type=name) for part, name in parts.items()})


def rpn_proposal(**settings) -> dict:
    return dict(train_cfg=dict(rpn_proposal=settings))


# What is put back, and how many of the 2000 boxes are then lost
PUT_BACK = [
    (rpn_head(bbox_coder='DeltaXYWHBBoxCoder'), 2000),
    (rpn_head(bbox_coder='LegacyDeltaXYWHBBoxCoder'), 1997),
    (rpn_head(anchor_generator='AnchorGenerator'), 1997),
    (rpn_proposal(nms=dict(offset=0)), 36),
    (rpn_proposal(min_bbox_size=0), 108),
    (rpn_proposal(max_per_img=1000), 1000),
    (rpn_proposal(nms_pre=1000), 578),
]


@pytest.mark.parametrize(('use', 'limit'), [('train', 2000), ('test', 1000)])
def test_proposals_are_those_of_1x(use, limit):
    found, expected = proposals(use, {}), by_1x(limit)
    assert len(found) == len(expected) == limit
    assert lost(expected, found) == lost(found, expected) == 0
    in_place = abs(found - expected).max(axis=1) < 1e-3
    assert in_place.mean() > 0.99  # the best first, but for equal scores


@pytest.mark.parametrize(('part', 'count'), PUT_BACK)
def test_each_part_of_today_shows(part, count):
    missing = lost(by_1x(2000), proposals('train', part))
    assert missing == pytest.approx(count, rel=0.1)


def lost(boxes: np.ndarray, among: np.ndarray) -> int:
    """How many boxes have none within 0.001 pixels."""
    pair = torch.from_numpy(boxes), torch.from_numpy(among)
    distances = torch.cdist(*pair, p=torch.inf)
    return int((distances.amin(1) > 1e-3).sum())


@torch.inference_mode()
def proposals(use: str, changes: dict) -> np.ndarray:
    """(N, 4) by the paper's config, but for the changes to its model."""
    model = Config(Config.fromfile(CONFIGS / 'faster_rcnn_r50.py').model)
    model.merge_from_dict(copy.deepcopy(changes))
    cfgs = dict(train=model.train_cfg.rpn_proposal, test=model.test_cfg.rpn)
    small = dict(in_channels=CHANNELS, feat_channels=CHANNELS)
    head = MODELS.build({**model.rpn_head, **small})
    head.load_state_dict(weights())
    (result,) = head.predict_by_feat(
        *head(features()), batch_img_metas=[dict(img_shape=SHAPE)], cfg=cfgs[use]
    )
    return result.bboxes.double().numpy()


@functools.cache
@torch.inference_mode()
def by_1x(limit: int) -> np.ndarray:
    state = {f'rpn_head.{key}': value for key, value in weights().items()}
    return v1.proposals(state, features(), SHAPE, limit)


@functools.cache
def weights() -> dict[str, torch.Tensor]:
    """Random; boxes move and grow so much that some leave the image."""
    random = torch.Generator().manual_seed(0)
    rows = dict(rpn_conv=(CHANNELS, 3, 1.4), rpn_cls=(3, 1, 1), rpn_reg=(12, 1, 0.5))
    state = {}
    for name, (outputs, kernel, gain) in rows.items():
        shape = outputs, CHANNELS, kernel, kernel
        inputs = CHANNELS * kernel**2
        weight = torch.randn(shape, generator=random) * gain / inputs**0.5
        state[f'{name}.weight'] = weight
        state[f'{name}.bias'] = torch.randn(outputs, generator=random) / 10
    return state


@functools.cache
def features() -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    cells = [[-(-size // stride) for size in PADDED] for stride in (4, 8, 16, 32, 64)]
    return [torch.randn(1, CHANNELS, *size, generator=random) for size in cells]
