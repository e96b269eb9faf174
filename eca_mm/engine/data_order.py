"""Training data in which each batch depends on its position only, not on earlier ones.

mmengine's workers draw from random streams that restart with the process, so that after
a resume the same image is augmented differently. Here each batch has a seed of its own:
it is the same after any interruption and with any number of workers.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_rank
from mmengine.runner import IterBasedTrainLoop
from torch.utils.data import DataLoader, Dataset

from .random_state import seeded


class SeededBatch(list):
    """Indices of a batch, and the name that seeds its random numbers."""

    def __init__(self, indices: list[int], name: str) -> None:
        super().__init__(indices)
        self.name = name

    def __reduce__(self):
        return SeededBatch, (list(self), self.name)


class SeededBatches:
    """A batch sampler that gives each batch a seed.

    Args:
        batches: The batch sampler to take the indices from.
        seed: Of the run.
        start: How many batches of the first pass have been trained on already.

    Attributes:
        left_out: Batches that the current pass skipped at its beginning.
    """

    def __init__(self, batches, seed: int, start: int = 0) -> None:
        self.batches = batches
        self.sampler = getattr(batches, 'sampler', None)
        self.batch_size = getattr(batches, 'batch_size', None)
        self.drop_last = getattr(batches, 'drop_last', False)
        self.seed = seed
        self.start = start
        self.left_out = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[SeededBatch]:
        epoch = getattr(self.sampler, 'epoch', 0)
        start, self.start = self.start, 0
        self.left_out = start
        for place, indices in enumerate(self.batches):
            if place >= start:
                yield SeededBatch(indices, f'{self.seed} {get_rank()} {epoch} {place}')


def seed_batches(loader: DataLoader, seed: int, start: int = 0) -> None:
    """Make a loader seed each batch, and begin with batch ``start`` this once.

    Its order of samples is unchanged. A dataset that cannot have attributes, such as a
    list, is not seeded; one that is iterated without a batch sampler is left as it is.
    """
    if loader.batch_sampler is None or isinstance(loader.batch_sampler, SeededBatches):
        return
    # Used at the start of each pass, instead of the random stream that the model uses.
    loader.generator = torch.Generator()
    batches = SeededBatches(loader.batch_sampler, seed, start)
    # torch forbids setting this attribute because it would no longer fit the sampler
    # and the batch size; here both stay the same.
    object.__setattr__(loader, 'batch_sampler', batches)
    dataset = loader.dataset
    if hasattr(dataset, '__dict__'):
        # By this name torch asks a dataset for the samples of a whole batch.
        inner = getattr(dataset, '__getitems__', None)
        dataset.__getitems__ = partial(seeded_items, dataset, inner)


def seeded_items(
    dataset: Dataset, inner: Callable[[list[int]], list] | None, batch: list[int]
) -> list:
    """The samples of a batch, which has no seed if another loader requests it."""

    def items() -> list:
        return inner(batch) if inner else [dataset[index] for index in batch]

    if not isinstance(batch, SeededBatch):
        return items()
    with seeded(batch.name):
        return items()


class AskedInVain:
    """An iterator that first returns None for each batch that was trained on already.

    On a resume mmengine's loop fetches all of those before it continues, and would load
    them. (It looks at none of them.)
    """

    def __init__(self, batches: Iterator, times: int) -> None:
        self.batches = batches
        self.times = times

    def __next__(self):
        if self.times:
            self.times -= 1
            return None
        return next(self.batches)


def in_pass(loader: DataLoader, sampler, batch: int) -> tuple[int, int]:
    """The pass through the data that a batch is in, and its place in it.

    Args:
        batch: Counted from the very first one, in training by iteration.
    """
    if isinstance(sampler, InfiniteSampler):
        return 0, batch
    return divmod(batch, len(loader))


def begin_stream(loop: IterBasedTrainLoop, sampler, passes: int) -> None:
    """Restart training by iteration, at a given pass through the data.

    The loop has started a pass already, with workers that do not know what hooks have
    changed in the loader and its data since. They have drawn from the endless order of
    samples, and close it when they stop.
    """
    if isinstance(sampler, InfiniteSampler):
        sampler.indices = sampler._indices_of_rank()
    seeded_sampler = hasattr(sampler, 'seed')
    if seeded_sampler:
        sampler.set_epoch(passes)
    loop.dataloader._iterator = None  # persistent workers would stay
    batches = type(loop.dataloader_iterator)(loop.dataloader)
    batches._epoch = passes
    # The order of another sampler follows only from its past: the loop goes through it.
    loop.dataloader_iterator = (
        AskedInVain(batches, loop.iter) if seeded_sampler else batches
    )
