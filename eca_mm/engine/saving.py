"""Parts of saving: files whole or not at all, ranks in step, removals that wait."""

import os
from pathlib import Path

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import Runner

from eca_mm.files import replaced

from .errors import RunStopped


@register_backend('crash_safe')
class CrashSafeBackend(LocalBackend):
    """Local files that are there whole or not at all."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        path = Path(filepath)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as temporary:
            temporary.write_bytes(obj)


class SaveError(RunStopped):
    """A checkpoint could not be written; those before it are as they were."""


class InStep:
    """A runner all of whose ranks learn whether the first one could save.

    Args:
        then: What the first rank does after it has saved.
    """

    def __init__(self, runner: Runner, then=lambda runner: None) -> None:
        self.runner = runner
        self.then = then

    def __getattr__(self, name: str):
        return getattr(self.runner, name)

    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        """As Runner.save_checkpoint.

        Raises:
            SaveError: On every rank, if the first one cannot write.
        """
        reasons = [None]
        try:
            self.runner.save_checkpoint(out_dir, filename, *args, **kwargs)
            if is_main_process():
                self.then(self.runner)
        except OSError as error:
            reasons = [str(error.strerror or error)]
        broadcast_object_list(reasons)
        if reasons[0]:
            raise SaveError(
                f'cannot save {os.path.join(out_dir, filename)}: {reasons[0]}; '
                'all checkpoints before it are intact'
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
