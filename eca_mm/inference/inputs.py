"""The images and videos that a user names, read one after the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path

import numpy as np

from eca_mm.progress import Bar, progress

# As mmdet.apis.det_inferencer has them
IMAGES = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')
VIDEOS = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg')
KNOWN = (*IMAGES, *VIDEOS)


@dataclass(frozen=True)
class Sample:
    """One image, or one frame of a video.

    Attributes:
        path: Of the file.
        frame: Its number in a video, from 0; None for an image.
        fps: Frames a second, of a video.
        image: What DetInferencer takes to draw on: a path, or (H, W, 3) in RGB.
        data: What the model's ``read`` makes of it.
    """

    path: Path
    frame: int | None
    fps: float | None
    image: str | np.ndarray
    data: object


@dataclass
class Inputs:
    """What is to be looked at.

    Attributes:
        paths: Images and videos in the order of the request, each once.
        skipped: What cannot be used, and why.
        failed: What could not be read, and why; filled by :meth:`samples`.
    """

    paths: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @classmethod
    def find(cls, words: list[str]) -> 'Inputs':
        """Files of images, videos, folders of them (not of their folders) and globs."""
        found = cls()
        for word in words:
            found.add(word)
        found.paths = list(dict.fromkeys(found.paths))
        return found

    def add(self, word: str) -> None:
        """Note what a word of the request names, or why it cannot be used."""
        try:
            files, problem = self.named_by(word)
        except (OSError, ValueError) as error:
            files, problem = [], f'{word}: {getattr(error, "strerror", 0) or error}'
        files = [path for path in files if path.suffix.lower() in KNOWN]
        if not files:
            self.skipped.append(problem)
        for path in files:
            if path.is_file():
                self.paths.append(path)
            else:
                self.skipped.append(f'{path}: not a file')

    def named_by(self, word: str) -> tuple[list[Path], str]:
        """Files, and what is wrong if there is no image or video among them."""
        path = Path(word)
        try:
            there = path.lstat()
        except FileNotFoundError:
            there = None
        if there and path.is_dir():
            return sorted(path.iterdir()), f'{word}: no image or video in this folder'
        if there or not has_magic(word):
            what = 'neither an image nor a video' if there else 'not found'
            return [path] if there else [], f'{word}: {what}'
        found = [p for p in map(Path, sorted(glob(word))) if not p.is_dir()]
        return found, f'{word}: matches no image or video'

    def samples(self, pipeline: Callable) -> Iterator[Sample]:
        """Each image and frame, and a bar of how far it is.

        A video is opened when its turn comes, and what cannot be read is noted.

        Args:
            pipeline: From a path or an image (H, W, 3) in BGR to what the model takes.
        """
        videos = {path for path in self.paths if path.suffix.lower() in VIDEOS}
        with progress(len(self.paths) - len(videos), 'images') as bar:
            for path in self.paths:
                read = self.frames if path in videos else self.image
                try:
                    for sample in read(path, pipeline, bar):
                        yield sample
                        bar.update()
                except Exception as error:  # of a decoder
                    kind = 'video' if path in videos else 'image'
                    what = f'no {kind} can be read from it'
                    self.failed.append(f'{path}: {what} ({short(error)})')

    def image(self, path: Path, pipeline: Callable, _) -> Iterator[Sample]:
        yield Sample(path, None, None, str(path), pipeline(str(path)))

    def frames(self, path: Path, pipeline: Callable, bar: Bar) -> Iterator[Sample]:
        import mmcv  # late: images need it not

        number = 0
        with mmcv.VideoReader(str(path)) as video:
            # OpenCV says a negative number of a file that it cannot read.
            claimed = max(video.frame_cnt, 0)
            bar.grow(claimed)
            for number, frame in enumerate(video, start=1):
                # BGR to RGB, in which pictures are drawn
                rgb = np.ascontiguousarray(frame[..., ::-1])
                yield Sample(path, number - 1, video.fps, rgb, pipeline(frame))
        if not number:
            self.failed.append(f'{path}: no frame can be read from it')
        elif number < claimed:
            self.failed.append(f'{path}: {number} of {claimed} frames could be read')


def file_name(path: Path, frame: int | None) -> str:
    """A name for an image in COCO's files."""
    return path.name if frame is None else f'{path.name}#{frame}'


def short(error: Exception) -> str:
    return ' '.join(str(error).split())[:100] or type(error).__name__
