"""An image with its ground truth, beside itself with the predictions."""

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import mmcv
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pycocotools import mask as mask_util

from ..detections import Detections
from .charts import plain

WIDTH, DPI = 420, 100  # pixels of one half of a picture


def draw_pair(
    detections: Detections, image_id: int, path: Path, score_threshold: float
) -> str:
    """Ground truth left, predictions above the threshold right; a JPEG as data URL."""
    image = mmcv.imread(path, channel_order='rgb')
    height = WIDTH * image.shape[0] / image.shape[1]
    figure = Figure(figsize=(2 * WIDTH / DPI, height / DPI), dpi=DPI)
    halves = figure.subplots(1, 2, gridspec_kw=dict(wspace=0.01))
    figure.subplots_adjust(0, 0, 1, 1)
    truth = detections.ground_truth.dataset['annotations']
    shown = [r for r in detections.results if r['score'] >= score_threshold]
    for axes, rows in zip(halves, (truth, shown), strict=True):
        axes.set_axis_off()
        axes.imshow(image)
        draw_instances(axes, [r for r in rows if r['image_id'] == image_id], detections)
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
            # (H, W) -> (H, W, 4): the class colour where the mask is set.
            axes.imshow(mask[..., None] * np.array([*shade[:3], 0.5]))


def box_of(row: dict, detections: Detections) -> list[float]:
    """The box of an object or detection; a mask may come without one."""
    if 'bbox' in row:
        return row['bbox']
    return mask_util.toBbox(detections.ground_truth.ann_to_rle(row)).tolist()
