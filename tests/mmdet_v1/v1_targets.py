"""What MMDetection 1.x made its heads learn, rewritten in numpy, float64.

A box names its first and its last pixel, so it is x2 - x1 + 1 wide.
"""

import numpy as np


def overlaps(gts, boxes):
    """IoU (G, N)."""
    first = np.maximum(gts[:, None, :2], boxes[:, :2])
    last = np.minimum(gts[:, None, 2:], boxes[:, 2:])
    shared = np.prod(np.maximum(last - first + 1, 0), axis=2)
    areas = [np.prod(some[:, 2:] - some[:, :2] + 1, axis=1) for some in (gts, boxes)]
    return shared / (areas[0][:, None] + areas[1] - shared)


def match(overlap, positive, negative, least):
    """(N,): 1 + index of the object, 0 for background, -1 for neither.

    Whatever overlaps an object most is its, if by ``least``: later objects take from
    earlier ones, and from better ones.
    """
    most = overlap.max(axis=0)
    own = np.where(most < negative, 0, -1)
    own = np.where(most >= positive, overlap.argmax(axis=0) + 1, own)
    for i, row in enumerate(overlap):
        if row.max() >= least:
            own[row == row.max()] = i + 1
    return own


def assert_clear(overlap, positive, negative, least):
    """No decision of ``match`` depends on the rounding of float32."""
    best = overlap.max(axis=1, keepdims=True)
    for some, limit in (
        (overlap.max(axis=0), positive),
        (overlap.max(axis=0), negative),
        (best, least),
        (overlap, best),
    ):
        distance = abs(some - limit)
        assert not ((distance > 1e-12) & (distance < 1e-6)).any()


def encode(boxes, gts, stds=(1, 1, 1, 1)):
    """Deltas (N, 4) that move boxes (N, 4) to ground truth (N, 4)."""
    size, aim = (some[:, 2:] - some[:, :2] + 1 for some in (boxes, gts))
    move = (gts[:, :2] + gts[:, 2:] - boxes[:, :2] - boxes[:, 2:]) / 2
    return np.hstack([move / size, np.log(aim / size)]) / np.array(stds)


def evenly(candidates, count):
    """``count`` of the candidates, from the first to the last."""
    if len(candidates) <= count:
        return candidates
    return candidates[np.linspace(0, len(candidates) - 1, count).astype(int)]


def smooth_l1(difference, beta):
    """Values and derivatives (2, ...)."""
    size = abs(difference)
    near = size < beta
    values = np.where(near, size**2 / 2 / beta, size - beta / 2)
    return np.stack([values, np.where(near, difference / beta, np.sign(difference))])


def cross_entropy(logits, truth):
    """Of each logit by itself, truth 0 or 1: values and derivatives (2, ...)."""
    values = np.maximum(logits, 0) - logits * truth + np.log1p(np.exp(-abs(logits)))
    return np.stack([values, sigmoid(logits) - truth])


def focal(logits, truth, gamma=2, alpha=0.25):
    """alpha (1 - p)^gamma (-log p), p of what is true: values and derivatives."""
    p = sigmoid(np.where(truth, logits, -logits))
    share = np.where(truth, alpha, 1 - alpha)
    values = -share * (1 - p) ** gamma * np.log(p)
    slope = share * (1 - p) ** gamma * (gamma * p * np.log(p) - (1 - p))
    return np.stack([values, np.where(truth, slope, -slope)])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))
