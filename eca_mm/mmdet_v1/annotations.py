"""Ground truth from its first to its last pixel.

Source: mmdet 1.0, ``datasets/coco.py``; 1.0rc0, ``datasets/pipelines/loading.py``.
"""

from mmdet.datasets.transforms import LoadAnnotations
from mmdet.registry import TRANSFORMS


@TRANSFORMS.register_module()
class V1LoadAnnotations(LoadAnnotations):
    """Boxes that end with the last pixel of COCO's: ``x + w - 1``, ``y + h - 1``.

    Args:
        skip_img_without_anno: In training, let the data set take another image for one
            with no object, as where all are crowds. So did 0.6 and 1.0rc0; 1.0 trained
            on it as background. In a test pipeline set False: no image is left out.
        kwargs: As LoadAnnotations'.
    """

    def __init__(self, skip_img_without_anno: bool = True, **kwargs) -> None:
        super().__init__(**kwargs)
        self.skip_img_without_anno = skip_img_without_anno

    def _load_bboxes(self, results: dict) -> None:
        instances = [
            {**instance, 'bbox': with_last_pixel(*instance['bbox'])}
            for instance in results.get('instances', [])
        ]
        loaded = dict(instances=instances)
        super()._load_bboxes(loaded)
        results['gt_bboxes'] = loaded['gt_bboxes']
        results['gt_ignore_flags'] = loaded['gt_ignore_flags']

    def transform(self, results: dict) -> dict | None:
        """As the base class; None for an image that is to be skipped."""
        results = super().transform(results)
        if self.skip_img_without_anno and self.with_bbox:
            return None if results['gt_ignore_flags'].all() else results
        return results


def with_last_pixel(
    x1: float, y1: float, x2: float, y2: float
) -> tuple[float, float, float, float]:
    """A box whose far edges are given, by its last pixel."""
    return x1, y1, x2 - 1, y2 - 1
