"""RoI pooling that includes a box's last pixel.

Source: mmdet 1.0, ``ops/roi_align``, ``models/roi_extractors/single_level.py``.
"""

from mmcv.ops import RoIAlign
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.registry import MODELS
from torch import Tensor


class V1RoIAlign(RoIAlign):
    """Pools from the first pixel's left edge to the last one's right edge.

    mmcv's ``aligned=False`` would do, but it widens what is narrower than a cell of the
    feature map. So the aligned one is given boxes that are half a cell further on.
    """

    def forward(self, input: Tensor, rois: Tensor) -> Tensor:
        """Features (N, C, h, w) of RoIs (N, 5): index in the batch, box."""
        half = 0.5 / self.spatial_scale
        return super().forward(
            input, rois + rois.new_tensor([0, half, half, 1 + half, 1 + half])
        )


@MODELS.register_module()
class V1RoIExtractor(SingleRoIExtractor):
    """Level and features of a RoI by its size with the last pixel.

    Args:
        roi_layer: ``output_size`` and ``sampling_ratio`` of the V1RoIAlign; ``type``
            and ``aligned`` are set here.
        kwargs: As SingleRoIExtractor's.
    """

    def __init__(self, roi_layer: dict, **kwargs) -> None:
        roi_layer = {**roi_layer, 'type': V1RoIAlign, 'aligned': True}
        super().__init__(roi_layer=roi_layer, **kwargs)

    def map_roi_levels(self, rois: Tensor, num_levels: int) -> Tensor:
        """Level (N,) of each RoI (N, 5)."""
        return super().map_roi_levels(
            rois + rois.new_tensor([0, 0, 0, 1, 1]), num_levels
        )
