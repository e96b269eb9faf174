"""Check that test-time augmentation can merge what the model predicts."""

from collections.abc import Iterator

from mmdet.models.test_time_augs import DetTTAModel
from torch import nn

from eca_mm.findings import ERROR, Finding

BOXES_ONLY = (
    'leave --tta out, or test the boxes alone: --cfg-options '
    'model.roi_head.mask_head=None test_evaluator.metric=bbox'
)


def tta_findings(model: nn.Module) -> Iterator[Finding]:
    """mmdet's DetTTAModel asserts, at the first image, that there are no masks."""
    merges_boxes_only = isinstance(model, DetTTAModel) and (
        type(model)._merge_single_sample is DetTTAModel._merge_single_sample
    )
    if merges_boxes_only and getattr(model.module, 'with_mask', False):
        what = 'test-time augmentation merges boxes only, and the model predicts masks'
        yield Finding(ERROR, 'model', '--tta', what, BOXES_ONLY)
