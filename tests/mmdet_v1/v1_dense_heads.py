"""The losses of RPN and RetinaNet in MMDetection 1.x, written anew in numpy, float64.

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
    """Class and box loss of each level (L,), and gradients at the features.

    Args:
        feats: (B, C, H, W) of each level.
        images: Of each, boxes (G, 4), labels (G,) from 0, (height, width), and
            that of the padded image.
    """
    feats = [feat.detach().requires_grad_() for feat in feats]
    maps = [head.outputs(state, feat) for feat in feats]
    logits, deltas = (
        np.concatenate([rows(m[kind], size) for m in maps], axis=1)
        for kind, size in ((0, head.classes), (1, 4))
    )
    strides = [head.first_stride * 2**i for i in range(len(feats))]
    grids = [
        v1.anchors(stride, head.scales, *feat.shape[2:])
        for stride, feat in zip(strides, feats, strict=True)
    ]
    anchors = np.concatenate(grids)
    count, learnt = 0, []
    for image in images:
        valid = np.concatenate(
            [
                begins_inside(stride, feat.shape[2:], len(head.scales) * 3, image[3])
                for stride, feat in zip(strides, feats, strict=True)
            ]
        )
        *truth, counted = anchor_targets(head, anchors, valid, image)
        learnt.append(truth)
        count += counted
    truth, weight, aim, positive = (np.stack(some) for some in zip(*learnt))

    values, slopes = head.loss(logits, truth)
    of_class = values * weight / count, slopes * weight / count
    values, slopes = targets.smooth_l1(deltas - aim, head.beta)
    of_box = values * positive / count, slopes * positive / count
    ends = np.cumsum([len(grid) for grid in grids])[:-1]
    for level, m in enumerate(maps):
        for kind, (_, gradient) in enumerate((of_class, of_box)):
            part = np.split(gradient, ends, axis=1)[level]
            m[kind].backward(as_map(part, m[kind]), retain_graph=True)
    return (
        *(
            np.array([part.sum() for part in np.split(some[0], ends, axis=1)])
            for some in (of_class, of_box)
        ),
        [feat.grad.numpy() for feat in feats],
    )


def anchor_targets(head, anchors, valid, image):
    """Of each anchor: truth (N, C), its weight (N, 1), deltas (N, 4), whether they count.

    And by how many anchors the image's loss is divided: an image without a positive or
    a negative anchor counts as if it had one.
    """
    boxes, labels, (height, width), _ = image
    used = np.flatnonzero(valid)
    if head.border:
        corners = anchors[used]
        inside = (corners >= 0).all(axis=1) & (corners[:, 2] < width)
        used = used[inside & (corners[:, 3] < height)]
    overlap = targets.overlaps(boxes, anchors[used])
    targets.assert_clear(overlap, *head.thresholds)
    own = targets.match(overlap, *head.thresholds)
    positive, negative = np.flatnonzero(own > 0), np.flatnonzero(own == 0)
    counted = max(len(positive), 1)
    if head.sample:
        positive = targets.evenly(positive, head.sample // 2)
        negative = targets.evenly(negative, head.sample - len(positive))
        counted = max(len(positive), 1) + max(len(negative), 1)

    truth = np.zeros((len(anchors), head.classes), dtype=bool)
    weight, counts = np.zeros((2, len(anchors), 1))
    aim = np.zeros((len(anchors), 4))
    objects = own[positive] - 1
    rows = used[positive]
    truth[rows, labels[objects]] = True
    weight[rows] = weight[used[negative]] = counts[rows] = 1
    aim[rows] = targets.encode(anchors[rows], boxes[objects])
    return truth, weight, aim, counts, counted


def begins_inside(stride, cells, anchors, shape):
    """(H * W * A,): whether an anchor's cell begins inside (height, width)."""
    down, across = (
        stride * np.arange(count) < end for count, end in zip(cells, shape, strict=True)
    )
    return np.repeat(np.outer(down, across), anchors)


def rows(outputs, size):
    """(B, A * k, H, W) -> (B, H * W * A, k), float64."""
    b = len(outputs)
    return outputs.detach().permute(0, 2, 3, 1).reshape(b, -1, size).double().numpy()


def as_map(gradient, outputs):
    """(B, H * W * A, k) -> (B, A * k, H, W) as the outputs."""
    b, _, h, w = outputs.shape
    return torch.from_numpy(gradient).view(b, h, w, -1).permute(0, 3, 1, 2).float()
