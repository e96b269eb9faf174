"""A detector in an ONNX file, by eca_mm.runtime: without torch and mmdet."""

from pathlib import Path

import numpy as np
from PIL import Image

from eca_mm.engine.errors import RequestError
from eca_mm.runtime import Detector, NotADetector, read_image
from eca_mm.runtime.draw import draw
from eca_mm.runtime.masks import run_lengths

from .inputs import Sample
from .seen import Seen


class OnnxModel:
    """See :class:`eca_mm.inference.seen.Model`.

    Args:
        path: Of the file.
        device: ``cpu``, or ``cuda`` with onnxruntime's build for it; None for what
            onnxruntime takes.

    Raises:
        RequestError: It is no whole detector, or there is no such device.
    """

    def __init__(self, path: str, device: str | None = None) -> None:
        try:
            self.detector = Detector(path, providers_of(device))
        except NotADetector as error:
            raise RequestError(str(error)) from error
        self.classes = self.detector.classes
        self.box_of = self.detector.sides

    def read(self, image: str | np.ndarray) -> np.ndarray:
        return read_image(image) if isinstance(image, str) else image[..., ::-1]

    def look(
        self, batch: list[Sample], score_thr: float
    ) -> tuple[list[Seen], list[np.ndarray]]:
        images = [sample.data for sample in batch]
        found = self.detector(images)
        pairs = list(zip(images, found, strict=True))
        drawn = [draw(image, one, self.classes, score_thr) for image, one in pairs]
        return [
            Seen(
                *image.shape[:2],
                one.boxes,
                one.scores,
                one.labels,
                None if one.masks is None else list(map(run_lengths, one.masks)),
            )
            for image, one in pairs
        ], drawn

    def save(self, picture: np.ndarray, path: Path) -> None:
        Image.fromarray(picture).save(path)


def providers_of(device: str | None) -> list[str] | None:
    """Names of onnxruntime's providers.

    Raises:
        RequestError: The installed onnxruntime has none for it.
    """
    import onnxruntime

    if device is None:
        return None
    names = dict(cpu='CPUExecutionProvider', cuda='CUDAExecutionProvider')
    there = onnxruntime.get_available_providers()
    if names.get(device) not in there:
        known = [key for key, name in names.items() if name in there]
        raise RequestError(
            f'--device {device} cannot be used: the installed onnxruntime has '
            f'{", ".join(known)}'
        )
    return [names[device]]
