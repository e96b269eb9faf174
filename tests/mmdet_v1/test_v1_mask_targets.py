"""Mask targets: 1.x's loop, one box at a time, and its rounding by arithmetic."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.config import ConfigDict
from v1_rcnn import whole_pixels

from eca_mm.mmdet_v1 import V1FCNMaskHead

SIZE = 28
HEIGHT, WIDTH = 90, 120
ODD_BOXES = [
    [0, 0, 119, 89],  # the whole image
    [-5.5, -3, 20, 30],  # out of the image
    [100.2, 70.7, 300, 200],
    [119.9, 89.9, 119.95, 89.99],  # less than a pixel
    [40.9, 50.2, 40.3, 49.8],  # the last pixel before the first
    [50, 20, 50.4, 80],  # a column
    [10, 10, 37, 37],  # 28 x 28
    [10, 10, 65, 65],  # 56 x 56, which cv2 halves in another way
]


@pytest.fixture
def batch():
    """Sampling results and ground truth of two images, round objects in them."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    results, truths = [], []
    for objects, count in ((5, 40), (3, 25)):
        centres = rng.uniform([10, 10, 5], [110, 80, 45], (objects, 3))
        bitmaps = [np.hypot(x - u, y - v) < r for u, v, r in centres]
        bitmaps = BitmapMasks(np.array(bitmaps, np.uint8), HEIGHT, WIDTH)
        owners = rng.integers(0, objects, len(ODD_BOXES) + count)
        middle, radius = np.split(centres[owners[len(ODD_BOXES) :]], [2], axis=1)
        first, last = middle - radius, middle + radius  # around the object, but shifted
        boxes = np.hstack([first, last]) + rng.uniform(-4, 4, (count, 4))
        boxes = boxes.clip(0, [119, 89, 119, 89])
        boxes = np.vstack([ODD_BOXES, boxes]).astype(np.float32)
        results.append(
            SimpleNamespace(
                pos_priors=torch.from_numpy(boxes),
                pos_assigned_gt_inds=torch.from_numpy(owners),
            )
        )
        truths.append(SimpleNamespace(masks=bitmaps))
    return results, truths


def targets_of(head, batch, size=SIZE) -> np.ndarray:
    return head.get_targets(*batch, ConfigDict(mask_size=size)).numpy()


@pytest.fixture
def head():
    return V1FCNMaskHead(num_convs=0, num_classes=3)


def crops(batch):
    """Bitmaps inside boxes of whole pixels, one at a time, as 1.x cut them."""
    for result, truth in zip(*batch, strict=True):
        for box, number in zip(
            result.pos_priors.numpy(), result.pos_assigned_gt_inds, strict=True
        ):
            yield whole_pixels(truth.masks.masks[number], box)


def test_targets_are_those_of_a_loop_bit_for_bit(head, batch):
    before = [result.pos_priors.clone() for result in batch[0]]
    targets = targets_of(head, batch)
    expected = [cv2.resize(crop, (SIZE, SIZE)) for crop in crops(batch)]
    np.testing.assert_array_equal(targets, np.stack(expected))
    assert targets.dtype == np.float32 and set(np.unique(targets)) == {0, 1}
    assert 0.2 < targets.mean() < 0.8
    for result, boxes in zip(batch[0], before, strict=True):
        torch.testing.assert_close(result.pos_priors, boxes, rtol=0, atol=0)


def taps(length: int, at_ends: bool) -> tuple[np.ndarray, np.ndarray]:
    """Two pixels of ``length`` around each of SIZE samples, weights in 1 / 2048."""
    places = ((np.arange(SIZE) + 0.5) * (length / SIZE) - 0.5).astype(np.float32)
    low = np.floor(places).astype(int)
    way = places - low
    if at_ends:
        way[(low < 0) | (low >= length - 1)] = 0
        low = low.clip(0, length - 1)
    weights = np.rint(np.stack([1 - way, way]) * 2048).astype(int)
    return np.stack([low, low + 1]).clip(0, length - 1), weights


def resized(crop: np.ndarray) -> np.ndarray:
    """cv2's bilinear samples of bytes, which are cut off to quarters before they add.

    So a sample of 0.5 to 0.75 can become 0, where two pixels give half a quarter each.
    """
    (rows, down), (columns, across) = taps(len(crop), False), taps(crop.shape[1], True)
    crop = crop.astype(int)
    parts = [
        (across[:, None] * crop[row][:, columns].swapaxes(0, 1)).sum(0) for row in rows
    ]
    quarters = sum(
        weight[:, None] * (part >> 4) >> 16
        for weight, part in zip(down, parts, strict=True)
    )
    return quarters + 2 >> 2


def test_targets_are_rounded_as_bytes_are(head, batch):
    compared = 0
    for target, crop in zip(targets_of(head, batch), crops(batch), strict=True):
        if crop.shape == (2 * SIZE, 2 * SIZE):  # the mean of four pixels
            cells = crop.reshape(SIZE, 2, SIZE, 2).sum(axis=(1, 3))
            np.testing.assert_array_equal(target, cells >= 2)
        else:
            np.testing.assert_array_equal(target, resized(crop))
        compared += target.any() and not target.all()
    assert compared >= 60


def test_todays_targets_differ(head, batch):
    """In 4.2 % of the pixels (objects of 10 to 90 pixels, boxes of 3 at least)."""
    results, _ = batch
    for result in results:
        result.pos_priors = result.pos_priors[len(ODD_BOXES) :]
        result.pos_assigned_gt_inds = result.pos_assigned_gt_inds[len(ODD_BOXES) :]
    todays = targets_of(FCNMaskHead(num_convs=0, num_classes=3), batch)
    share = (todays != targets_of(head, batch)).mean()
    assert share == pytest.approx(0.042, abs=0.002)


def test_sizes_that_are_not_square(head, batch):
    targets = targets_of(head, batch, (14, 30))
    expected = [cv2.resize(crop, (30, 14)) for crop in crops(batch)]
    np.testing.assert_array_equal(targets, np.stack(expected))


def test_no_positive_box_and_polygons(head, batch):
    results, truths = batch
    results[0].pos_priors = results[0].pos_priors[:0]
    results[0].pos_assigned_gt_inds = results[0].pos_assigned_gt_inds[:0]
    triangle = np.array([10.0, 10, 60, 15, 30, 70])
    truths[1].masks = PolygonMasks([[triangle]] * 3, HEIGHT, WIDTH)
    targets = targets_of(head, batch)
    truths[1].masks = truths[1].masks.to_bitmap()
    np.testing.assert_array_equal(targets, targets_of(head, batch))
    assert targets.shape == (33, SIZE, SIZE) and targets.any()

    none = results[:1], truths[:1]
    assert targets_of(head, none).shape == (0, SIZE, SIZE)


def test_soft_targets_are_refused(head, batch):
    with pytest.raises(ValueError, match='soft_mask_target'):
        head.get_targets(*batch, ConfigDict(mask_size=SIZE, soft_mask_target=True))
