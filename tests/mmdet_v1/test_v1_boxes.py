"""Boxes that include their last pixel: coded, compared, and taken as candidates."""

import math

import pytest
import torch
from mmdet.registry import MODELS, TASK_UTILS
from mmengine.config import ConfigDict

from eca_mm.mmdet_v1 import V1BboxOverlaps2D, V1DeltaXYWHBBoxCoder

# 10 x 20 pixels, and 20 x 10 whose middle is 15 pixels right and 10 up
BOX, OBJECT = [0.0, 0, 9, 19], [10.0, -5, 29, 4]
DELTAS = [15 / 10, -10 / 20, math.log(2), -math.log(2)]


def test_deltas_both_ways():
    coder = V1DeltaXYWHBBoxCoder(target_stds=(0.1, 0.1, 0.2, 0.2))
    box, aim = torch.tensor([BOX]), torch.tensor([OBJECT])
    deltas = coder.encode(box, aim)
    expected = torch.tensor([DELTAS]) / torch.tensor([0.1, 0.1, 0.2, 0.2])
    torch.testing.assert_close(deltas, expected)
    torch.testing.assert_close(coder.decode(box, deltas), aim)
    inside = coder.decode(box, deltas, max_shape=(40, 25))
    torch.testing.assert_close(inside, torch.tensor([[10.0, 0, 24, 4]]))


def test_growth_has_a_limit():
    """1000 / 16 times, also where boxes are clipped: 1.x clipped in training too."""
    box = V1DeltaXYWHBBoxCoder().decode(torch.tensor([BOX]), torch.full((1, 4), 9.0))
    size = box[0, 2:] - box[0, :2] + 1
    torch.testing.assert_close(size, torch.tensor([10.0, 20]) * 62.5)


@pytest.mark.parametrize(
    ('mode', 'expected'), [('iou', 6 / (9 + 20 - 6)), ('iof', 6 / 9)]
)
def test_overlaps_count_the_last_pixel(mode, expected):
    """3 x 3 and 4 x 5 pixels share 3 x 2; boxes side by side share none."""
    overlaps = TASK_UTILS.build(dict(type='V1BboxOverlaps2D'))
    assert isinstance(overlaps, V1BboxOverlaps2D)
    ones = torch.tensor([[0.0, 0, 2, 2], [5, 5, 5, 5]])
    others = torch.tensor([[0.0, 1, 3, 5], [3, 0, 4, 2], [5, 5, 5, 5]])
    found = overlaps(ones, others, mode)
    torch.testing.assert_close(found, torch.tensor([[expected, 0, 0], [0, 0, 1.0]]))
    pairs = overlaps(ones, others[[0, 2]], mode, is_aligned=True)
    torch.testing.assert_close(pairs, torch.tensor([expected, 1.0]))
    assert overlaps(ones[:0], others, mode).shape == (0, 3)
    with_scores = torch.cat([others, torch.rand(3, 1)], dim=1)
    assert torch.equal(overlaps(ones, with_scores, mode), found)


@pytest.mark.parametrize(
    ('head', 'nms_pre', 'expected'),
    [
        # Anchors 0 and 2 are the best two by their best class; 1 and 3 drop out whole.
        ('V1RetinaHead', 2, [(0, 0, 0.9), (0, 1, 0.8), (2, 1, 0.7)]),
        ('V1RetinaHead', 9, [(0, 0, 0.9), (0, 1, 0.8), (2, 1, 0.7), (1, 0, 0.6)]),
        # Today anchor 2 is lost, because two classes of anchor 0 are better.
        ('RetinaHead', 2, [(0, 0, 0.9), (0, 1, 0.8)]),
    ],
)
def test_candidates_are_anchors_with_all_their_classes(head, nms_pre, expected):
    """Of a row of four cells with one anchor each, and two classes."""
    scores = torch.tensor([[0.9, 0.8], [0.6, 0.01], [0.02, 0.7], [0.04, 0.01]])
    found = candidates(head, nms_pre, scores)
    assert [(place, label) for place, label, _ in found] == [
        (place, label) for place, label, _ in expected
    ]
    assert [score for *_, score in found] == pytest.approx([e[2] for e in expected])


def candidates(head: str, nms_pre: int, scores: torch.Tensor) -> list[tuple]:
    """(place of the anchor, label, score) of each detection, the best first."""
    head = MODELS.build(
        dict(
            type=head,
            num_classes=2,
            in_channels=1,
            feat_channels=1,
            anchor_generator=dict(
                type='LegacyAnchorGenerator',
                center_offset=0.5,
                strides=[8],
                ratios=[1.0],
                scales=[1],
            ),
            bbox_coder=dict(type='V1DeltaXYWHBBoxCoder'),
            test_cfg=ConfigDict(
                nms_pre=nms_pre,
                score_thr=0.05,
                nms=dict(type='nms', iou_threshold=0.5, offset=1),
                max_per_img=10,
                min_bbox_size=-1,
            ),
        )
    )
    # (W, C) -> (1, C, 1, W)
    logits = scores.logit().t()[None, :, None]
    (result,) = head.predict_by_feat(
        [logits],
        [torch.zeros(1, 4, 1, 4)],
        batch_img_metas=[dict(img_shape=(8, 32))],
    )
    places = [int(box[0]) // 8 for box in result.bboxes]
    return [*zip(places, result.labels.tolist(), result.scores.tolist(), strict=True)]
