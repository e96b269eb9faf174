"""The losses of R-CNN and mask head in MMDetection 1.x, rewritten in numpy, float64.

Settings are those of 1.x's configs for COCO. Only linear layers and convolutions are
torch's. Classes are counted from 0, and the background comes last, as in 3.x: that
changes no loss.
"""

import cv2
import mmdet_v1_reference as v1
import numpy as np
import torch
import v1_targets as targets
from torch.nn.functional import conv_transpose2d, linear

SAMPLE = 512  # RoIs of an image, at most a quarter of them positive
MASK_SIZE = 28
THRESHOLDS = 0.5, 0.5, 0.5


def losses(state, feats, images, proposals, limit=SAMPLE):
    """Loss of each kind, and gradients at the features.

    Args:
        state: Of the RoI head; without a mask head there is no loss of masks.
        feats: (B, C, H, W) of four levels.
        images: Of each, boxes (G, 4), labels (G,), bitmaps (G, height, width).
        proposals: (n, 4) of each image.
        limit: How many RoIs of an image are learnt from.
    """
    feats = [feat.detach().requires_grad_() for feat in feats]
    sampled = [
        sample(boxes, given, limit)
        for (boxes, *_), given in zip(images, proposals, strict=True)
    ]
    count = sum(len(rois) for rois, _ in sampled)
    pixels = sum((own >= 0).sum() for _, own in sampled) * MASK_SIZE**2
    found = dict(loss_cls=0, loss_bbox=0)
    for index, (image, (rois, own)) in enumerate(zip(images, sampled, strict=True)):
        one = [feat[index : index + 1] for feat in feats]
        of_class, of_box = rcnn(state, one, image, rois, own, count)
        found['loss_cls'] += of_class
        found['loss_bbox'] += of_box
        if 'mask_head.conv_logits.bias' in state:
            of_mask = mask(state, one, image, rois, own, pixels)
            found['loss_mask'] = found.get('loss_mask', 0) + of_mask
    return found, [feat.grad.numpy() for feat in feats]


def sample(boxes, proposals, limit):
    """RoIs (n, 4), the objects among them, and whose each is (n,): -1 is background."""
    boxes, proposals = boxes.astype(float), proposals.astype(float)
    overlap = targets.overlaps(boxes, proposals)
    targets.assert_clear(overlap, *THRESHOLDS)
    own = targets.match(overlap, *THRESHOLDS)
    own = np.concatenate([np.arange(len(boxes)) + 1, own])
    positive = targets.evenly(np.flatnonzero(own > 0), limit // 4)
    negative = targets.evenly(np.flatnonzero(own == 0), limit - len(positive))
    chosen = np.concatenate([positive, negative])
    return np.concatenate([boxes, proposals])[chosen], own[chosen] - 1


def rcnn(state, feats, image, rois, own, count):
    """Sums of class and box loss over an image's RoIs, by the ``count`` of all."""
    boxes, labels, _ = image
    x = v1.roi_features(state, feats, rois)
    logits, deltas = (
        v1.layer(state, f'bbox_head.{name}', x, linear) for name in ('fc_cls', 'fc_reg')
    )
    truth = np.full(len(rois), logits.shape[1] - 1)
    positive = np.flatnonzero(own >= 0)
    truth[positive] = labels[own[positive]]

    scores = as_numpy(logits)
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    of_class = -scores[np.arange(len(rois)), truth].sum() / count
    slope = np.exp(scores)
    slope[np.arange(len(rois)), truth] -= 1
    back(logits, slope / count)

    slope = np.zeros((*deltas.shape,)).reshape(len(rois), -1, 4)
    values = as_numpy(deltas).reshape(slope.shape)[positive, truth[positive]]
    aim = targets.encode(
        rois[positive], boxes[own[positive]].astype(float), (0.1, 0.1, 0.2, 0.2)
    )
    values, slopes = targets.smooth_l1(values - aim, 1.0)
    slope[positive, truth[positive]] = slopes / count
    back(deltas, slope.reshape(deltas.shape))
    return of_class, values.sum() / count


def mask(state, feats, image, rois, own, pixels):
    """The sum over the masks of an image's positive RoIs, by all ``pixels``."""
    _, labels, bitmaps = image
    rois, own = rois[own >= 0], own[own >= 0]
    rest = abs(rois - np.rint(rois))  # what float32 could take to another pixel
    assert not ((rest > 1e-12) & (rest < 2e-5)).any()
    x = v1.roi_align(feats, rois, MASK_SIZE // 2)
    for i in range(4):
        x = v1.layer(state, f'mask_head.convs.{i}.conv', x, padding=1).relu()
    x = v1.layer(state, 'mask_head.upsample', x, conv_transpose2d, stride=2).relu()
    logits = v1.layer(state, 'mask_head.conv_logits', x)
    truth = np.stack(
        [
            cv2.resize(whole_pixels(bitmaps[number], roi), (MASK_SIZE, MASK_SIZE))
            for roi, number in zip(rois, own, strict=True)
        ]
    )
    mine = np.arange(len(rois)), labels[own]
    values, slopes = targets.cross_entropy(as_numpy(logits)[mine], truth)
    slope = np.zeros(logits.shape)
    slope[mine] = slopes / pixels
    back(logits, slope)
    return values.sum() / pixels


def whole_pixels(bitmap, box):
    """What a bitmap (H, W) has in the pixels that a box begins and ends in."""
    height, width = bitmap.shape
    x1, x2 = (int(min(max(x, 0), width - 1)) for x in box[::2])
    y1, y2 = (int(min(max(y, 0), height - 1)) for y in box[1::2])
    return bitmap[y1 : y1 + max(y2 - y1 + 1, 1), x1 : x1 + max(x2 - x1 + 1, 1)]


def as_numpy(outputs):
    return outputs.detach().double().numpy()


def back(outputs, gradient):
    """Through the layers below, to the features."""
    outputs.backward(torch.from_numpy(gradient).to(outputs), retain_graph=True)


def gradient_difference(found, expected, share=1.0):
    """The largest of a ``share`` of the values, in relation to the largest gradient.

    Of all but a few: a ReLU so near zero that float32 takes it to the other side
    changes the cells of its RoI.
    """
    off = [abs(a - b).ravel() for a, b in zip(found, expected, strict=True)]
    largest = max(abs(gradient).max() for gradient in expected)
    return np.quantile(np.concatenate(off), share) / largest
