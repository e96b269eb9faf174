"""Parts of saving: files whole or not at all, ranks in step, removals that wait."""

import os
import re
from pathlib import Path

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import Runner

from eca_mm.checkpoints.safe import CheckpointError, load_file
from eca_mm.errors import RunStopped
from eca_mm.files import replaced

from .accidents import REMOVED


@register_backend('crash_safe')
class CrashSafeBackend(LocalBackend):
    """Local files that are there whole or not at all."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        path = Path(filepath)
        with replaced(path) as temporary:
            temporary.write_bytes(obj)


class SaveError(RunStopped):
    """A checkpoint could not be written or read; those before it are as they were."""


class InStep:
    """A runner all of whose ranks learn whether the first one could save.

    Args:
        check: What raises CheckpointError of a file that the first rank has written.
        then: What the first rank does after that.
    """

    def __init__(
        self, runner: Runner, check: 'ReadBack', then=lambda runner: None
    ) -> None:
        self.runner = runner
        self.check = check
        self.then = then

    def __getattr__(self, name: str):
        return getattr(self.runner, name)

    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        """As Runner.save_checkpoint.

        Raises:
            SaveError: On every rank, if the first one cannot write, or what it has
                written cannot be read.
        """
        problems = ['']
        path = os.path.join(out_dir, filename)
        try:
            self.runner.save_checkpoint(out_dir, filename, *args, **kwargs)
            if is_main_process():
                self.check(self.runner, path)
                self.then(self.runner)
        except OSError as error:
            why = f'{error.strerror or error}; all checkpoints before it are intact'
            problems = [f'cannot save {path}: {why}']
        except CheckpointError as error:
            problems = [f'{path} was saved, but {in_vain(error)}']
        if problems[0] and not os.path.isdir(self.work_dir):
            problems = [f'cannot save {path}: the work dir {REMOVED}']
        broadcast_object_list(problems)
        if problems[0]:
            raise SaveError(problems[0])


class ReadBack:
    """Reads a checkpoint at once if it is the first with what is in it.

    What cannot be read back is so to be known after the first save of a run, and not
    when days of training are to be resumed. Scores, and the best of them, come in later
    than the first file: so the names in the message hub tell what is new.
    """

    def __init__(self) -> None:
        self.seen: set[frozenset] = set()

    def __call__(self, runner: Runner, path: str) -> None:
        hub = runner.message_hub
        names = frozenset([*hub.log_scalars, *hub.runtime_info])
        if names not in self.seen and os.path.isfile(path):
            load_file(path)
            self.seen.add(names)


def in_vain(error: CheckpointError) -> str:
    """Why a file that was just written is of no use, and what to do about it."""
    kind = re.search(r'asks for (\S+), which', str(error))
    if kind is None:
        return f'cannot be read back: {error}'
    return (
        f'cannot be read back: it has a {kind[1]} in it, and only tensors and plain '
        'values are read; let metrics, metainfo and hooks give numbers, text, lists '
        'and dicts of these'
    )


class LateRemovals:
    """A file backend that notes what is to be removed, for when it is safe."""

    def __init__(self, backend: LocalBackend) -> None:
        self.backend = backend
        self.late: list[str] = []

    def __getattr__(self, name: str):
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        self.late.append(path)

    rmtree = remove
