"""Inputs that cannot be read in whole are named, each for itself."""

import os
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmdet.apis.det_inferencer import IMG_EXTENSIONS

from eca_mm.inference.inputs import IMAGES, Inputs


@pytest.fixture
def frames() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (20, 8, 8, 3), dtype=np.uint8)
    return [cv2.resize(frame, (64, 64)) for frame in small]


def look(*words: object) -> tuple[list[str], Inputs]:
    """Names of what was read, one for each frame."""
    inputs = Inputs.find([str(word) for word in words])
    return [sample.path.name for sample in inputs.samples(lambda _: {})], inputs


def write_video(path: Path, frames: list[np.ndarray]) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 64))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def test_a_video_cut_short(tmp_path, frames):
    whole = write_video(tmp_path / 'whole.avi', frames)
    content = whole.read_bytes()
    cut = tmp_path / 'cut.avi'
    cut.write_bytes(content[: len(content) // 2])
    names, inputs = look(cut, whole)
    count = names.count('cut.avi')
    assert 0 < count < 20 and names.count('whole.avi') == 20
    assert inputs.failed == [f'{cut}: {count} of 20 frames could be read']


def test_each_bad_entry_is_skipped(tmp_path, frames):
    folder = tmp_path / 'folder'
    (folder / 'clip.mp4').mkdir(parents=True)
    (folder / 'gone.mp4').symlink_to('/absent.mp4')
    os.mkfifo(folder / 'pipe.png')
    cv2.imwrite(str(folder / 'good.png'), frames[0])
    (folder / 'notes.txt').write_text('nothing')
    long, lone = 'a' * 300 + '.png', folder / 'gone.mp4'
    names, inputs = look(folder, long, lone, 'nul\0.png')
    assert names == ['good.png'] and not inputs.failed
    skipped = '\n'.join(inputs.skipped)
    for name in ('clip.mp4', 'gone.mp4', 'pipe.png'):
        assert f'{folder / name}: not a file' in skipped
    assert f'{long}: File name too long' in skipped and 'nul\0.png: ' in skipped
    assert 'notes.txt' not in skipped and len(inputs.skipped) == 6


def test_an_unreadable_folder(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, 'Permission denied', str(path))

    monkeypatch.setattr(Path, 'iterdir', refuse)  # root may read all
    _, inputs = look(tmp_path)
    assert inputs.skipped == [f'{tmp_path}: Permission denied']


def test_videos_are_opened_in_turn(tmp_path, frames):
    for i in range(40):
        write_video(tmp_path / f'{i}.avi', frames[:2])
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = len(os.listdir('/proc/self/fd'))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 20, limits[1]))
    try:
        names, inputs = look(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(names) == 80 and not inputs.failed


def test_images_are_those_of_mmdet():
    assert IMAGES == IMG_EXTENSIONS
