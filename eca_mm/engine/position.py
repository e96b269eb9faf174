"""The position of a run in its data: saved in a checkpoint, and restored from it.

The length of an epoch is not constant: another number of ranks, another batch size or
other data change it between a save and a resume. So the position is saved in images,
with everything that the order of the batches depends on.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_world_size
from mmengine.runner import EpochBasedTrainLoop, Runner

from .parts import optim_wrappers, pipelines, train_sampler

SAMPLES = 100  # images whose names stand for the data
UNKNOWN = 'the checkpoint does not say where in its data the run was'


@dataclass(frozen=True)
class Start:
    """Where a run begins in its data.

    Attributes:
        batch: How many batches to leave out of this epoch; by iteration, of all.
        was_at: How many had been trained on of the epoch, in the old setting.
        line: How it differs from the run that stopped; '' if it does not.
        old_length: Batches in an epoch of the stopped run; 0 if not known.
    """

    batch: int = 0
    was_at: int = 0
    line: str = ''
    old_length: int = 0


def setting(runner: Runner) -> dict:
    """What the position of a batch depends on, as plain values."""
    loader = runner.train_loop.dataloader
    batches = loader.batch_sampler
    return {
        'batch size': getattr(batches, 'batch_size', loader.batch_size),
        'number of ranks': get_world_size(),
        'number of images': length(loader.dataset),
        'names of images': names_digest(loader.dataset),
        'number of batches': length(loader),
        'drop_last': bool(getattr(batches, 'drop_last', loader.drop_last)),
        'sampler': type(train_sampler(runner) or loader.sampler).__name__,
        'accumulative_counts': [
            wrapper._accumulative_counts for wrapper in optim_wrappers(runner)
        ],
    }


def place(runner: Runner, batches: int) -> dict:
    """What a checkpoint saves of the position after some batches.

    Args:
        batches: Trained on in this epoch; in training by iteration, in all.
    """
    now = setting(runner)
    images = batches * (now['batch size'] or 1) * now['number of ranks']
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        images = min(images, now['number of images'])
    return dict(batches=batches, images=images, setting=now)


def start_of(runner: Runner, meta: dict) -> Start:
    """Where to begin, given the meta of the checkpoint that a run resumes from.

    In the same setting it is the next batch. In another one the epoch is repeated, and
    training by iteration continues at the batch with the next image: no image is left
    out, though some may come twice.
    """
    loop = runner.train_loop
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    old = meta.get('position')
    if not old:
        # Of mmengine's own hook: it is known only if no epoch had been begun.
        was_at = (
            loop.iter - loop.epoch * len(loop.dataloader) if by_epoch else loop.iter
        )
        if not by_epoch or not was_at:
            return Start(0 if by_epoch else was_at)
        line = f'{UNKNOWN}: epoch {loop.epoch + 1} starts from its beginning'
        return Start(was_at=was_at, line=line)
    now, was = setting(runner), old['setting']
    changes = differences(was, now)
    was_at, length_then = old['batches'], was.get('number of batches', 0)
    if not changes:
        return Start(was_at, was_at, old_length=length_then)
    batch = 0
    if not by_epoch:
        batch = batch_of_image(runner, old, now)
        goes_on = f'training continues near image {old["images"]} of its data'
    elif was_at == length_then:
        batch = now['number of batches']  # nothing is left of the epoch
        goes_on = f'training continues after epoch {loop.epoch + 1}'
    elif was_at:
        goes_on = (
            f'epoch {loop.epoch + 1} starts from its beginning, and '
            f'{old["images"]} of its {was["number of images"]} images are repeated'
        )
    else:
        goes_on = f'training continues with epoch {loop.epoch + 1}'
    line = (
        f'resumed with {", ".join(changes)}: {goes_on}, and not bit for bit as the '
        'stopped run would have'
    )
    return Start(batch, was_at, line, length_then)


def differences(was: dict, now: dict) -> list[str]:
    """The changes in words; the number of batches only if nothing else explains it."""
    changed = [name for name in now if name in was and was[name] != now[name]]
    found = [
        f'another {name} ({was[name]} -> {now[name]})'
        for name in changed
        if name not in ('names of images', 'number of batches') or changed == [name]
    ]
    if 'names of images' in changed:
        found = [text for text in found if 'names' not in text] + ['other images']
    return found


def batch_of_image(runner: Runner, old: dict, now: dict) -> int:
    """The batch, in training by iteration, with the first image not trained on."""
    images_at_once = (now['batch size'] or 1) * now['number of ranks']
    was = old['setting']
    passes = 0
    batches = old['batches']
    if not isinstance(train_sampler(runner), InfiniteSampler):
        passes, batches = divmod(batches, was['number of batches'])
    images = batches * (was['batch size'] or 1) * was['number of ranks']
    return passes * now['number of batches'] + images // images_at_once


def names_digest(dataset) -> str:
    """A digest of the names of up to 100 images of a data set, without folders."""
    digest = hashlib.sha256()
    count = length(dataset)
    try:
        for i in range(0, count, max(1, count // SAMPLES)):
            info = dataset.get_data_info(i)
            name = str(info.get('img_path', info.get('img_id', '')))
            digest.update(name.replace('\\', '/').rpartition('/')[2].encode())
    except Exception:  # of another kind than mmengine's: its length must do
        return ''
    return digest.hexdigest()[:16]


def length(items) -> int:
    try:
        return len(items)
    except TypeError:  # iterable data sets have none
        return 0


def cached_steps(dataset) -> list[str]:
    """Names of the augmentations that cache images, which no checkpoint contains."""

    def names(steps) -> Iterator[str]:
        for step in steps:
            if hasattr(step, 'results_cache'):
                yield type(step).__name__
            inner = getattr(step, 'transforms', None)
            if isinstance(inner, (list, tuple)):
                yield from names(inner)

    return sorted({name for steps in pipelines(dataset) for name in names(steps)})
