"""A detector in an ONNX file, by eca_mm.runtime: without torch and mmdet."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from eca_mm.errors import RequestError
from eca_mm.runtime import Detector, NotADetector, Scaled, read_image
from eca_mm.runtime.draw import draw
from eca_mm.runtime.mask_pasting import run_lengths
from eca_mm.runtime.session import CPU, PROVIDERS, Provider

from .inputs import Sample
from .seen import Seen


class OnnxModel:
    """See :class:`eca_mm.inference.seen.Model`.

    Args:
        path: Of the file.
        device: ``cpu``, or ``cuda`` or ``cuda:1`` with onnxruntime's build for it;
            None for a GPU if there is such a build, else the CPU.

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

    def read(self, image: str | np.ndarray) -> Scaled:
        rgb = read_image(image) if isinstance(image, str) else image[..., ::-1]
        return self.detector.scaled(rgb)

    def look(
        self, batch: list[Sample], score_thr: float
    ) -> tuple[list[Seen], list[np.ndarray]]:
        scaled = [sample.data for sample in batch]
        images = [one.image for one in scaled]
        try:
            found = self.detector.look(scaled)
        except NotADetector as error:
            raise RequestError(str(error)) from error
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


def providers_of(device: str | None) -> Sequence[Provider] | None:
    """onnxruntime's providers for a device of torch's name.

    Raises:
        RequestError: The installed onnxruntime has none for it.
    """
    import onnxruntime

    if device is None:
        return None
    there = onnxruntime.get_available_providers()
    gpu = re.fullmatch(r'cuda(?::(\d+))?', device)
    if gpu and PROVIDERS[0] in there:
        return [(PROVIDERS[0], dict(device_id=int(gpu[1] or 0)))]
    if device == 'cpu':
        return CPU
    known = 'cpu and cuda' if PROVIDERS[0] in there else 'cpu'
    raise RequestError(
        f'--device {device} cannot be used: the installed onnxruntime has {known}'
    )
