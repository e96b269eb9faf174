"""An image with its ground truth, beside itself with the predictions.

Image files and sizes in annotations may be anyone's: both are judged before the memory
for their pixels is taken.
"""

import warnings
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import mmcv
import numpy as np
import PIL.Image
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pycocotools import mask as mask_util

from eca_mm.evaluation.detections import Detections
from eca_mm.files import check_size

from .charts import plain

WIDTH, DPI = 420, 100  # pixels of one half of a picture
MOST_BYTES = 2**28  # of an image file
MOST_PIXELS = 2**26  # of an image: with its masks, 2 GB
STEEPEST = 10  # height over width that still makes a picture to look at
MOST_DRAWN = 300  # objects or detections of an image: more cannot be told apart
# What mmdet's users have; PIL would call another program for some of the others.
FORMATS = ('JPEG', 'PNG', 'BMP', 'PPM', 'TIFF', 'WEBP', 'GIF')


class PictureError(ValueError):
    """An image cannot be shown: why, without its name."""


def check_picture(path: Path, formats: tuple[str, ...] = FORMATS) -> None:
    """Look at the head of an image file, and only then at the rest.

    Raises:
        PictureError: It is no image of these formats, damaged, or too large.
    """
    try:
        check_size(path, MOST_BYTES)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # PIL warns of less than what we refuse
            with PIL.Image.open(path, formats=formats) as image:
                check_pixels(*image.size)
                image.load()
    except PictureError:
        raise
    except PIL.UnidentifiedImageError:
        raise PictureError(f'not a {" or ".join(formats)} file') from None
    except PIL.Image.DecompressionBombError:
        raise PictureError('too many pixels') from None
    except Exception as error:  # of damaged bytes PIL's readers raise anything
        reason = ' '.join(str(error).split())[:80] or type(error).__name__
        raise PictureError(f'cannot be read ({reason})') from None


def check_pixels(width: float, height: float) -> None:
    if width * height > MOST_PIXELS:
        raise PictureError(f'{width}x{height} are too many pixels')
    if height > STEEPEST * width:
        raise PictureError(f'{width}x{height} is too narrow')


def read_picture(path: Path) -> np.ndarray:
    """The pixels (H, W, 3) of an image, RGB, as mmdet reads it.

    Raises:
        PictureError: It cannot be decoded, or only with too much memory.
    """
    check_picture(path)
    try:
        return mmcv.imread(path, channel_order='rgb')
    except (
        Exception
    ):  # OpenCV reads less than PIL, and mmcv does not ask whether it did
        raise PictureError('cannot be read by OpenCV') from None


def draw_pair(
    detections: Detections, image_id: int, path: Path, score_threshold: float
) -> str:
    """Ground truth left, predictions above the threshold right; a JPEG as data URL.

    Raises:
        PictureError: The image cannot be shown.
    """
    (said,) = detections.ground_truth.loadImgs([image_id])
    check_pixels(said['width'], said['height'])  # of the masks
    image = read_picture(path)
    height = WIDTH * image.shape[0] / image.shape[1]
    figure = Figure(figsize=(2 * WIDTH / DPI, height / DPI), dpi=DPI)
    halves = figure.subplots(1, 2, gridspec_kw=dict(wspace=0.01))
    figure.subplots_adjust(0, 0, 1, 1)
    truth = detections.ground_truth.dataset['annotations']
    shown = [r for r in detections.results if r['score'] >= score_threshold]
    for axes, rows in zip(halves, (truth, shown), strict=True):
        axes.set_axis_off()
        show_pixels(axes, image)
        here = [r for r in rows if r['image_id'] == image_id]
        draw_instances(axes, here[:MOST_DRAWN], detections)
    with BytesIO() as file:
        figure.savefig(file, format='jpeg', pil_kwargs=dict(quality=80))
        return 'data:image/jpeg;base64,' + b64encode(file.getvalue()).decode()


def draw_instances(axes: Axes, rows: list[dict], detections: Detections) -> None:
    """Draw boxes (x, y, w, h in pixels of the image), names, scores and masks."""
    labels = dict(
        zip(detections.category_ids.tolist(), detections.class_names, strict=True)
    )
    for row in rows:
        index = list(labels).index(row['category_id'])
        shade = colormaps['tab10'](index % 10)
        text = plain(labels[row['category_id']])
        if 'score' in row:
            text += f' {row["score"]:.2f}'
        x, y, width, height = box = box_of(row, detections)
        if not np.isfinite(box).all():  # evaluated, but nothing to draw
            continue
        axes.add_patch(
            Rectangle((x, y), width, height, fill=False, edgecolor=shade, linewidth=1.5)
        )
        axes.text(
            x, y, text, fontsize=9, color='white', va='bottom', clip_on=True,
            bbox=dict(facecolor=shade, edgecolor='none', pad=0.5),
        )  # fmt: skip
        if detections.iou_type == 'segm':
            mask = detections.ground_truth.ann_to_mask(row)
            fill = np.array([*(255 * c for c in shade[:3]), 127], np.uint8)
            # (H, W) -> (H, W, 4): the class colour where the mask is set.
            show_pixels(axes, mask[..., None], fill)


def show_pixels(axes: Axes, pixels: np.ndarray, times: np.ndarray | int = 1) -> None:
    """Draw pixels (H, W, C), of a large image only as many as there is room for."""
    height, width = pixels.shape[:2]
    step = max(1, max(height, width) // (2 * WIDTH))
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)  # as without a step
    axes.imshow(pixels[::step, ::step] * times, extent=extent)


def box_of(row: dict, detections: Detections) -> list[float]:
    """The box of an object or detection; a mask may come without one."""
    if 'bbox' in row:
        return row['bbox']
    return mask_util.toBbox(detections.ground_truth.ann_to_rle(row)).tolist()
