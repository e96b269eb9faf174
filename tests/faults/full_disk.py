"""A disk that fills up in the middle of a save, and is freed later."""

import os
import resource
import subprocess
from collections import Counter
from functools import partial
from pathlib import Path

from chain import Whole, whole_run
from mmengine.hooks import Hook
from outcome import Outcome
from processes import chance, each, forked, status_of
from subject import Watch, end_state, loss, same, train

PAGE = 4096  # bytes that tmpfs gives at a time
DISK = 1 << 20
TARGETS = ('checkpoint', 'best', 'last_checkpoint', 'checkpoint', 'best')


class FillUp(Hook):
    """Leave room for a part of what is saved next; make room again later.

    Args:
        disk: Folder of a small disk; None to limit the size of files instead.
        at: The iteration from which on it happens.
        room: Share of a checkpoint's size that fits.
        target: 'best' to wait for a validation.
        stays: For how many iterations there is no more room.
    """

    priority = 88  # before the checkpoint hook

    def __init__(self, disk, at: int, room: float, target: str, stays: int) -> None:
        self.disk, self.at, self.room, self.target = disk, at, room, target
        self.stays = stays
        self.full_since: int | None = None

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        if self.full_since is None:
            if runner.iter >= self.at and self.target != 'best':
                self.fill(runner)
        elif runner.iter >= self.full_since + self.stays:
            self.free()

    def after_val_epoch(self, runner, metrics=None) -> None:
        # Only a best one is saved here.
        best = runner.message_hub.runtime_info.get('best_score', -1)
        if self.full_since is None and runner.iter >= self.at and metrics['acc'] > best:
            self.fill(runner)

    def fill(self, runner) -> None:
        self.full_since = runner.iter
        work_dir = Path(runner.work_dir)
        last = work_dir / (work_dir / 'last_checkpoint').read_text()
        size = last.stat().st_size
        if self.disk is None:
            # Above what the logs need.
            limit = 3000 + int(self.room * (3000 if self.target == 'best' else size))
            limit = min(limit, size - 500)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            return
        pages = -(-size // PAGE)
        # The file itself fits, and its name in last_checkpoint does not.
        room = pages if self.target == 'last_checkpoint' else int(self.room * pages)
        filler = self.disk / 'filler'
        stat = os.statvfs(self.disk)
        with filler.open('wb') as file:
            os.posix_fallocate(
                file.fileno(), 0, max(1, stat.f_bavail - room) * stat.f_frsize
            )

    def free(self) -> None:
        if self.disk is None:
            infinity = resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (infinity, infinity))
        else:
            (self.disk / 'filler').unlink(missing_ok=True)


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """A small tmpfs where one can be mounted, otherwise a limit on the size of files.

    Half of the runs stop, and are resumed when there is room; the others continue.
    """
    whole = whole_run(folder / 'whole')
    mounts = mount(folder / 'probe')
    if mounts:
        unmount(folder / 'probe')
    found = Counter(each(partial(fill_up, folder, whole, mounts), range(tries), jobs))
    good = {key: n for key, n in found.items() if key.startswith('in ')}
    note = ', '.join(f'{key} {n}' for key, n in sorted(good.items()))
    note += ''.join(f'; {n} x {key}' for key, n in found.items() if key not in good)
    survived = sum(good.values())
    where = 'tmpfs' if mounts else 'RLIMIT_FSIZE'
    return Outcome(
        f'full disk during a save ({where})', tries, survived, tries - survived, note
    )


def mount(folder: Path) -> bool:
    """Whether a small disk could be put at a folder."""
    folder.mkdir(parents=True)
    command = ['mount', '-t', 'tmpfs', '-o', f'size={DISK}', 'tmpfs', str(folder)]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def unmount(folder: Path) -> None:
    subprocess.run(['umount', str(folder)], check=True)


def fill_up(folder: Path, whole: Whole, mounts: bool, number: int) -> str:
    """One try: 'in FILE' says what the disk had no room for, anything else is bad."""
    disk = folder / f'{number}'
    if mounts and not mount(disk):
        raise OSError(f'cannot mount a tmpfs at {disk}')
    disk.mkdir(exist_ok=True)
    try:
        return outcome_of(disk, folder / f'{number}.log', whole, mounts, number)
    finally:
        if mounts:
            unmount(disk)


def but_books(state: dict, goes_on: bool) -> dict:
    """A run that continues does not know of the files that it could not save."""
    if not goes_on:
        return state
    last = state.get('iter_24.pth', {})
    info = last.get('message_hub', {}).get('runtime_info', {})
    if info.get('best_ckpt') not in state:
        return {}
    books = ('best_ckpt', 'best_score', 'keep_ckpt_ids')
    info = {key: value for key, value in info.items() if key not in books}
    hub = dict(last['message_hub'], runtime_info=info)
    return dict(last=dict(last, message_hub=hub), files=len(state))


def outcome_of(disk: Path, log: Path, whole: Whole, mounts: bool, number: int) -> str:
    random = chance(f'full disk {number}')
    goes_on = number % 2 == 1
    at = random.randint(2, 14)
    fill = FillUp(
        disk if mounts else None, at, random.random(), TARGETS[number % len(TARGETS)],
        3 if goes_on else 99,
    )  # fmt: skip
    work_dir, watch = disk / 'run', Watch()
    work = partial(
        train, work_dir, watch, hooks=[fill], keep_going_on_save_error=goes_on
    )
    status = status_of(forked(work, log))
    said = log.read_text()
    kind = ' ERROR ' if goes_on else 'stopped: '
    lines = [line for line in said.splitlines() if kind in line]
    reasons = ('No space left on device', 'File too large')
    clear = lines and all(
        'cannot save ' in line and any(r in line for r in reasons) for line in lines
    )
    if not clear or 'Traceback' in said or (not goes_on and len(lines) != 1):
        return f'message not clear, see {log}'
    if status != (0 if goes_on else 1):
        return f'status {status}'
    if not goes_on:
        lost = loss(work_dir, *watch.saved)
        if lost:
            return lost
        (disk / 'filler').unlink(missing_ok=True)
        if status_of(forked(partial(train, work_dir), log)):
            return 'no resume when there was room'
    if not same(*(but_books(s, goes_on) for s in (end_state(work_dir), whole.state))):
        return 'another end state'
    name = 'best' if 'best_' in lines[0] else 'checkpoint'
    return f'in {TARGETS[number % len(TARGETS)] if name == "checkpoint" else name}'
