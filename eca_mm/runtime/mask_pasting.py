"""Masks of an image from those of boxes, and their run lengths as COCO writes them."""

import numpy as np


def paste(mask: np.ndarray, box: np.ndarray, height: int, width: int) -> tuple:
    """A mask (h, w) spread over its box, bilinearly, and zero around it.

    The rule of mmdet's FCNMaskHead: the middle of a pixel is at half.

    Args:
        box: x1, y1, x2, y2 in pixels of the image.

    Returns:
        Values of the part of the image that the box touches, and its slices.
    """
    x1, y1, x2, y2 = (float(side) for side in box)
    rows, top, bottom = spread(mask.shape[0], y1, y2, height)
    columns, left, right = spread(mask.shape[1], x1, x2, width)
    return rows @ mask @ columns.T, (slice(top, bottom), slice(left, right))


def spread(count: int, low: float, high: float, most: int) -> tuple:
    """Weights (n, count) of ``count`` cells between ``low`` and ``high`` for n pixels.

    Returns:
        The weights, and the first pixel and the one after the last.
    """
    first = int(max(np.floor(low) - 1, 0))
    last = int(min(np.ceil(high) + 1, most))
    middles = np.arange(first, max(last, first), dtype=np.float32) + np.float32(0.5)
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        part = (middles - np.float32(low)) / (np.float32(high) - np.float32(low))
    part = np.nan_to_num(part, nan=0.5, posinf=0.5, neginf=0.5)
    place = part * count - 0.5
    distance = np.abs(place[:, None] - np.arange(count, dtype=np.float32))
    return np.maximum(1 - distance, 0), first, max(last, first)


def paste_whole_pixels(
    mask: np.ndarray, box: np.ndarray, height: int, width: int
) -> tuple:
    """A mask resized to its box in whole pixels, as MMDetection 1.x does.

    Returns:
        As :func:`paste`; OpenCV's bilinear resizing repeats pixels at the edges.
    """
    x1, y1, x2, y2 = (int(side) for side in box)
    rows, top, bottom = resizing(mask.shape[0], y1, y2, height)
    columns, left, right = resizing(mask.shape[1], x1, x2, width)
    return rows @ mask @ columns.T, (slice(top, bottom), slice(left, right))


def resizing(count: int, low: int, high: int, most: int) -> tuple:
    """Weights of bilinear resizing from ``low`` to ``high``; otherwise as spread."""
    wanted = max(high - low + 1, 1)
    first = min(max(low, 0), most)
    last = max(min(low + wanted, most), first)
    pixels = np.arange(first - low, last - low, dtype=np.float32)
    place = ((pixels + 0.5) * (count / wanted) - 0.5).clip(0, count - 1)
    distance = np.abs(place[:, None] - np.arange(count, dtype=np.float32))
    return np.maximum(1 - distance, 0).astype(np.float32), first, last


def run_lengths(mask: np.ndarray) -> dict:
    """A mask (H, W) bool in COCO's compressed format, as pycocotools encodes it."""
    pixels = mask.ravel(order='F')
    edges = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    counts = np.diff(np.concatenate([[0], edges, [pixels.size]])).tolist()
    if pixels.size and pixels[0]:
        counts = [0, *counts]
    return dict(size=[*mask.shape], counts=compressed(counts))


def compressed(counts: list[int]) -> str:
    """Runs as text: see ``eca_mm.coco_format.rle`` for its format."""
    text = []
    for i, count in enumerate(counts):
        number = count - counts[i - 2] if i > 2 else count
        while True:
            low, number = number & 31, number >> 5
            more = number != (-1 if low & 16 else 0)
            text.append(chr(low + 32 * more + ord('0')))
            if not more:
                break
    return ''.join(text)
