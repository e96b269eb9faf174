"""Images that cannot be read: skipped in training up to a limit, reported."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from mmcv.transforms import LoadImageFromFile
from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from eca_mm.errors import RunStopped

from .checkpoint import save_before_stop
from .distributed import agreed
from .parts import bare, pipelines
from .votes import is_vote

LIST = 'broken_images.txt'
SHOWN = 5
TEXT: dict[str, Any] = dict(encoding='utf-8', errors='surrogateescape')  # as names are
NO_IMAGE = 'empty, cut off or not an image'


class UnreadableImage(RunStopped):
    """An image cannot be read and must not be skipped; raised on one rank alone."""

    of_one_rank = True

    def __init__(self, line: str) -> None:
        # torch replaces an exception of a data worker by one whose text is a traceback.
        super().__init__(line.rpartition(f'{type(self).__name__}: ')[2].strip())


@HOOKS.register_module()
class BrokenImageHook(Hook):
    """Skip images that cannot be read, and stop the run when they are too many.

    In training, an image that is missing, empty, truncated, not an image or of the
    wrong number of channels is replaced by another image of the data set. The batch's
    seed decides by which one, so that a resumed run stays exact. The main rank logs
    each skipped image once; names and reasons are in broken_images.txt in the work dir,
    and are counted from zero at every start. In validation and testing no image is
    skipped, because the figures would be those of other images.

    It works on data sets of mmengine's kind that load with ``LoadImageFromFile``, in
    any wrapper.

    Args:
        limit: How many different images may be skipped. Several ranks count them about
            once a second (:mod:`votes`) and may skip a few more until then. This many
            in a row in one process stop the run too, even in the middle of a batch.

    Raises:
        RunStopped: On every rank, after the iteration is over and has been saved.
        UnreadableImage: On one rank, in validation and testing.
    """

    priority = 'LOWEST'  # the iteration is over for all other hooks

    def __init__(self, limit: int = 100) -> None:
        if limit < 0:
            raise ValueError(f'limit must be at least 0, not {limit}')
        self.limit = limit
        self.broken: BrokenImages | None = None
        self.logged = 0

    def before_train(self, runner: Runner) -> None:
        self.broken = BrokenImages(Path(runner.work_dir) / LIST)
        self.broken.path.unlink(missing_ok=True)  # each machine may have its own
        barrier()
        self.before_train_epoch(runner)

    def before_train_epoch(self, runner: Runner) -> None:
        """Hooks that change the pipeline, as mmdet's PipelineSwitchHook, do it here."""
        self.watch(runner, runner.train_dataloader.dataset, self.broken)

    def before_val(self, runner: Runner) -> None:
        self.watch(runner, runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        self.watch(runner, runner.test_dataloader.dataset)

    def watch(self, runner: Runner, dataset, broken: 'BrokenImages | None' = None):
        """Replace each loading step by :class:`WatchedLoading`, if not done yet."""
        preprocessor = getattr(bare(runner.model), 'data_preprocessor', None)
        mean = getattr(preprocessor, 'mean', None)
        channels = mean.numel() if mean is not None and mean.numel() > 1 else None
        for steps in pipelines(dataset):
            for i, step in enumerate(steps):
                if isinstance(step, LoadImageFromFile):
                    steps[i] = WatchedLoading(step, channels, broken, self.limit)

    def after_train_iter(self, runner: Runner, batch_idx: int, *args, **kwargs) -> None:
        if self.broken is None or not is_vote(runner, batch_idx):
            return
        found = self.broken.look()
        if len(found) > self.logged:
            if is_main_process():
                for image, reason in list(found.items())[self.logged :]:
                    runner.logger.warning(f'skipped {image}: {reason}')
            self.logged = len(found)
        if agreed(len(found) > self.limit):
            shown = list(found.items())[:SHOWN]
            first = ', '.join(f'{image} ({reason})' for image, reason in shown)
            raise RunStopped(
                f'{len(found)} images cannot be read, and {self.limit} may be skipped '
                f'(limit of BrokenImageHook): {first}, all in {self.broken.path}; fix '
                'them or take them out of the annotations, and '
                f'{save_before_stop(runner)}'
            )


class BrokenImages:
    """A file that data workers of all ranks append lines to: image, tab, reason."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.found: dict[str, str] = {}

    def look(self) -> dict[str, str]:
        """The reason for each image, in the order of the file, which only grows."""
        try:
            size = os.stat(self.path).st_size
        except FileNotFoundError:
            size = 0
        if size != self.size:
            self.size = size
            for line in self.path.read_text(**TEXT).split('\n')[:-1]:
                image, _, reason = line.partition('\t')
                self.found.setdefault(image, reason)
        return self.found

    def add(self, image: str, reason: str) -> None:
        if image not in self.look():
            # So short a write is done in one go, whoever else is writing.
            with self.path.open('a', **TEXT) as file:
                file.write(f'{image}\t{reason}\n')


@dataclass
class WatchedLoading:
    """A loading step that reports which image it failed on, and why.

    Args:
        load: mmcv's step.
        channels: How many the model takes; None takes any number.
        broken: Where to record skipped images. If None, no image is skipped.
        limit: How many may be skipped in a row.
    """

    load: Callable[[dict], dict | None]
    channels: int | None
    broken: BrokenImages | None
    limit: int
    in_a_row: int = 0

    def __call__(self, results: dict) -> dict | None:
        """Load as the step does; None lets the data set take another image.

        Raises:
            UnreadableImage: It may not be skipped.
        """
        image = str(results.get('img_path'))
        try:
            loaded = self.load(results)
            reason = self.fault(loaded)
        except MemoryError:
            raise  # no fault of the image
        except Exception as error:  # of the file system, of the decoder
            reason = in_words(error)
        if reason is None:
            self.in_a_row = 0
            return loaded
        if self.broken is not None:
            self.broken.add(image, reason)
            self.in_a_row += 1
            if self.in_a_row <= self.limit:
                return None
        raise UnreadableImage(
            f'cannot read image {image}: {reason}; fix it or take it out of the '
            'annotations'
        )

    def fault(self, loaded: dict | None) -> str | None:
        """What is wrong with an image that was read, if anything."""
        if loaded is None:  # with ignore_empty
            return NO_IMAGE
        shape = loaded['img'].shape
        channels = shape[2] if len(shape) > 2 else 1
        if self.channels and channels != self.channels:
            return f'{channels} channels, and the model takes {self.channels}'
        return None


def in_words(error: Exception) -> str:
    """Why loading failed, on one line."""
    if isinstance(error, (cv2.error, AssertionError)):  # the latter is mmcv's
        return NO_IMAGE
    said = getattr(error, 'strerror', None) or f'{type(error).__name__}: {error}'
    return ' '.join(said.split())
