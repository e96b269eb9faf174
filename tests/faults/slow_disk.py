"""A disk on which a checkpoint takes long, so that a moment within a save is hit."""

import builtins
import io
import sys
import time

PAUSE = 0.006  # seconds; a slow save has about 13 of them
SLOW_SAVE = 13 * PAUSE


class SlowFile(io.FileIO):
    """Written in ten pieces, with a pause after each."""

    def write(self, data) -> int:
        view = memoryview(data).cast('B')
        step = len(view) // 10 + 1
        for start in range(0, len(view), step):
            super().write(view[start : start + step])
            time.sleep(PAUSE)
        return len(view)


def slow_down() -> None:
    """For the rest of this process: checkpoints, renaming and removing take time."""
    plain_open = builtins.open

    def slow_open(file, mode='r', *args, **kwargs):
        if mode == 'wb' and str(file).endswith('.pth'):
            return SlowFile(file, 'w')
        return plain_open(file, mode, *args, **kwargs)

    def pause(event: str, args: tuple) -> None:
        if event in ('os.rename', 'os.remove'):
            time.sleep(PAUSE)

    builtins.open = io.open = slow_open
    sys.addaudithook(pause)
