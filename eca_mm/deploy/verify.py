"""Detections of an ONNX file beside those of mmdet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from mmdet.apis import DetInferencer
from torch import nn

from eca_mm.runtime import Detector
from eca_mm.runtime.session import CPU

NEAR = 0.5  # pixels, within which two boxes of a class are taken for the same
SIDE = 0.01  # pixels, by which boxes of a good file differ
SHARE = 0.99  # of detections, for which they do


@dataclass
class Difference:
    """Between the detections of two roads.

    Attributes:
        detections: How many there are, of the road that has more.
        sides: The largest difference of each pair's boxes, in pixels.
        scores: The difference of each pair's scores.
        masks: The share of different pixels in each pair's masks.
    """

    detections: int
    sides: list[float]
    scores: list[float]
    masks: list[float]

    @property
    def good(self) -> int:
        """How many have an equal one on the other road."""
        return sum(side <= SIDE for side in self.sides)

    @property
    def near(self) -> float:
        """The share of them."""
        return self.good / self.detections if self.detections else float('nan')

    def __str__(self) -> str:
        worst = [max(part, default=0.0) for part in (self.sides, self.scores)]
        text = (
            f'{self.detections} detections, {self.near:.1%} of them within {SIDE} '
            f'pixels; at most {worst[0]:.1e} pixels and {worst[1]:.1e} of score apart'
        )
        if self.masks:
            text += f'; {np.mean(self.masks):.1e} of the pixels of masks differ'
        return text


def compare(path, inferencer: DetInferencer, images: Sequence[np.ndarray]) -> list:
    """A Difference for all images together, one by one and as a batch.

    Nothing is left out for its low score, so that there is something to compare.

    Args:
        path: Of the ONNX file.
        inferencer: With the model; on the CPU.
        images: (H, W, 3) uint8 in RGB.
    """
    detector = Detector(path, CPU)
    batches = [*([image] for image in images), [*images]]
    differences = []
    for batch in batches:
        wanted, found = both(detector, inferencer, batch)
        differences.append(difference(wanted, found))
    return differences


def both(
    detector: Detector,
    inferencer: DetInferencer,
    batch: list[np.ndarray],
    score_thr: float | None = 0.0,
) -> tuple[list, list]:
    """Detections of mmdet and of the file, for the very same pixels.

    Args:
        score_thr: Least score; None for the config's.
    """
    # BGR, as OpenCV reads them
    data = [inferencer.pipeline(np.ascontiguousarray(i[..., ::-1])) for i in batch]
    sizes = np.array([part['inputs'].shape[1:] for part in data], np.float32)
    height, width = sizes.max(0).astype(int)
    pixels = np.zeros((len(batch), 3, height, width), np.uint8)
    for place, part in zip(pixels, data, strict=True):
        scaled = part['inputs'].flip(0).numpy()
        place[:, : scaled.shape[1], : scaled.shape[2]] = scaled
    scales = np.array([part['data_samples'].scale_factor for part in data], np.float32)
    raw = detector.run(pixels, sizes, scales, score_thr)
    found = [detector.of_image(raw, i, im.shape[:2]) for i, im in enumerate(batch)]
    with threshold(inferencer.model, score_thr), torch.no_grad():
        wanted = inferencer.model.test_step(inferencer.collate_fn(
            [(None, part) for part in data]
        )[1])  # fmt: skip
    return [sample.pred_instances.cpu().numpy() for sample in wanted], found


@contextmanager
def threshold(model: nn.Module, score_thr: float | None) -> Iterator[None]:
    """mmdet's model with another least score, for a while."""
    head = getattr(model, 'roi_head', None) or model.bbox_head
    kept = head.test_cfg.score_thr
    head.test_cfg.score_thr = kept if score_thr is None else score_thr
    try:
        yield
    finally:
        head.test_cfg.score_thr = kept


def difference(wanted: Sequence, found: Sequence) -> Difference:
    """Of the detections of some images; each is paired once with one of its class."""
    total = Difference(0, [], [], [])
    for one, other in zip(wanted, found, strict=True):
        total.detections += max(len(one.bboxes), len(other.boxes))
        free = np.ones(len(other.boxes), bool)
        for i, box in enumerate(one.bboxes):
            apart = np.abs(other.boxes - box).max(1, initial=0)
            gap = np.abs(other.scores - one.scores[i])
            fits = free & (other.labels == one.labels[i]) & (apart <= NEAR)
            if not fits.any():
                continue
            j = int(np.where(fits, apart + gap, np.inf).argmin())
            free[j] = False
            total.sides.append(float(apart[j]))
            total.scores.append(float(gap[j]))
            if other.masks is not None:
                total.masks.append(float((other.masks[j] != one.masks[i]).mean()))
    return total
