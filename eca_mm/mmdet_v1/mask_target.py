"""What a mask head learns: the object's bitmap in a box of whole pixels.

Source: mmdet 1.0, ``core/mask/mask_target.py``.
"""

from collections.abc import Sequence

import mmcv
import numpy as np
import torch
from mmdet.structures.mask import BaseInstanceMasks
from torch import Tensor


def mask_targets(
    boxes: Sequence[Tensor],
    objects: Sequence[Tensor],
    masks: Sequence[BaseInstanceMasks],
    size: tuple[int, int],
) -> Tensor:
    """Targets (n, height, width), 0 or 1, of all boxes of a batch.

    A box loses its fractions, its last pixel belongs to it, and the bitmap inside is
    resized as bytes, whose rounding loses some of the rim. 3.x averages samples inside
    the box itself.

    Args:
        boxes: Of each image (n, 4), by their last pixel.
        objects: Of each image (n,), which of its masks the boxes belong to.
        masks: Of each image, as large as the image at least.
        size: (height, width) of a target.
    """
    device = boxes[0].device
    # At once: from a GPU each transfer would wait for all that runs there.
    numbered = [
        torch.cat([box.float(), number[:, None].float()], 1)
        for box, number in zip(boxes, objects, strict=True)
    ]
    table = torch.cat(numbered).cpu().numpy()
    targets = np.empty((len(table), *size), dtype=np.uint8)
    start = 0
    for i, found in enumerate(masks):
        end = start + len(boxes[i])
        crop_targets(table[start:end], found.to_ndarray(), targets[start:end])
        start = end
    return torch.from_numpy(targets).to(device).float()


def crop_targets(table: np.ndarray, bitmaps: np.ndarray, targets: np.ndarray) -> None:
    """Fill targets (n, h, w) of an image.

    Args:
        table: (n, 5), boxes and the number of the bitmap of each.
        bitmaps: (objects, height, width).
    """
    height, width = bitmaps.shape[1:]
    last = np.array([width, height, width, height]) - 1
    corners = np.clip(table[:, :4], 0, last).astype(np.int32)
    x1, y1, x2, y2 = corners.T
    # Of a box less than a pixel wide the last pixel can be the one before the first.
    x2, y2 = np.maximum(x1, x2) + 1, np.maximum(y1, y2) + 1
    bitmaps = bitmaps.astype(np.uint8, copy=False)
    size = targets.shape[:0:-1]  # (w, h)
    numbers = table[:, 4].astype(int)
    for i, number in enumerate(numbers):
        crop = bitmaps[number, y1[i] : y2[i], x1[i] : x2[i]]
        mmcv.imresize(crop, size, out=targets[i], backend='cv2')
