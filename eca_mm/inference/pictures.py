"""Pictures of what was found, as images and videos in a folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from eca_mm.errors import RequestError

from .inputs import Sample, short

COLOURED = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm')


class Pictures:
    """A picture for each image, and a video for each video.

    Args:
        out: The folder.
        save: Writes a picture (H, W, 3) in RGB to a path.
    """

    def __init__(self, out: Path, save: Callable[[np.ndarray, Path], None]) -> None:
        self.out, self.save = out, save
        self.names: set[str] = set()
        self.video = None  # its path, and cv2.VideoWriter

    def add(self, sample: Sample, picture: np.ndarray) -> None:
        """Write a picture (H, W, 3) in RGB, or append it to that of its video."""
        if sample.frame is None:
            name = sample.path
            name = name if name.suffix.lower() in COLOURED else name.with_suffix('.png')
            self.write(picture, self.out / self.free_name(name.name))
        else:
            self.append(sample, np.ascontiguousarray(picture[..., ::-1]))

    def append(self, sample: Sample, bgr: np.ndarray) -> None:
        """Append a frame (H, W, 3) in BGR."""
        import cv2  # late: images need it not

        if self.video is None or self.video[0] != sample.path:
            self.close()
            path = self.out / self.free_name(f'{sample.path.stem}.mp4')
            path.unlink(missing_ok=True)
            size = bgr.shape[1], bgr.shape[0]
            codec = cv2.VideoWriter_fourcc(*'mp4v')
            writer = cv2.VideoWriter(str(path), codec, sample.fps or 25, size)
            if not writer.isOpened():
                raise RequestError(f'{path} cannot be written')
            self.video = sample.path, writer
        self.video[1].write(bgr)

    def free_name(self, name: str) -> str:
        """The name, with a number if a file of another folder has it."""
        path, number = Path(name), 1
        while name in self.names:
            number += 1
            name = f'{path.stem}_{number}{path.suffix}'
        self.names.add(name)
        return name

    def close(self) -> None:
        """Finish the picture of a video."""
        if self.video is not None:
            self.video[1].release()
            self.video = None

    def write(self, picture: np.ndarray, path: Path) -> None:
        """Write a picture; a link of an earlier run is not followed."""
        try:
            path.unlink(missing_ok=True)
            self.save(picture, path)
        except Exception as error:  # of an encoder, such as cv2.error
            raise RequestError(f'{path} cannot be written ({short(error)})') from error
