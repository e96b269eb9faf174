"""A checkpoint's detector, by mmdet's DetInferencer."""

from pathlib import Path

import mmcv
import numpy as np
from mmdet.apis import DetInferencer
from mmdet.evaluation import CocoMetric
from mmdet.registry import METRICS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import encode_mask_results

from eca_mm.engine.preflight.config_parts import metrics_of

from .inputs import Sample
from .seen import Seen


class MmdetModel:
    """See :class:`eca_mm.inference.seen.Model`."""

    def __init__(self, inferencer: DetInferencer) -> None:
        self.inferencer = inferencer
        self.classes = inferencer.model.dataset_meta['classes']
        self.read = inferencer.pipeline
        metrics = metrics_of(inferencer.cfg, 'test') or [{}]
        kind = METRICS.get(metrics[0].get('type', 'CocoMetric'))
        is_coco = isinstance(kind, type) and issubclass(kind, CocoMetric)
        self.box_of = (kind if is_coco else CocoMetric)().xyxy2xywh

    def look(
        self, batch: list[Sample], score_thr: float
    ) -> tuple[list[Seen], list[np.ndarray]]:
        inferencer = self.inferencer
        pairs = [(sample.image, sample.data) for sample in batch]
        originals, data = inferencer.collate_fn(pairs)
        found = inferencer.forward(data)
        drawn = inferencer.visualize(
            originals, found, return_vis=True, pred_score_thr=score_thr
        )
        return [seen(sample) for sample in found], drawn

    def save(self, picture: np.ndarray, path: Path) -> None:
        bgr = np.ascontiguousarray(picture[..., ::-1])
        if not mmcv.imwrite(bgr, str(path)):
            raise OSError('OpenCV does not say why')


def seen(found: DetDataSample) -> Seen:
    """mmdet's detections."""
    pred = found.pred_instances.cpu().numpy()
    masks = encode_mask_results(pred.masks) if 'masks' in pred else None
    height, width = found.ori_shape
    return Seen(height, width, pred.bboxes, pred.scores, pred.labels, masks)
