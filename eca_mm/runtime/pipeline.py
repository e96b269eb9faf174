"""Images read and resized as a config's test pipeline does it by OpenCV."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

BITS = 11  # of OpenCV's weights, which are whole


def read_image(path: Path | str) -> np.ndarray:
    """(H, W, 3) uint8 in RGB, turned as its EXIF data say; without transparency.

    Raises:
        OSError: It is not there, or no image.
    """
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith('I;16'):
            return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, 2)
        return np.asarray(image.convert('RGB'))


def resized_shape(
    height: int, width: int, scale: tuple[int, int], keep_ratio: bool
) -> tuple[int, int, float]:
    """Height and width for mmdet's ``Resize``, and the factor that it asks for.

    Args:
        scale: Longest and shortest side, or with ``keep_ratio=False`` width and height.

    Raises:
        ValueError: A side would be 0.
    """
    if not keep_ratio:
        return scale[1], scale[0], 1.0
    factor = min(
        max(scale) / max(height, width),
        min(scale) / min(height, width),
    )
    rows, columns = int(height * factor + 0.5), int(width * factor + 0.5)
    if not (rows and columns):
        raise ValueError(f'too thin to be resized to {columns}x{rows}')
    return rows, columns, factor


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image (H, W, C) uint8 as OpenCV's INTER_LINEAR resizes it.

    Pillow's filters take in more pixels when they make an image smaller. Weights of
    two neighbours are whole numbers of 11 bits, as OpenCV's are.
    """
    if image.shape[:2] == (height, width):
        return image
    left, right, across = neighbours(image.shape[1], width)
    above, below, down = neighbours(image.shape[0], height)
    rows = np.unique(np.concatenate([above, below]))  # fewer, if it becomes smaller
    image = image[rows]
    # In place, and as OpenCV's vector code: sums of rows lose 4 bits, products 16.
    wide = np.take(image, left, 1) * across[0][:, None]
    wide += np.take(image, right, 1) * across[1][:, None]
    wide >>= 4
    sums = 2
    for number, weights in zip((above, below), down, strict=True):
        part = wide[np.searchsorted(rows, number)]
        part *= weights[:, None, None]
        part >>= 16
        part += sums
        sums = part
    sums >>= 2
    return sums.clip(0, 255).astype(np.uint8)


def neighbours(
    count: int, wanted: int
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """For each of ``wanted`` pixels the two of ``count`` that it lies between.

    Returns:
        Their indices, and their weights in parts of 2048.
    """
    place = (np.arange(wanted) + 0.5) * (count / wanted) - 0.5
    first = np.floor(place).astype(np.int64)
    part = (place - first).astype(np.float32)
    part[(first < 0) | (first >= count - 1)] = 0
    first = first.clip(0, count - 1)
    second = np.rint(part * (1 << BITS)).astype(np.int32)
    return first, (first + 1).clip(max=count - 1), ((1 << BITS) - second, second)
