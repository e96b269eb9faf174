"""Masks of whole images and their run lengths, beside mmdet and pycocotools."""

import mmcv
import numpy as np
import pytest
import torch
from mmdet.models.roi_heads.mask_heads.fcn_mask_head import _do_paste_mask
from pycocotools import mask as coco

from eca_mm.runtime.mask_pasting import paste, paste_whole_pixels, run_lengths

BOXES = [(3.2, 4.7, 30.1, 21.9), (-2, 0, 50, 40), (10, 10, 12.5, 11.7), (0, 0, 40, 30)]


@pytest.mark.parametrize('box', BOXES)
def test_pasted_as_mmdet_does(box):
    mask = np.random.default_rng(0).random((28, 28), np.float32)
    box = np.array(box, np.float32)
    whole = np.zeros((30, 40), np.float32)
    values, part = paste(mask, box, 30, 40)
    whole[part] = values
    right, _ = _do_paste_mask(
        torch.from_numpy(mask)[None, None],
        torch.from_numpy(box)[None],
        30,
        40,
        skip_empty=False,
    )
    np.testing.assert_allclose(whole, right[0], atol=2e-6)
    assert np.abs(np.roll(whole, 1, 1) - right[0].numpy()).max() > 0.1  # it can fail


def test_a_box_without_a_side():
    values, part = paste(
        np.ones((4, 4), np.float32), np.array([5.5, 2, 5.5, 9]), 20, 20
    )
    assert np.isfinite(values).all() and part[1].stop > part[1].start


def test_whole_pixels_as_opencv_resizes():
    mask = np.random.default_rng(0).random((28, 28), np.float32)
    box = np.array([3.9, 4.2, 47.1, 24.0])
    values, part = paste_whole_pixels(mask, box, 50, 60)
    assert part == (slice(4, 25), slice(3, 48))
    right = mmcv.imresize(mask, (45, 21))
    np.testing.assert_allclose(values, right, atol=2e-6)
    # Of an image that ends within the box, and begins there
    values, part = paste_whole_pixels(mask, np.trunc(box) - 10, 8, 30)
    assert part == (slice(0, 8), slice(0, 30))
    np.testing.assert_allclose(values, right[6:14, 7:37], atol=2e-6)


def test_whole_pixels_outside_of_the_image():
    for box in ([-9, -9, -5, -5], [90, 90, 95, 95], [3e38, 0, -3e38, 9]):
        values, _ = paste_whole_pixels(np.ones((4, 4)), np.array(box), 20, 20)
        assert not values.size


@pytest.mark.parametrize('share', [0, 0.02, 0.5, 1])
def test_run_lengths_as_pycocotools_has_them(share):
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (37, 53), (300, 211)):
        mask = rng.random(shape) < share
        right = coco.encode(np.asfortranarray(mask, np.uint8))
        found = run_lengths(mask)
        assert found['size'] == right['size']
        assert found['counts'] == right['counts'].decode()
