"""A whole detector in an ONNX file, from images to boxes, scores, labels and masks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .images import resize, resized_shape
from .masks import paste, paste_whole_pixels

KIND = 'whole detector, 1'  # of the file's metadata, under eca_mm


class NotADetector(ValueError):
    """A file is not one that ``eca-mm export --whole`` wrote: one line."""


@dataclass(frozen=True)
class Found:
    """What was found in an image, the best first.

    Attributes:
        boxes: (n, 4) float32 as x1, y1, x2, y2 in pixels of the image.
        scores: (n,) float32.
        labels: (n,) int64, numbers of classes.
        masks: (n, H, W) bool; None of a detector without masks.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    masks: np.ndarray | None


class Detector:
    """Runs the file; which says how images are resized and what its classes are.

    Args:
        path: Of the file.
        providers: Of onnxruntime; those that it has by default.
        threads: Of the CPU; onnxruntime's choice by default.

    Attributes:
        classes: Names, by label.
        info: All that the file says of itself, by name.

    Raises:
        NotADetector: It cannot be run, or is something else.
    """

    def __init__(
        self,
        path: Path | str,
        providers: Sequence[str] | None = None,
        threads: int | None = None,
    ) -> None:
        self.session = open_session(path, providers, threads)
        found = self.session.get_modelmeta().custom_metadata_map
        if found.get('eca_mm') != KIND:
            raise NotADetector(
                f'{path}: not a whole detector of this version: write one by "eca-mm '
                'export --whole"'
            )
        self.info = {key: read_value(value) for key, value in found.items()}
        self.classes: list[str] = self.info['classes']
        self.outputs = [output.name for output in self.session.get_outputs()]

    def __call__(
        self, images: Sequence[np.ndarray], score_thr: float | None = None
    ) -> list[Found]:
        """Look at images (H, W, 3) uint8 in RGB, all at once.

        Args:
            score_thr: Below which nothing is kept; None for the config's.
        """
        scaled, scales = zip(*map(self.scaled, images), strict=True)
        sizes = np.array([image.shape[:2] for image in scaled], np.float32)
        height, width = sizes.max(0).astype(int)
        pixels = np.zeros((len(images), 3, height, width), np.uint8)
        for place, image in zip(pixels, scaled, strict=True):
            # (H, W, 3) -> (3, H, W)
            place[:, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
        found = self.run(pixels, sizes, np.array(scales, np.float32), score_thr)
        return [
            self.of_image(found, i, image.shape[:2]) for i, image in enumerate(images)
        ]

    def run(
        self,
        pixels: np.ndarray,
        sizes: np.ndarray,
        scales: np.ndarray,
        score_thr: float | None = None,
    ) -> dict[str, np.ndarray]:
        """The file's outputs by name, of inputs as it has them."""
        feed = dict(pixels=pixels, sizes=sizes, scales=scales)
        if score_thr is not None:
            feed['score_thr'] = np.array([score_thr], np.float32)
        return dict(
            zip(self.outputs, self.session.run(self.outputs, feed), strict=True)
        )

    def scaled(self, image: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
        """An image of the size that the network is for, and the factors of x and y."""
        rule = self.info['resize']
        if not rule:
            return image, (1.0, 1.0)
        height, width = image.shape[:2]
        rows, columns, factor = resized_shape(
            height, width, rule['scale'], rule['keep_ratio']
        )
        factors = columns / width, rows / height
        if rule['one_factor'] and rule['keep_ratio']:
            factors = factor, factor
        return resize(image, rows, columns), factors

    def of_image(
        self, found: dict[str, np.ndarray], number: int, shape: tuple[int, int]
    ) -> Found:
        """Detections of one image of a batch, the best first."""
        own = np.flatnonzero(found['image'] == number)
        own = own[np.argsort(-found['scores'][own], kind='stable')]
        boxes = found['boxes'][own]
        masks = None
        if 'masks' in found:
            masks = self.pasted(found['masks'][own], boxes, shape)
        return Found(boxes, found['scores'][own], found['labels'][own], masks)

    def pasted(
        self, masks: np.ndarray, boxes: np.ndarray, shape: tuple[int, int]
    ) -> np.ndarray:
        """Masks (n, H, W) bool of the whole image."""
        rule, whole = self.info['masks'], np.zeros((len(masks), *shape), bool)
        for place, mask, box in zip(whole, masks, boxes, strict=True):
            if rule['whole_pixels']:
                values, part = paste_whole_pixels(mask, box)
                inside = place[part].shape
                place[part] = values[: inside[0], : inside[1]] > rule['threshold']
            else:
                values, part = paste(mask, box, *shape)
                place[part] = values >= rule['threshold']
        return whole

    def sides(self, box: np.ndarray) -> list[float]:
        """x, y, width and height of a box, as COCO and the config's metric have it."""
        x1, y1, x2, y2 = (float(side) for side in box)
        last = float(self.info['last_pixel'])
        return [x1, y1, x2 - x1 + last, y2 - y1 + last]


def read_value(text: str):
    """A value of the metadata: JSON, or a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def open_session(
    path: Path | str, providers: Sequence[str] | None, threads: int | None
):
    """An InferenceSession.

    Raises:
        NotADetector: onnxruntime cannot read or run the file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its own notes are not for users
    if threads:
        options.intra_op_num_threads = threads
    providers = list(providers or onnxruntime.get_available_providers())
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # of classes that onnxruntime does not export
        reason = ' '.join(str(error).split())[:150]
        raise NotADetector(f'{path}: onnxruntime cannot run it ({reason})') from error
