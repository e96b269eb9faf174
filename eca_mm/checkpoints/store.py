"""The names ``ecanet://resnet50`` and ``ecanet-coco://mask_rcnn_r50``, and their files.

The store is the folder ``$ECA_MM_HOME``, by default ``checkpoints/`` below the working
directory; the two names above are ``eca_resnet50.pth`` and
``eca_coco_mask_rcnn_r50.pth`` in it. What is not there is downloaded from the authors'
link, converted, checked and kept; with ``ECA_MM_OFFLINE=1`` nothing is downloaded.

Kernel sizes at the end of a name, ``ecanet://resnet50-k5555``, one digit a stage, are
those that the weights shall have: see :mod:`.resize_eca`. The file stays the same.

The authors' own file can also be put there by hand, under the store's name: it stays as
it is and is converted whenever it is loaded, which takes seconds.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from torch import Tensor

from .architecture import backbone_config, kernel_sizes
from .convert import bare_state, convert, save
from .released import PREFIXES, Release, asked_sizes, find_release
from .resize_eca import resize
from .safe import CheckpointError, load_file, moved

HEADS = ('rpn_head', 'roi_head.bbox_head', 'roi_head.mask_head', 'bbox_head')
TIMEOUT = (10, 60)  # seconds to connect and between bytes


def resolve(url: str) -> Path:
    """The local file of a name; it is downloaded if it is not there.

    Raises:
        CheckpointError: There is no such name, or the file cannot be had; the message
            gives the link and the place to put the file.
    """
    release = find_release(url)
    path = release.path
    if not path.is_file():
        try:
            with only_one_process(path):
                if not path.is_file():  # another one may have made it meanwhile
                    fetch(release, path)
        # torch says RuntimeError when a disk is full.
        except (CheckpointError, OSError, RuntimeError) as error:
            raise CheckpointError(
                f'{url} is not at {path} and was not downloaded ({error}): get '
                f'{release.link} in a browser and save it there'
            ) from error
    return path


def load(url: str) -> dict:
    """``state_dict`` and ``meta`` of a name, on the CPU, checked against released.yaml.

    Raises:
        CheckpointError: As :func:`resolve`, or the file is not the released one.
    """
    release, path = find_release(url), resolve(url)
    content = load_file(path)
    if is_converted(content):
        state, meta = bare_state(content, path), content['meta']
    else:
        converted = convert(path, release.layout)
        state, meta = converted.state_dict, converted.meta
    try:
        check(state, release)
    except CheckpointError as error:
        raise CheckpointError(
            f'checkpoint {path} is not what {url} stands for, {error}: put the file of '
            f'{release.link} there, and give other files by their path'
        ) from error
    sizes = asked_sizes(url)
    if sizes:
        try:
            state, meta = resize(state, meta, sizes)
        except CheckpointError as error:
            raise CheckpointError(f'{url}: {error}') from error
    return dict(state_dict=state, meta=meta)


@CheckpointLoader.register_scheme(prefixes=PREFIXES)
def load_from_ecanet(filename: str, map_location=None) -> dict:
    """Load a released checkpoint; called by mmengine's CheckpointLoader.

    Args:
        map_location: See :func:`moved`.
    """
    content = load(filename)
    for line in content['meta'].get('lost', ()):
        print_log(f'{filename}: {line}', 'current', logging.WARNING)
    return moved(content, map_location)


def refuse_offline() -> None:
    """Raise CheckpointError if nothing may be downloaded."""
    if os.environ.get('ECA_MM_OFFLINE', '0') not in ('', '0'):
        raise CheckpointError('ECA_MM_OFFLINE is set')


def fetch(release: Release, path: Path) -> None:
    """Download a released file, convert and check it, and keep it at ``path``."""
    refuse_offline()
    print(f'downloading {release.link} to {path}', flush=True)
    with TemporaryDirectory() as folder:
        raw = Path(folder) / f'{release.file}.pth'
        download(release.drive_id, raw)
        converted = convert(raw, release.layout)
        check(converted.state_dict, release)
        save(converted, path)


def download(drive_id: str, out: Path) -> None:
    """Download a public file of Google Drive.

    Raises:
        CheckpointError: For whatever reason it is not there afterwards.
    """
    try:
        import gdown
        import requests
    except ImportError:
        raise CheckpointError(
            'gdown is not installed: pip install "gdown>=6.3"'
        ) from None
    try:
        gdown.download(
            id=drive_id,
            output=str(out),
            quiet=not sys.stderr.isatty(),
            use_cookies=False,  # it would keep them in the home folder
            timeout=TIMEOUT,
        )
    except (requests.ConnectionError, requests.Timeout) as error:
        kind = type(error).__name__
        raise CheckpointError(f'drive.google.com is out of reach: {kind}') from error
    except Exception as error:  # of gdown, of the server, of the disk
        raise CheckpointError(' '.join(str(error).split())) from error


def is_converted(content: object) -> bool:
    """Whether a file was written by :func:`eca_mm.checkpoints.convert.save`."""
    meta = content.get('meta') if isinstance(content, Mapping) else None
    return isinstance(meta, Mapping) and 'layout' in meta


def check(state: Mapping[str, Tensor], release: Release) -> None:
    """Raise CheckpointError unless a state dict is what released.yaml announces."""
    prefix = 'backbone.' if release.heads else ''
    backbone = {
        key.removeprefix(prefix): tensor
        for key, tensor in state.items()
        if key.startswith(prefix)
    }
    found = dict(
        depth=backbone_config(backbone).get('depth'),
        kernel_sizes=kernel_sizes(backbone),
        heads=[h for h in HEADS if any(key.startswith(f'{h}.') for key in state)],
    )
    for what, value in found.items():
        announced = getattr(release, what)
        if value != announced:
            raise CheckpointError(f'its {what} is {value} instead of {announced}')


@contextmanager
def only_one_process(path: Path) -> Iterator[None]:
    """Make other processes wait, the ranks of this job among them; leave no trace."""
    lock = path.with_name(f'.{path.stem}.lock')
    is_new = not path.parent.exists()
    try:
        with FileLock(lock):  # makes the folder
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
    finally:
        if is_new:
            with suppress(OSError):  # it is kept if there is something in it
                path.parent.rmdir()
