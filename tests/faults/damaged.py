"""Checkpoints that are damaged: each is named and skipped, and the next newest used."""

import io
import os
import shutil
import tarfile
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from zipfile import ZIP_STORED, ZipFile

from chain import Whole, whole_run
from outcome import Outcome
from processes import chance, each, forked, status_of
from subject import end_state, same, train

KEPT = dict(max_keep_ckpts=3)


def cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(1, len(data))]


def flip(data: bytes, random: Random) -> bytes:
    """Change one to eight bytes anywhere."""
    damaged = bytearray(data)
    for _ in range(random.randint(1, 8)):
        damaged[random.randrange(len(data))] ^= random.randint(1, 255)
    return bytes(damaged)


def zero_tail(data: bytes, random: Random) -> bytes:
    """As a power cut leaves a file whose size is on the disk before its bytes."""
    whole = random.randrange(len(data) - 1)
    return data[:whole] + bytes(len(data) - whole)


def empty(data: bytes, random: Random) -> bytes:
    return b''


def other_type(data: bytes, random: Random) -> bytes:
    """A file of another kind under the name of a checkpoint."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode='w:gz') as file:
        file.addfile(tarfile.TarInfo('epoch_1.pth'))
    return random.choice([
        archive.getvalue(), b'\xff\xd8\xff\xe0' + random.randbytes(999),
        b'<!DOCTYPE html><title>404</title>', b'{"state_dict": {}}', b'hello\n',
        random.randbytes(len(data)), members(data, lambda names: []),
    ])  # fmt: skip


def missing_member(data: bytes, random: Random) -> bytes:
    """A valid zip file that lacks one part that torch reads."""

    def all_but_one(names: list[str]) -> list[str]:
        needed = [n for n in names if n.endswith('data.pkl') or '/data/' in n]
        gone = random.choice(needed)
        return [name for name in names if name != gone]

    return members(data, all_but_one)


def members(data: bytes, choose) -> bytes:
    """The zip file with the members that ``choose`` returns of their names."""
    out = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as old, ZipFile(out, 'w', ZIP_STORED) as new:
        for name in choose(old.namelist()):
            new.writestr(name, old.read(name))
    return out.getvalue()


KINDS = (flip, cut, zero_tail, flip, missing_member, empty, cut, other_type)


def run(tries: int, folder: Path, jobs: int = 2) -> Outcome:
    """Damage the newest of three checkpoints, or two of them, and resume.

    Flipped bytes that torch has no use for, as those that fill up to an address, change
    nothing: that is no loss if what is loaded is equal to the bit.
    """
    whole = whole_run(folder / 'whole', **KEPT)
    found = Counter(each(partial(damage, folder, whole), range(tries), jobs))
    kept = found.pop('skipped', 0), found.pop('without meaning', 0)
    note = (
        f'{kept[0]} times named and skipped, {kept[1]} flips in bytes without meaning'
    )
    note += ''.join(f'; {n} x {what}' for what, n in found.items())
    return Outcome('damaged checkpoint', tries, sum(kept), tries - sum(kept), note)


def damage(folder: Path, whole: Whole, number: int) -> str:
    """What a resume makes of the damage: 'skipped' if all is well."""
    random = chance(f'damaged {number}')
    work_dir, log = folder / f'{number}', folder / f'{number}.log'
    shutil.copytree(folder / 'whole', work_dir)
    newest = [work_dir / f'iter_{i}.pth' for i in (24, 23, 22)]
    harmed = newest[: 1 + (number % 5 == 4)]
    kind = KINDS[number % len(KINDS)]
    for path in harmed:
        path.write_bytes(kind(path.read_bytes(), random))
    status = status_of(forked(partial(train, work_dir, **KEPT), log))
    said = log.read_text()
    if status or 'Traceback' in said:
        return f'{kind.__name__} ({number}): status {status}'
    if not same(end_state(work_dir), whole.state):
        return f'{kind.__name__} ({number}): another end state'
    lines = [line for line in said.splitlines() if line.startswith('skipped: ')]
    named = [any(os.fspath(path) in line for line in lines) for path in harmed]
    if all(named) and f'resuming from {newest[len(harmed)]}' in said:
        return 'skipped'
    # Not all of them are seen; the end state says that what was read is right.
    return (
        'without meaning' if kind is flip else f'{kind.__name__} ({number}): not seen'
    )
