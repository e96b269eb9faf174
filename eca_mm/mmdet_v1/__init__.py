"""MMDetection 1.x's rules for models of 3.x, where a config cannot ask for them.

In 1.x a box names its first and its last pixel: it is ``x2 - x1 + 1`` wide. 3.x keeps
``LegacyAnchorGenerator`` of that, and NMS takes ``offset=1``; but its
``LegacyDeltaXYWHBBoxCoder`` leaves out the half pixels (its source says so), and its
RoIAlign, its COCO metric and its masks have no last pixel.
"""

from .annotations import V1LoadAnnotations
from .coder import V1DeltaXYWHBBoxCoder
from .flip import V1DetTTAModel, V1RandomFlip
from .mask_head import V1FCNMaskHead
from .metric import V1CocoMetric
from .overlaps import V1BboxOverlaps2D
from .resize import V1Resize
from .retina_head import V1RetinaHead
from .roi_head import V1RoIHead
from .roi_pooling import V1RoIAlign, V1RoIExtractor

__all__ = [
    'V1BboxOverlaps2D',
    'V1CocoMetric',
    'V1DeltaXYWHBBoxCoder',
    'V1DetTTAModel',
    'V1FCNMaskHead',
    'V1LoadAnnotations',
    'V1RandomFlip',
    'V1Resize',
    'V1RetinaHead',
    'V1RoIAlign',
    'V1RoIExtractor',
    'V1RoIHead',
]
