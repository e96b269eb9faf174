"""The losses of RPN and RetinaNet in MMDetection 1.x, rewritten in numpy, float64.

Settings are those of 1.x's configs for COCO. Only the heads' convolutions are torch's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import mmdet_v1_reference as v1
import numpy as np
import torch
import v1_targets as targets


@dataclass(frozen=True)
class Head:
    """What a head compares with what."""

    outputs: Callable  # (state, features of a level) -> logits, deltas
    scales: tuple[float, ...]  # of anchors, in strides
    first_stride: int
    classes: int
    thresholds: tuple[float, float, float]  # positive, negative, least for the best
    border: bool  # whether anchors that leave the image are left out
    sample: int | None  # anchors of an image, at most half of them positive; else all
    loss: Callable
    beta: float


def rpn(state, x):
    x = v1.layer(state, 'rpn_conv', x, padding=1).relu()
    return v1.layer(state, 'rpn_cls', x), v1.layer(state, 'rpn_reg', x)


def retina(state, x):
    outputs = []
    for branch in ('cls', 'reg'):
        y = x
        for i in range(4):
            y = v1.layer(state, f'{branch}_convs.{i}.conv', y, padding=1).relu()
        outputs.append(v1.layer(state, f'retina_{branch}', y, padding=1))
    return outputs


RPN = Head(rpn, (8,), 4, 1, (0.7, 0.3, 0.3), True, 256, targets.cross_entropy, 1 / 9)
RETINANET = Head(
    retina, v1.OCTAVES, 8, 5, (0.5, 0.4, 0), False, None, targets.focal, 0.11
)


def losses(head, state, feats, images):
    """Class losses (L,) and box losses (L,) of the levels, gradients at the features.

    Args:
        feats: (B, C, H, W) of each level.
        images: Of each, boxes (G, 4), labels (G,) from 0, (height, width), and the same
            of the padded image.
    """
    feats = [feat.detach().requires_grad_() for feat in feats]
    maps = [head.outputs(state, feat) for feat in feats]
    logits, deltas = (
        np.concatenate([rows(pair[kind], columns) for pair in maps], axis=1)
        for kind, columns in ((0, head.classes), (1, 4))
    )
    truth, weight, aim, positive, count = learnt(head, feats, images)
    of_class, class_slopes = head.loss(logits, truth) * weight / count
    of_box, box_slopes = targets.smooth_l1(deltas - aim, head.beta) * positive / count

    sizes = [feat.shape[2] * feat.shape[3] * 3 * len(head.scales) for feat in feats]
    ends = np.cumsum(sizes)[:-1]
    for kind, slopes in enumerate((class_slopes, box_slopes)):
        for pair, slope in zip(maps, np.split(slopes, ends, axis=1), strict=True):
            pair[kind].backward(as_map(slope, pair[kind]), retain_graph=True)
    return (
        [level.sum() for level in np.split(of_class, ends, axis=1)],
        [level.sum() for level in np.split(of_box, ends, axis=1)],
        [feat.grad.numpy() for feat in feats],
    )


def learnt(head, feats, images):
    """What each image's anchors learn, (B, N, ...), and what divides the losses."""
    strides = [head.first_stride * 2**i for i in range(len(feats))]
    cells = [feat.shape[2:] for feat in feats]
    anchors = np.concatenate(
        [
            v1.anchors(stride, head.scales, *size)
            for stride, size in zip(strides, cells, strict=True)
        ]
    )
    of_images, count = [], 0
    for image in images:
        valid = [
            begins_inside(stride, size, 3 * len(head.scales), image[3])
            for stride, size in zip(strides, cells, strict=True)
        ]
        *learns, counted = anchor_targets(head, anchors, np.concatenate(valid), image)
        of_images.append(learns)
        count += counted
    return *(np.stack(some) for some in zip(*of_images, strict=True)), count


def anchor_targets(head, anchors, valid, image):
    """Truth (N, C), its weight (N, 1), deltas (N, 4), whether they count (N, 1).

    And the image's share of what divides the losses: without a positive anchor, or
    without a negative one, it counts as if it had one.
    """
    boxes, labels, (height, width), _ = image
    used = np.flatnonzero(valid)
    if head.border:
        last = anchors[used, 2:] < (width, height)
        used = used[(anchors[used, :2] >= 0).all(axis=1) & last.all(axis=1)]
    overlap = targets.overlaps(boxes, anchors[used])
    targets.assert_clear(overlap, *head.thresholds)
    own = targets.match(overlap, *head.thresholds)
    positive, negative = np.flatnonzero(own > 0), np.flatnonzero(own == 0)
    if head.sample:
        positive = targets.evenly(positive, head.sample // 2)
        negative = targets.evenly(negative, head.sample - len(positive))
    counted = max(len(positive), 1) + (max(len(negative), 1) if head.sample else 0)

    objects, positive, negative = own[positive] - 1, used[positive], used[negative]
    truth = np.zeros((len(anchors), head.classes), dtype=bool)
    truth[positive, labels[objects]] = True
    weight, counts = np.zeros((2, len(anchors), 1))
    weight[positive] = weight[negative] = counts[positive] = 1
    aim = np.zeros((len(anchors), 4))
    aim[positive] = targets.encode(anchors[positive], boxes[objects])
    return truth, weight, aim, counts, counted


def begins_inside(stride, cells, anchors, shape):
    """(H * W * A,): whether an anchor's cell begins inside (height, width)."""
    down, across = (
        stride * np.arange(count) < end for count, end in zip(cells, shape, strict=True)
    )
    return np.repeat(np.outer(down, across), anchors)


def rows(outputs, columns):
    """(B, A * k, H, W) -> (B, H * W * A, k), float64."""
    flat = outputs.detach().permute(0, 2, 3, 1).reshape(len(outputs), -1, columns)
    return flat.double().numpy()


def as_map(slopes, outputs):
    """(B, H * W * A, k) -> (B, A * k, H, W), as the outputs."""
    b, _, h, w = outputs.shape
    return torch.from_numpy(slopes).view(b, h, w, -1).permute(0, 3, 1, 2).float()
