"""A grid of evaluated images: ground truth beside prediction."""

from pathlib import Path

import mmcv
import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from eca_mm.files import replaced

PAIRS_IN_A_ROW = 2


def draw_samples(
    samples: list[DetDataSample], classes: tuple, score_thr: float, out: Path
) -> None:
    """Draw each sample's ground truth and its predictions above ``score_thr``."""
    rows = -(-len(samples) // PAIRS_IN_A_ROW)
    columns = 2 * PAIRS_IN_A_ROW
    figure = Figure(figsize=(3.2 * columns, 3.2 * rows), layout='constrained')
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    pairs = grid.reshape(-1, 2)
    for sample, (left, right) in zip(samples, pairs, strict=False):
        image = mmcv.imread(sample.img_path, channel_order='rgb')
        left.set_title('ground truth', fontsize=8)
        right.set_title('prediction', fontsize=8)
        left.imshow(image)
        right.imshow(image)
        draw_instances(left, sample.get('gt_instances'), classes)
        predictions = sample.pred_instances
        draw_instances(right, predictions[predictions.scores > score_thr], classes)
    with replaced(out) as path:
        figure.savefig(path, dpi=110)


def draw_instances(axes: Axes, instances: InstanceData | None, classes: tuple) -> None:
    """Draw boxes (x1, y1, x2, y2 in pixels of the image), names, scores and masks."""
    if instances is None:  # the pipeline loads no annotations
        return
    boxes = instances.bboxes
    boxes = boxes.tensor if hasattr(boxes, 'tensor') else boxes
    masks = mask_array(instances.get('masks'))
    scores = instances.get('scores')
    for i, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        label = int(instances.labels[i])
        color = colormaps['tab10'](label % 10)
        axes.add_patch(
            Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color)
        )
        text = classes[label] if scores is None else f'{classes[label]} {scores[i]:.2f}'
        axes.text(
            x1, y1, text, fontsize=6, color='white', va='bottom',
            bbox=dict(facecolor=color, edgecolor='none', pad=0.5),
        )  # fmt: skip
        if masks is not None:
            # (H, W) -> (H, W, 4): the class colour where the mask is set.
            axes.imshow(masks[i][..., None] * np.array([*color[:3], 0.5]))


def mask_array(masks) -> np.ndarray | None:
    """Masks of mmdet in any of their forms as a bool array (N, H, W)."""
    if masks is None:
        return None
    array = masks.numpy() if isinstance(masks, torch.Tensor) else masks.to_ndarray()
    return array.astype(bool)
