"""A whole detector in an ONNX file, from images to boxes, scores, labels and masks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .mask_pasting import paste, paste_whole_pixels
from .metadata import named, read_info
from .pipeline import resize, resized_shape
from .session import Provider, check_found, open_session, run


@dataclass(frozen=True)
class Scaled:
    """An image of the size that the network is for.

    Attributes:
        image: (H, W, 3) uint8 in RGB, as it was.
        pixels: (h, w, 3) uint8, resized.
        factors: Of x and y.
    """

    image: np.ndarray
    pixels: np.ndarray
    factors: tuple[float, float]


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
        providers: Of onnxruntime, by name or with their options; by default CUDA if
            there is a build for it, and the CPU.
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
        providers: Sequence[Provider] | None = None,
        threads: int | None = None,
    ) -> None:
        self.path = path
        with named(path):
            self.session = open_session(path, providers, threads)
            self.outputs = [output.name for output in self.session.get_outputs()]
            texts = self.session.get_modelmeta().custom_metadata_map
            self.info = read_info(texts, self.outputs)
        self.classes: list[str] = self.info['classes']

    def __call__(
        self, images: Sequence[np.ndarray], score_thr: float | None = None
    ) -> list[Found]:
        """Look at images (H, W, 3) uint8 in RGB, all at once.

        Args:
            score_thr: Below which nothing is kept; None for the config's.

        Raises:
            ValueError: An image is too thin to be resized.
            NotADetector: The file fails, or finds what cannot be.
        """
        return self.look(map(self.scaled, images), score_thr)

    def look(
        self, images: Iterable[Scaled], score_thr: float | None = None
    ) -> list[Found]:
        """The same of images that :meth:`scaled` has resized."""
        images = list(images)
        if not images:
            return []
        sizes = np.array([image.pixels.shape[:2] for image in images], np.float32)
        height, width = sizes.max(0).astype(int)
        pixels = np.zeros((len(images), 3, height, width), np.uint8)
        for place, image in zip(pixels, images, strict=True):
            rows, columns = image.pixels.shape[:2]
            # (h, w, 3) -> (3, h, w)
            place[:, :rows, :columns] = image.pixels.transpose(2, 0, 1)
        factors = np.array([image.factors for image in images], np.float32)
        found = self.run(pixels, sizes, factors, score_thr)
        return [
            self.of_image(found, i, image.image.shape[:2])
            for i, image in enumerate(images)
        ]

    def run(
        self,
        pixels: np.ndarray,
        sizes: np.ndarray,
        scales: np.ndarray,
        score_thr: float | None = None,
    ) -> dict[str, np.ndarray]:
        """The file's outputs by name, of inputs as it has them.

        Raises:
            NotADetector: It fails, or finds what cannot be.
        """
        feed = dict(pixels=pixels, sizes=sizes, scales=scales)
        if score_thr is not None:
            feed['score_thr'] = np.array([score_thr], np.float32)
        with named(self.path):
            found = run(self.session, self.outputs, feed)
            check_found(found, len(self.classes))
        return found

    def scaled(self, image: np.ndarray) -> Scaled:
        """An image (H, W, 3) uint8 in RGB, of the size that the network is for.

        Raises:
            ValueError: It is too thin to be resized.
        """
        rule = self.info['resize']
        if not rule:
            return Scaled(image, image, (1.0, 1.0))
        height, width = image.shape[:2]
        rows, columns, factor = resized_shape(
            height, width, rule['scale'], rule['keep_ratio']
        )
        factors = columns / width, rows / height
        if rule['one_factor'] and rule['keep_ratio']:
            factors = factor, factor
        return Scaled(image, resize(image, rows, columns), factors)

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
                values, part = paste_whole_pixels(mask, box, *shape)
                place[part] = values > rule['threshold']
            else:
                values, part = paste(mask, box, *shape)
                place[part] = values >= rule['threshold']
        return whole

    def sides(self, box: np.ndarray) -> list[float]:
        """x, y, width and height of a box, as COCO and the config's metric have it."""
        x1, y1, x2, y2 = (float(side) for side in box)
        last = float(self.info['last_pixel'])
        return [x1, y1, x2 - x1 + last, y2 - y1 + last]
