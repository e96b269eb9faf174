"""When the ranks of a run ask each other: about once a second, all after one iteration.

To ask after every iteration would make every rank wait for the slowest, and the host
for its GPU. A single process asks nobody, and so may after each.
"""

import time
from bisect import bisect
from weakref import WeakKeyDictionary

from mmengine.dist import get_world_size
from mmengine.runner import EpochBasedTrainLoop, Runner

from .distributed import agreed
from .position import length

SPACING = 1.0  # seconds from one vote to the next


class Votes:
    """After which iterations the ranks of a run vote.

    A vote also agrees on the number of iterations until the next one: from the time
    that an iteration has taken since the last, on the slowest rank, and no more than
    twice the number before. So a vote comes late only where iterations become slower at
    once: five times slower, and it comes after 5 s.
    """

    def __init__(self) -> None:
        self.last = -1  # iteration of the last vote
        self.spacing = 1  # iterations; the first one shows how long they take
        self.clock = time.monotonic()

    def is_due(self, iteration: int, is_end: bool) -> bool:
        """To be asked on every rank alike; may be asked again in the same iteration.

        Args:
            is_end: Whether something long comes next, or nothing.
        """
        if iteration != self.last:
            if iteration < self.last + self.spacing and not is_end:
                return False
            self.vote(iteration)
        return True

    def vote(self, iteration: int) -> None:
        now = time.monotonic()
        passed = max(1, iteration - self.last) if self.last >= 0 else 1
        slowest = agreed(int(1e6 * (now - self.clock) / passed))  # microseconds
        fitting = int(1e6 * SPACING) // max(1, slowest)
        self.spacing = max(1, min(fitting, 2 * self.spacing))
        self.last, self.clock = iteration, now


of_runs: WeakKeyDictionary[Runner, Votes] = WeakKeyDictionary()


def is_vote(runner: Runner, batch_idx: int) -> bool:
    """Whether ranks may ask each other after this iteration; on all of them the same.

    To be called by hooks in ``after_train_iter``, with its arguments. The last batch of
    an epoch and the last before a validation always have a vote.
    """
    if get_world_size() == 1:
        return True
    votes = of_runs.setdefault(runner, Votes())
    return votes.is_due(runner.iter, is_last_batch(runner, batch_idx))


def is_last_batch(runner: Runner, batch_idx: int) -> bool:
    """Whether an epoch ends with this batch, or the loop validates after it."""
    loop = runner.train_loop
    if isinstance(loop, EpochBasedTrainLoop):
        # An epoch that is resumed begins with a later batch, which is number 0 again.
        left_out = getattr(loop.dataloader.batch_sampler, 'left_out', 0)
        return batch_idx + 1 + left_out == length(loop.dataloader)
    done = runner.iter + 1
    # What the loop's val_interval will be when it asks, as it finds that out.
    step = bisect(loop.dynamic_milestones, done + 1)
    interval = loop.dynamic_intervals[step - 1]
    return done % interval == 0 or done == loop.max_iters
