"""NMS and RoIAlign, as mmcv computes them and as ONNX's operators of that name do.

Each is an operator of torch with a translation for torch's exporter. In torch it is
mmcv's own, so that a module built of them is compared with mmdet's before it is
exported.
"""

from collections.abc import Callable

import torch
from mmcv.ops import nms as mmcv_nms
from mmcv.ops import roi_align as mmcv_roi_align
from torch import Tensor

REJECTED = -1.0  # the score of a box that is not to be kept; scores are at least 0


@torch.library.custom_op('eca_mm::nms', mutates_args=())
def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, most: int) -> Tensor:
    """(K, 2) int64: image and index of the boxes that are kept, best first.

    Args:
        boxes: (N, n, 4) as x1, y1, x2, y2.
        scores: (N, n); boxes of negative score are not kept.
        most: How many of an image are kept.
    """
    found = []
    for image, (own, score) in enumerate(zip(boxes, scores, strict=True)):
        there = (score >= 0).nonzero()[:, 0]
        kept = mmcv_nms(own[there], score[there], iou_threshold)[1][:most]
        index = there[kept]
        found.append(torch.stack([torch.full_like(index, image), index], 1))
    return torch.cat(found)


@nms.register_fake
def _(boxes: Tensor, scores: Tensor, iou_threshold: float, most: int) -> Tensor:
    kept = torch.library.get_ctx().new_dynamic_size()
    return boxes.new_empty(kept, 2, dtype=torch.int64)


@torch.library.custom_op('eca_mm::roi_align', mutates_args=())
def roi_align(
    features: Tensor,
    boxes: Tensor,
    images: Tensor,
    size: list[int],
    scale: float,
    samples: int,
    aligned: bool,
) -> Tensor:
    """Features (M, C, h, w) of boxes.

    Args:
        features: (N, C, H, W).
        boxes: (M, 4) as x1, y1, x2, y2 in pixels of the image.
        images: (M,) int64, the image of each box.
        size: h, w.
        scale: Of the features to the image.
        samples: In a bin, along each axis; 0 for as many as it has pixels.
        aligned: Whether the middle of a pixel is at half.
    """
    rois = torch.cat([images[:, None].to(boxes), boxes], 1)
    return mmcv_roi_align(features, rois, size, scale, samples, 'avg', aligned)


@roi_align.register_fake
def _(features, boxes, images, size, scale, samples, aligned):
    return features.new_empty(boxes.shape[0], features.shape[1], *size)


def translations() -> dict[Callable, Callable]:
    """For ``custom_translation_table`` of torch.onnx.export."""
    from onnxscript import opset18 as op  # of the extra eca_mm[export]

    def to_nms(boxes, scores, iou_threshold, most):
        found = op.NonMaxSuppression(
            boxes,
            op.Unsqueeze(scores, op.Constant(value_ints=[1])),  # one class
            op.Constant(value_ints=[most]),
            op.Constant(value_floats=[iou_threshold]),
            op.Constant(value_floats=[REJECTED / 2]),
        )
        # (K, 3), image, class and box -> (K, 2)
        return op.Gather(found, op.Constant(value_ints=[0, 2]), axis=1)

    def to_roi_align(features, boxes, images, size, scale, samples, aligned):
        return op.RoiAlign(
            features,
            boxes,
            images,
            output_height=size[0],
            output_width=size[1],
            spatial_scale=scale,
            sampling_ratio=samples,
            mode='avg',
            coordinate_transformation_mode=(
                'half_pixel' if aligned else 'output_half_pixel'
            ),
        )

    return {
        torch.ops.eca_mm.nms.default: to_nms,
        torch.ops.eca_mm.roi_align.default: to_roi_align,
    }
