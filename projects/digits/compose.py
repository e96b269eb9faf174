"""Handwritten digits on photos: what each split gets, and how an image is drawn."""

from functools import cache

import cv2
import numpy as np
from sklearn import datasets

SPLITS = ('train', 'val')
VAL_SHARE = 0.2  # of the digits
VAL_PHOTO = 0.4  # of each photo's width, at its right
CROPS = (128, 256)  # side of the photo region under an image, in photo pixels
DIGITS_PER_IMAGE = (3, 6)
SCALES = (0.18, 0.62)  # side of a digit's 8x8 square, as a share of the image's
MAX_ANGLE = 15  # degrees
INK = 0.3  # of full ink: above it a pixel belongs to the digit
MIN_CONTRAST = 50  # grey levels between a digit and the photo around it
MAX_COVERED = 0.1  # of a digit's pixels that later digits may cover


@cache
def load_digits():
    """1797 digits: images (N, 8, 8) from 0 to 16, target (N,)."""
    return datasets.load_digits()


@cache
def split_digits(seed: int) -> dict[str, np.ndarray]:
    """Indices into load_digits for each split, disjoint."""
    count = len(load_digits().target)
    order = np.random.default_rng(seed).permutation(count)
    val, train = np.split(order, [int(VAL_SHARE * count)])
    return dict(train=train, val=val)


@cache
def split_photos() -> dict[str, list[np.ndarray]]:
    """The parts (H, W, 3) uint8 RGB of the two photos for each split."""
    photos = datasets.load_sample_images().images
    edges = [int((1 - VAL_PHOTO) * photo.shape[1]) for photo in photos]
    pairs = list(zip(photos, edges, strict=True))
    return dict(
        train=[photo[:, :edge] for photo, edge in pairs],
        val=[photo[:, edge:] for photo, edge in pairs],
    )


def draw_background(
    photos: list[np.ndarray], size: int, rng: np.random.Generator
) -> np.ndarray:
    """A random square of a random photo as (size, size, 3) uint8."""
    photo = photos[rng.integers(len(photos))]
    side = int(rng.integers(CROPS[0], min(*CROPS[1:], *photo.shape[:2]) + 1))
    top, left = (int(rng.integers(n - side + 1)) for n in photo.shape[:2])
    crop = photo[top : top + side, left : left + side]
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)


def draw_ink(glyph: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A digit scaled, turned and placed in an empty image.

    Args:
        glyph: (8, 8), 0 to 16.

    Returns:
        Ink (size, size) float32, 0 to 1. Before it is turned the digit is all inside.
    """
    low, high = np.log(SCALES)
    side = size * np.exp(rng.uniform(low, high))
    angle = rng.uniform(-MAX_ANGLE, MAX_ANGLE)
    x, y = rng.uniform(side / 2, size - side / 2, 2)
    # From the centre of the glyph, where its pixels are 8 across, to (x, y).
    turn = cv2.getRotationMatrix2D((3.5, 3.5), angle, side / 8)
    turn[:, 2] += (x - 3.5, y - 3.5)
    ink = cv2.warpAffine(
        glyph.astype(np.float32) / 16, turn, (size, size), flags=cv2.INTER_CUBIC
    )
    return ink.clip(0, 1)


def draw_colour(ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A colour (3,) in [0, 255] that stands out from the pixels ``ground`` (N, 3)."""
    grey = ground.mean()
    while True:
        colour = rng.uniform(0, 255, 3)
        if abs(colour.mean() - grey) >= MIN_CONTRAST:
            return colour


def compose(
    background: np.ndarray, glyphs: list[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """Paint digits over a background; a later digit may cover a little of an earlier.

    Args:
        background: (H, H, 3) uint8.
        glyphs: (8, 8) each, 0 to 16. One that finds no room is left out.

    Returns:
        The image like ``background``, and for each painted digit its position in
        ``glyphs`` and the mask (H, H) bool of its visible pixels.
    """
    image = background.copy()
    placed: list[tuple[int, np.ndarray, int]] = []
    for i, glyph in enumerate(glyphs):
        for _ in range(20):
            ink = draw_ink(glyph, len(image), rng)
            mask = ink > INK
            if all((m & ~mask).sum() >= (1 - MAX_COVERED) * n for _, m, n in placed):
                break
        else:
            continue
        colour = draw_colour(background[mask], rng)
        opacity = np.where(mask, 0.4 + 0.6 * ink, 0)[..., None]
        image = np.round(image + opacity * (colour - image)).astype(np.uint8)
        placed = [(j, m & ~mask, n) for j, m, n in placed]
        placed.append((i, mask, int(mask.sum())))
    return image, [(i, mask) for i, mask, _ in placed]


def draw_sample(
    split: str, number: int, seed: int, size: int
) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """Image ``number`` of a split.

    Returns:
        The image (size, size, 3) uint8 RGB, and for each digit in it the index in
        load_digits and the mask (size, size) bool.
    """
    # A generator an image: the first images stay when more are asked for.
    rng = np.random.default_rng([seed, SPLITS.index(split), number])
    count = rng.integers(DIGITS_PER_IMAGE[0], DIGITS_PER_IMAGE[1] + 1)
    chosen = rng.choice(split_digits(seed)[split], count, replace=False)
    background = draw_background(split_photos()[split], size, rng)
    image, masks = compose(background, list(load_digits().images[chosen]), rng)
    return image, [(int(chosen[i]), mask) for i, mask in masks]
