"""Detectors of MMDetection 1.x, such as the authors' COCO files, under 3.x's names.

In 1.x the background was class 0 of a softmax classifier and had a box and a mask of
its own; since 2.0 it is the last class and has neither. The RPN and RetinaNet use a
sigmoid and never had a background. Two-stage heads moved below ``roi_head.``.

Names and shapes: mmdet 1.0 to 1.2, ``models/bbox_heads/convfc_bbox_head.py``,
``mask_heads/fcn_mask_head.py``, ``anchor_heads/``. (mmdet's upgrade_model_version.py
also rotates the biases of RPN and RetinaNet, and cuts the last class in place of the
background from the biases of boxes and masks.)
"""

import torch
from torch import Tensor

from .architecture import backbone_config
from .rename import State
from .safe import CheckpointError

ROI_HEADS = ('bbox_head.', 'mask_head.')
HEADS = ('rpn_head.', *ROI_HEADS)
PARTS = ('backbone.', 'neck.', *HEADS)
# What tells the detectors apart, the more particular first
DETECTORS = {
    'mask_rcnn': ('rpn_head.rpn_cls', 'bbox_head.fc_cls', 'mask_head.conv_logits'),
    'faster_rcnn': ('rpn_head.rpn_cls', 'bbox_head.fc_cls'),
    'retinanet': ('bbox_head.retina_cls', 'bbox_head.cls_convs.0.conv'),
}
# Layers with outputs for each class, and how many for one
PER_CLASS = {'bbox_head.fc_cls': 1, 'bbox_head.fc_reg': 4, 'mask_head.conv_logits': 1}


def matches(state: State) -> bool:
    """Whether this is a detector of MMDetection; which version is for convert."""
    return any(key.startswith((*HEADS, 'roi_head.')) for key in state)


def convert(state: State) -> tuple[State, dict]:
    """State dict of the same detector in 3.x.

    RetinaNet's tensors are the same in all versions and pass as they are, so a later
    file cannot be told from one of 1.x.

    Returns:
        State dict, and ``detector``, ``num_classes`` (without the background; for the
        two-stage detectors) and the ``backbone``'s config.

    Raises:
        CheckpointError: It is another detector, or of MMDetection 2.x or 3.x.
    """
    detector = detector_of(state)
    prefix = 'backbone.'
    backbone = {
        key.removeprefix(prefix): tensor
        for key, tensor in state.items()
        if key.startswith(prefix)
    }
    meta = dict(detector=detector, backbone=backbone_config(backbone))
    if detector == 'retinanet':
        return dict(state), meta
    classes = len(state['bbox_head.fc_cls.weight'])
    new = {
        f'roi_head.{key}' if key.startswith(ROI_HEADS) else key: move_background(
            key, tensor, classes
        )
        for key, tensor in state.items()
    }
    return new, meta | dict(num_classes=classes - 1)


def detector_of(state: State) -> str:
    """Name of the detector, a key of ``DETECTORS``."""
    if any(key.startswith('roi_head.') for key in state):
        raise CheckpointError(
            'its heads are below roi_head.: it comes from MMDetection 2.x or 3.x and '
            'needs no conversion'
        )
    strange = next((key for key in state if not key.startswith(PARTS)), None)
    for name, layers in DETECTORS.items():
        if strange is None and all(f'{layer}.weight' in state for layer in layers):
            return name
    heads = (key for key in state if key.startswith(ROI_HEADS))
    raise CheckpointError(
        f'of MMDetection 1.x the detectors {", ".join(DETECTORS)} are known; this one '
        f'has {strange or next(heads, "no bbox_head")}'
    )


def move_background(key: str, tensor: Tensor, classes: int) -> Tensor:
    """Rows of a head without those of class 0; in the classifier they become the last.

    Args:
        tensor: (classes * n, ...), or (n, ...) for a layer that all classes share,
            with n of ``PER_CLASS``; every other layer passes.
        classes: With the background.
    """
    layer = key.rpartition('.')[0]
    n = PER_CLASS.get(layer)
    if n is None or (len(tensor) == n and layer != 'bbox_head.fc_cls'):
        return tensor
    if len(tensor) != n * classes:
        raise CheckpointError(
            f'{key} has {len(tensor)} rows, in MMDetection 1.x it would be '
            f'{n * classes} with {classes} rows of bbox_head.fc_cls.weight'
        )
    background, objects = tensor[:n], tensor[n:]
    return torch.cat([objects, background]) if layer == 'bbox_head.fc_cls' else objects
