"""A small run that saves every iteration, for the fault tests to kill.

usage: python loop.py HOOK WORK_DIR [WRITE]: it hangs in the middle of that write.
"""

import builtins
import sys
import time
from functools import partial
from itertools import count
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

sys.path.insert(0, str(Path(__file__).parents[1] / 'engine'))
from small_run import small_runner  # noqa: E402

from eca_mm.engine import exit_status, resume_from_newest  # noqa: E402


def hang_in_write(number: int) -> None:
    """Write half of the checkpoint of that number, and then nothing any more."""
    plain_open, plain_write = builtins.open, Path.write_bytes
    numbers = count(1)

    def write(path: Path, data: bytes, plain) -> None:
        if next(numbers) < number:
            plain(data)
            return
        with plain_open(path, 'wb') as file:
            file.write(data[: len(data) // 2])
            file.flush()
            print('in a save', flush=True)
            time.sleep(600)

    def slow_write_bytes(path: Path, data: bytes) -> None:  # eca_mm's
        if path.suffix == '.pth':
            write(path, data, lambda data: plain_write(path, data))
        else:
            plain_write(path, data)

    def slow_open(path, mode='r', *args, **kwargs):  # mmengine's
        file = plain_open(path, mode, *args, **kwargs)
        if mode != 'wb' or not str(path).endswith('.pth'):
            return file
        return Writer(partial(write, Path(path), plain=file.write), file)

    builtins.open, Path.write_bytes = slow_open, slow_write_bytes


class Writer:
    def __init__(self, write, file) -> None:
        self.write = write
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *args) -> None:
        self.file.close()


def main() -> None:
    hook, work_dir, *hangs = sys.argv[1:]
    torch.set_num_threads(1)
    Runner._log_env = lambda *args: None  # a second each
    if hangs:
        hang_in_write(int(hangs[0]))
    cfg = Config(dict(work_dir=work_dir, resume=True, load_from=None))
    resume_from_newest(cfg)
    checkpoint = dict(type=hook, interval=1, by_epoch=False, max_keep_ckpts=1)
    small_runner(
        work_dir,
        checkpoint,
        resume=cfg.resume,
        load_from=cfg.load_from,
        randomness=dict(seed=7),
    ).train()


if __name__ == '__main__':
    sys.exit(exit_status(main))
