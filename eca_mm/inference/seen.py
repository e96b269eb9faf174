"""What a model is asked for, whether it is run by mmdet or by onnxruntime."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .inputs import Sample


@dataclass(frozen=True)
class Seen:
    """Detections of an image of a height and width.

    Attributes:
        boxes: (n, 4) as x1, y1, x2, y2 in pixels.
        scores: (n,).
        labels: (n,), numbers of classes.
        masks: n run lengths as COCO has them, or None.
    """

    height: int
    width: int
    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    masks: list[dict] | None


class Model(Protocol):
    """A trained detector.

    Attributes:
        classes: Names, by label.
    """

    classes: Sequence[str]

    def read(self, image: str | np.ndarray) -> Any:
        """What :meth:`look` takes, of a path or an image (H, W, 3) in BGR."""

    def look(
        self, batch: list[Sample], score_thr: float
    ) -> tuple[list[Seen], list[np.ndarray]]:
        """All that is seen in some images, and their pictures (H, W, 3) in RGB.

        Args:
            score_thr: Lowest score in the pictures.
        """

    def box_of(self, box: np.ndarray) -> list[float]:
        """x, y, width and height of a box of x1, y1, x2, y2."""

    def save(self, picture: np.ndarray, path: Path) -> None:
        """Write a picture (H, W, 3) in RGB; OSError or another if that cannot be."""
