"""The images and videos that a user names, read one after the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path

import mmcv
import numpy as np
from mmdet.apis.det_inferencer import IMG_EXTENSIONS
from tqdm import tqdm

VIDEOS = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg')
KNOWN = (*IMG_EXTENSIONS, *VIDEOS)


@dataclass(frozen=True)
class Sample:
    """One image, or one frame of a video.

    Attributes:
        path: Of the file.
        frame: Its number in a video, from 0; None for an image.
        fps: Frames a second, of a video.
        image: What DetInferencer takes to draw on: a path, or (H, W, 3) in RGB.
        data: What the test pipeline makes of it.
    """

    path: Path
    frame: int | None
    fps: float | None
    image: str | np.ndarray
    data: dict


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
        path = Path(word)
        if path.is_dir():
            files = [p for p in sorted(path.iterdir()) if p.suffix.lower() in KNOWN]
            problem = f'{word}: no image or video in this folder'
        elif path.exists() or not has_magic(word):
            files = [path] if path.is_file() and path.suffix.lower() in KNOWN else []
            what = 'neither an image nor a video' if path.exists() else 'not found'
            problem = f'{word}: {what}'
        else:
            files = [p for p in map(Path, sorted(glob(word))) if p.is_file()]
            files = [p for p in files if p.suffix.lower() in KNOWN]
            problem = f'{word}: matches no image or video'
        self.paths += files
        if not files:
            self.skipped.append(problem)

    def samples(self, pipeline: Callable) -> Iterator[Sample]:
        """Each image and frame, and a bar of how far it is.

        Args:
            pipeline: The test pipeline, from a path or an image (H, W, 3) in BGR.
        """
        sources = [self.open(path) for path in self.paths]
        # OpenCV says a negative number of a file that it cannot read.
        counts = [1 if video is None else video.frame_cnt for _, video in sources]
        total = sum(max(count, 0) for count in counts)
        with tqdm(total=total, unit='image') as bar:
            for path, video in sources:
                read = self.image if video is None else self.frames
                for sample in read(path, pipeline, video):
                    yield sample
                    bar.update()

    def open(self, path: Path) -> tuple[Path, mmcv.VideoReader | None]:
        """A file, with a reader of it if it is a video."""
        is_video = path.suffix.lower() in VIDEOS
        return path, mmcv.VideoReader(str(path)) if is_video else None

    def image(self, path: Path, pipeline: Callable, _) -> Iterator[Sample]:
        try:
            yield Sample(path, None, None, str(path), pipeline(str(path)))
        except Exception as error:  # of a decoder
            self.failed.append(f'{path}: no image can be read from it ({short(error)})')

    def frames(
        self, path: Path, pipeline: Callable, video: mmcv.VideoReader
    ) -> Iterator[Sample]:
        number = 0
        for number, frame in enumerate(video, start=1):
            # BGR to RGB, in which pictures are drawn
            rgb = np.ascontiguousarray(frame[..., ::-1])
            yield Sample(path, number - 1, video.fps, rgb, pipeline(frame))
        if not number:
            self.failed.append(f'{path}: no frame can be read from it')


def short(error: Exception) -> str:
    return ' '.join(str(error).split())[:100] or type(error).__name__
