"""How MMDetection 1.x detects, rewritten in numpy, for test_v1_detections.

Weights are a 1.x state dict as it is: background first, no ``roi_head.``. A box names
its first and its last pixel, so it is x2 - x1 + 1 wide. Settings are those of 1.x's
configs for COCO. Convolutions and linear layers are torch's.
"""

import numpy as np
import torch
from torch.nn.functional import conv2d, conv_transpose2d, interpolate, linear

RATIOS = (0.5, 1.0, 2.0)
OCTAVES = tuple(4 * 2 ** (i / 3) for i in range(3))


def layer(state, name, x, function=conv2d, **kwargs):
    return function(x, state[f'{name}.weight'], state[f'{name}.bias'], **kwargs)


def anchors(stride, scales, height, width):
    """(height * width * 9 or 3, 4): around the middle of each cell, whole pixels."""
    ratios, scales = np.repeat(RATIOS, len(scales)), np.tile(scales, len(RATIOS))
    # (A, 2): width and height
    size = stride * scales[:, None] * ratios[:, None] ** [-0.5, 0.5]
    centre = 0.5 * (stride - 1)
    cell = np.round(np.hstack([centre - (size - 1) / 2, centre + (size - 1) / 2]))
    x, y = np.meshgrid(stride * np.arange(width), stride * np.arange(height))
    # (H, W, 1, 4) + (A, 4)
    return (np.stack([x, y, x, y], axis=2)[:, :, None] + cell).reshape(-1, 4)


def decode(boxes, deltas, stds, shape):
    """Boxes (N, 4) moved and scaled by deltas (N, 4), inside (height, width)."""
    deltas = deltas * np.array(stds)
    size = boxes[:, 2:] - boxes[:, :2] + 1
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 + deltas[:, :2] * size
    limit = abs(np.log(16 / 1000))
    size = size * np.exp(np.clip(deltas[:, 2:], -limit, limit))
    first, last = centre - size / 2 + 0.5, centre + size / 2 - 0.5
    border = np.array([shape[1], shape[0]]) - 1
    return np.hstack([np.clip(first, 0, border), np.clip(last, 0, border)])


def nms(boxes, scores, threshold):
    """Indices of what remains, the best first."""
    areas = np.prod(boxes[:, 2:] - boxes[:, :2] + 1, axis=1)
    order, kept = np.argsort(-scores, kind='stable'), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        first = np.maximum(boxes[best, :2], boxes[order, :2])
        last = np.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = np.prod(np.maximum(last - first + 1, 0), axis=1)
        overlap = shared / (areas[best] + areas[order] - shared)
        order = order[overlap <= threshold]
    return np.array(kept, dtype=int)


def nms_per_class(boxes, scores, limit):
    """The best boxes (n, 4), scores and labels of boxes (N, C, 4), scores (N, C)."""
    found = []
    for c in range(scores.shape[1]):
        rows = np.flatnonzero(scores[:, c] > 0.05)
        rows = rows[nms(boxes[rows, c], scores[rows, c], 0.5)]
        found += [(scores[i, c], c, boxes[i, c]) for i in rows]
    found = sorted(found, key=lambda item: -item[0])[:limit]
    scores, labels, boxes = zip(*found, strict=True)
    return np.array(boxes), np.array(scores), np.array(labels)


def pooling_weights(starts, ends, bins, length):
    """(N, bins, length): how cells of a row count in each bin, by two samples a bin."""
    steps = (np.arange(2 * bins) + 0.5) / (2 * bins)
    weights = np.zeros((len(starts), bins, length))
    for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
        for i, x in enumerate(start + steps * (end - start)):
            if not -1 <= x <= length:
                continue
            x = np.clip(x, 0, length - 1)
            low = int(x)
            weights[n, i // 2, low] += (1 - (x - low)) / 2
            weights[n, i // 2, min(low + 1, length - 1)] += (x - low) / 2
    return torch.from_numpy(weights)


def roi_align(feats, boxes, bins):
    """(N, C, bins, bins), each box from the level of its size."""
    size = boxes[:, 2:] - boxes[:, :2] + 1
    levels = np.floor(np.log2(np.sqrt(size.prod(axis=1)) / 56 + 1e-6)).clip(0, 3)
    pooled = feats[0].new_zeros(len(boxes), feats[0].shape[1], bins, bins)
    for level in range(4):
        rows = np.flatnonzero(levels == level)
        feat, edges = feats[level][0], boxes[rows] + [0, 0, 1, 1]
        x1, y1, x2, y2 = edges.T / 4 / 2**level
        across = pooling_weights(x1, x2, bins, feat.shape[2]).to(feat)
        down = pooling_weights(y1, y2, bins, feat.shape[1]).to(feat)
        pooled[rows] = torch.einsum('nih,chw,njw->ncij', down, feat, across)
    return pooled


def outputs_of_level(scores, deltas, classes):
    """(1, A * k, H, W) -> (H * W * A, k) for scores and deltas."""
    scores = scores[0].permute(1, 2, 0).reshape(-1, classes).sigmoid()
    return scores.numpy(), deltas[0].permute(1, 2, 0).reshape(-1, 4).double().numpy()


def proposals(state, feats, shape, limit=1000):
    """The RPN's best boxes: 1000 in testing, 2000 in training."""
    boxes, scores = [], []
    for level, feat in enumerate(feats):
        x = layer(state, 'rpn_head.rpn_conv', feat, padding=1).relu()
        score, delta = outputs_of_level(
            layer(state, 'rpn_head.rpn_cls', x), layer(state, 'rpn_head.rpn_reg', x), 1
        )
        score = score[:, 0]
        best = np.argsort(-score, kind='stable')[:limit]
        prior = anchors(4 * 2**level, [8], *feat.shape[2:])[best]
        box = decode(prior, delta[best], [1, 1, 1, 1], shape)
        kept = nms(box, score[best], 0.7)
        boxes.append(box[kept])
        scores.append(score[best][kept])
    best = np.argsort(-np.concatenate(scores), kind='stable')[:limit]
    return np.concatenate(boxes)[best]


def roi_features(state, feats, rois):
    x = roi_align(feats, rois, 7).flatten(1)
    for i in range(2):
        x = layer(state, f'bbox_head.shared_fcs.{i}', x, linear).relu()
    return x


def rcnn(state, feats, shape, scale, limit=100):
    """Boxes in the original image, scores, labels from 0."""
    rois = proposals(state, feats, shape)
    x = roi_features(state, feats, rois)
    scores = layer(state, 'bbox_head.fc_cls', x, linear).softmax(1).numpy()
    deltas = layer(state, 'bbox_head.fc_reg', x, linear).double().numpy()
    boxes = [
        decode(rois, deltas[:, 4 * c : 4 * c + 4], [0.1, 0.1, 0.2, 0.2], shape)
        for c in range(1, 81)  # 0 is the background
    ]
    return nms_per_class(np.stack(boxes, axis=1) / scale, scores[:, 1:], limit)


def mask_probabilities(state, feats, boxes, labels, scale):
    """Probabilities (n, 28, 28) of the boxes' own classes."""
    x = roi_align(feats, boxes * scale, 14)
    for i in range(4):
        x = layer(state, f'mask_head.convs.{i}.conv', x, padding=1).relu()
    x = layer(state, 'mask_head.upsample', x, conv_transpose2d, stride=2).relu()
    logits = layer(state, 'mask_head.conv_logits', x)
    return logits[torch.arange(len(labels)), torch.from_numpy(labels) + 1].sigmoid()


def paste(probability, box, shape):
    """Probability of each pixel (H, W) of the image; -1 outside the box."""
    x, y, x2, y2 = box.astype(int)
    height, width = max(y2 - y + 1, 1), max(x2 - x + 1, 1)
    resized = interpolate(probability[None, None], (height, width), mode='bilinear')
    image = np.full(shape, -1.0)
    image[y : y + height, x : x + width] = resized[0, 0].numpy()
    return image


def retinanet(state, feats, shape, scale, limit=100):
    """Boxes in the original image, scores, labels from 0."""
    boxes, scores = [], []
    for level, feat in enumerate(feats):
        towers = {}
        for branch in ('cls', 'reg'):
            x = feat
            for i in range(4):
                name = f'bbox_head.{branch}_convs.{i}.conv'
                x = layer(state, name, x, padding=1).relu()
            towers[branch] = layer(state, f'bbox_head.retina_{branch}', x, padding=1)
        score, delta = outputs_of_level(towers['cls'], towers['reg'], 80)
        best = np.argsort(-score.max(axis=1), kind='stable')[:1000]
        prior = anchors(8 * 2**level, OCTAVES, *feat.shape[2:])[best]
        boxes.append(decode(prior, delta[best], [1, 1, 1, 1], shape) / scale)
        scores.append(score[best])
    boxes = np.concatenate(boxes)[:, None].repeat(80, axis=1)
    return nms_per_class(boxes, np.concatenate(scores), limit)
