"""Images and their boxes, scaled by one factor.

Source: mmdet 1.0, ``datasets/pipelines/transforms.py``.
"""

import mmcv
from mmdet.datasets.transforms import Resize
from mmdet.registry import TRANSFORMS


@TRANSFORMS.register_module()
class V1Resize(Resize):
    """Scales boxes by the factor that was asked for, up to the last pixel.

    3.x divides the sizes of the images, which are whole, and so gets one factor for x
    and another one for y. Both stay in the meta information, here equal, and boxes are
    scaled back by them in testing.
    """

    def _resize_img(self, results: dict) -> None:
        size = results['img'].shape[1::-1]
        super()._resize_img(results)
        if self.keep_ratio:
            factor = mmcv.rescale_size(size, results['scale'], return_scale=True)[1]
            results['scale_factor'] = factor, factor

    def _resize_bboxes(self, results: dict) -> None:
        if results.get('gt_bboxes') is not None:
            results['gt_bboxes'].rescale_(results['scale_factor'])
            if self.clip_object_border:
                height, width = results['img_shape']
                results['gt_bboxes'].clip_((height - 1, width - 1))
