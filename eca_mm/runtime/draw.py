"""Boxes and masks drawn on an image, by Pillow."""

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .onnx_detector import Found

GOLDEN = 0.618  # of the circle of hues: neighbours in it look least alike


def colour(label: int) -> tuple[int, int, int]:
    """RGB for a class."""
    red, green, blue = colorsys.hsv_to_rgb(label * GOLDEN % 1, 0.85, 1.0)
    return int(red * 255), int(green * 255), int(blue * 255)


def draw(
    image: np.ndarray, found: Found, classes: Sequence[str], score_thr: float
) -> np.ndarray:
    """A picture (H, W, 3) uint8 in RGB of what has at least a score."""
    shown = np.flatnonzero(found.scores >= score_thr)[::-1]  # the best on top
    pixels = np.array(image)
    if found.masks is not None:
        for i in shown:
            mask = found.masks[i]
            mixed = pixels[mask] * 0.5 + np.array(colour(found.labels[i])) * 0.5
            pixels[mask] = mixed.astype(np.uint8)
    picture = Image.fromarray(pixels)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(max(10, max(picture.size) // 50))
    far = np.array(picture.size * 2) * 2  # Pillow walks along all of a line
    for i in shown:
        box, label = found.boxes[i].clip(-far, far).tolist(), int(found.labels[i])
        x1, y1 = min(box[0], box[2]), min(box[1], box[3])
        pen.rectangle((x1, y1, *box[2:]), outline=colour(label), width=2)
        text = f'{classes[label]} {found.scores[i] * 100:.0f}'
        place = pen.textbbox((x1, y1), text, font)
        pen.rectangle(place, fill=(0, 0, 0))
        pen.text((x1, y1), text, colour(label), font)
    return np.asarray(picture)
