"""Pixels that run lengths cover, beside pycocotools' own encoder."""

import numpy as np
from pycocotools import mask as mask_util

from eca_mm.coco_format.rle import covered, covered_by_texts


def random_masks(rng: np.random.Generator, number: int):
    for _ in range(number):
        height, width = rng.integers(1, 60, 2)
        mask = rng.random((height, width)) < rng.random()
        mask[height // 2 :, width // 3 :] ^= rng.random() < 0.5
        yield np.asfortranarray(mask, np.uint8)


def test_whole_masks_are_covered():
    masks = list(random_masks(np.random.default_rng(0), 500))
    texts = [mask_util.encode(mask)['counts'].decode() for mask in masks]
    assert covered_by_texts(texts).tolist() == [mask.size for mask in masks]


def test_what_is_no_run_length():
    # '0' is 0; '1`' does not end; the third and fifth are no characters of the format;
    # 'o' alone is 31 with more to come, 'O' is -1.
    texts = ['', '1`', 'é', '12', '1!', 'o', 'O']
    assert covered_by_texts(texts).tolist() == [-1, -1, -1, 3, -1, -1, -1]
    assert (covered([1, 2]), covered([1, -2]), covered([1.0])) == (3, -1, -1)


def test_the_fourth_number_is_a_difference():
    # maskApi.c: `if(m>2) x+=cnts[m-2]`: 1, 2, 3, 2 + 4, 3 - 1
    assert covered_by_texts(['1234O']).tolist() == [1 + 2 + 3 + 6 + 2]
