"""Every road by which mmengine loads a checkpoint ends in safe.py.

mmengine 0.10.7 unpickles without restraint what it downloads: all of torchvision://,
open-mmlab://, mmcls:// and addresses go through ``torch.hub.load_state_dict_from_url``.
Its own functions still say what a name stands for; only what reads the bytes is another
one in them. Schemes that others have registered are left as they are.
"""

import io
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse

import torch
from mmengine.runner import CheckpointLoader, checkpoint
from torch.hub import download_url_to_file, get_dir

from eca_mm.files import replaced
from eca_mm.host import with_names

from .safe import CheckpointError, load_file, moved
from .store import only_one_process, refuse_offline


class SafeTorch:
    """The module torch, whose ``load`` takes tensors and plain values only."""

    def __getattr__(self, name: str):
        return getattr(torch, name)

    @staticmethod
    def load(file: str | Path | io.BytesIO, map_location=None) -> object:
        """As torch.load.

        Raises:
            CheckpointError: As :func:`load_file`.
        """
        if not isinstance(file, io.BytesIO):
            return moved(load_file(file), map_location)
        with TemporaryDirectory() as folder:
            path = Path(folder) / 'checkpoint.pth'
            path.write_bytes(file.getbuffer())
            return moved(load_file(path), map_location)


def load_url(
    url: str, model_dir: str | None = None, map_location=None, progress: bool = True
) -> object:
    """As torch.hub.load_state_dict_from_url, in the same cache.

    Raises:
        CheckpointError: It cannot be had, is not what its name says (torch's rule: the
            first digits of its SHA-256 behind a hyphen), or as :func:`load_file`.
    """
    folder = Path(model_dir or os.path.join(get_dir(), 'checkpoints'))
    path = folder / Path(urlparse(url).path).name
    with only_one_process(path):
        if not path.is_file():  # another one may have made it meanwhile
            with replaced(path) as temporary:
                fetch(url, temporary, progress)
        return moved(load_file(path), map_location)


def fetch(url: str, path: Path, progress: bool) -> None:
    """Download a checkpoint, and look into it before it gets its name.

    Raises:
        CheckpointError: It does not come, or what comes is no checkpoint.
    """
    # As in resnet50-0676ba61.pth; a date behind the hyphen is none.
    digest = re.search(r'-(?!20\d{6}\.)([0-9a-f]{8,})\.', urlparse(url).path)
    try:
        refuse_offline()
        download_url_to_file(url, str(path), digest and digest[1], progress)
    except HTTPError as error:
        reason = f'the server says {error.code} {error.reason}'
        raise CheckpointError(unavailable(url, reason)) from error
    except URLError as error:
        reason = f'{urlparse(url).netloc} is out of reach: {error.reason}'
        raise CheckpointError(unavailable(url, reason)) from error
    except (CheckpointError, OSError, RuntimeError) as error:  # a wrong digest, too
        raise CheckpointError(unavailable(url, error)) from error
    try:
        load_file(path, keep=True)
    except CheckpointError as error:
        raise CheckpointError(str(error).replace(str(path), url)) from error


def unavailable(url: str, reason: object) -> str:
    line = ' '.join(str(reason).split())
    return (
        f'checkpoint {url} was not downloaded ({line}): get it in a browser and give '
        'its path'
    )


def load_from_local(filename: str, map_location=None) -> object:
    """As mmengine's, whose error for a missing file is not one line of ours."""
    return SafeTorch.load(Path(filename).expanduser(), map_location)


def register() -> None:
    """Take the place of mmengine's own loaders, which say where a file is found."""
    safe = dict(torch=SafeTorch(), load_url=load_url)
    safe['load_from_http'] = restricted(checkpoint.load_from_http, safe)
    for prefix, loader in dict(CheckpointLoader._schemes).items():
        if loader is checkpoint.load_from_local:
            CheckpointLoader.register_scheme(prefix, load_from_local, force=True)
        elif loader.__module__ == checkpoint.__name__:
            found = restricted(loader, safe)
            CheckpointLoader.register_scheme(prefix, found, force=True)


def restricted(loader, safe: dict):
    """A loader of mmengine in which the names that read bytes mean ours."""
    used = loader.__code__.co_names
    return with_names(loader, **{name: f for name, f in safe.items() if name in used})


register()
