"""A run that goes on from a checkpoint ends as if it had never stopped."""

from mmengine.dataset import InfiniteSampler
from mmengine.dist import all_gather_object, get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from .data_order import seed_batches
from .parts import train_sampler
from .random_state import random_state, set_random_state


def position(runner: Runner) -> dict:
    """What a checkpoint needs beyond mmengine's parts; to be called on every rank."""
    sampler = train_sampler(runner)
    return dict(
        data_seed=getattr(sampler, 'seed', None) or runner.seed,
        random_states=all_gather_object(random_state()),
    )


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Give a resumed run the random states and the data that the stopped one had.

    Epoch-based training resumes in the middle of an epoch too, at the next batch
    (mmengine repeats the epoch; only the batch number in the log counts from there).
    Training by iteration loads the batches that were trained on once more, as mmengine
    does. A validation that the run was stopped in, or that came after its last
    checkpoint, is made up for first (mmengine leaves it out). Weights, optimiser,
    schedules, loss scaler and log values are restored by mmengine. With gradient
    accumulation a checkpoint is exact where a step is complete. Of checkpoints that
    :class:`SafeCheckpointHook` did not write the data order alone is restored, if the
    config sets a seed.
    """

    priority = 'LOW'  # after hooks that use random numbers, before the checkpoint's

    def __init__(self) -> None:
        self.resumed: dict = {}  # meta of the checkpoint
        self.before_validation: dict = {}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if runner._resume:
            self.resumed = dict(checkpoint.get('meta', {}))

    def before_train(self, runner: Runner) -> None:
        loop = runner.train_loop
        sampler = train_sampler(runner)
        seed = self.resumed.get('data_seed')
        if seed is None:
            seed = getattr(sampler, 'seed', None) or runner.seed
        elif hasattr(sampler, 'seed'):
            sampler.seed = seed
        start = 0
        if isinstance(loop, EpochBasedTrainLoop):
            start = loop.iter - loop.epoch * len(loop.dataloader)
        seed_batches(loop.dataloader, seed, start)

    def before_train_epoch(self, runner: Runner) -> None:
        loop = runner.train_loop
        if isinstance(loop, IterBasedTrainLoop):
            # The loop has begun a pass already, with workers that know nothing of what
            # hooks have done to the loader and its data since. They have drawn from the
            # endless order of samples, and end it when they go.
            sampler = train_sampler(runner)
            if isinstance(sampler, InfiniteSampler):
                sampler.indices = sampler._indices_of_rank()
            loop.dataloader._iterator = None  # persistent workers would stay
            loop.dataloader_iterator = type(loop.dataloader_iterator)(loop.dataloader)
        self.make_up_validation(runner)

    def after_train(self, runner: Runner) -> None:
        """A run that was stopped in its last validation has no epoch to go."""
        self.make_up_validation(runner)

    def make_up_validation(self, runner: Runner) -> None:
        """Validate at once if the checkpoint was saved just before a validation."""
        if self.resumed.pop('validated', True):
            return
        loop = runner.train_loop
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        if by_epoch and loop.iter != loop.epoch * len(loop.dataloader):
            return  # in the middle of an epoch
        done, last = (
            (loop.epoch, loop.max_epochs) if by_epoch else (loop.iter, loop.max_iters)
        )
        loop._decide_current_val_interval()  # as the loop does before it looks
        is_due = done % loop.val_interval == 0 or done == last
        if runner.val_loop is not None and done >= loop.val_begin and is_due:
            runner.logger.info('The validation after the checkpoint is made up for.')
            # The epoch that was trained, as at the time; not the one that begins.
            runner.message_hub.update_info('epoch', loop.epoch - by_epoch)
            runner.val_loop.run()
            runner.message_hub.update_info('epoch', loop.epoch)

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Here, and not before: what a start does may use random numbers."""
        self.restore_random_state()
        self.resumed = {}

    def restore_random_state(self) -> None:
        states = self.resumed.get('random_states', [])
        if get_rank() < len(states):
            set_random_state(states[get_rank()])

    def before_save(self, runner: Runner) -> None:
        """What is saved before the first iteration is what was resumed."""
        self.restore_random_state()
        if self.resumed:
            runner.message_hub.update_info('iter', runner.iter - 1)  # the last begun

    def after_train_epoch(self, runner: Runner) -> None:
        self.before_save(runner)  # no iteration may have been left of the epoch

    def before_val(self, runner: Runner) -> None:
        self.before_save(runner)  # of a new best one
        self.before_validation = random_state()

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Training must not depend on whether a validation came between."""
        if self.before_validation:
            set_random_state(self.before_validation)
