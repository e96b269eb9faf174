"""Exact resume: a run that resumes from a checkpoint ends as if it never stopped."""

from collections.abc import Iterator

from mmengine.dist import all_gather_object, get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner

from eca_mm.errors import RequestError

from .data_order import begin_stream, in_pass, seed_batches
from .parts import bare, optim_wrappers, train_sampler
from .position import Start, cached_steps, place, start_of
from .random_state import random_state, set_random_state
from .resumable import why_not_resumable
from .schedules import plans, stretch
from .speech import say


def state_of_run(runner: Runner, meta: dict) -> dict:
    """What a checkpoint needs in addition to mmengine's parts; call it on every rank.

    Args:
        meta: ``epoch`` and ``iter`` of the checkpoint.
    """
    state = dict(
        data_seed=getattr(train_sampler(runner), 'seed', None) or runner.seed,
        random_states=all_gather_object(random_state()),
    )
    for hook in runner.hooks:
        if isinstance(hook, ExactResumeHook):
            state['position'] = place(runner, hook.batches_done(runner, meta))
    return state


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Restore the random states and the order of the data in a resumed run.

    Training by epoch resumes in the middle of an epoch, at the next batch. (mmengine
    repeats the epoch; only the batch number in the log counts from the resume.)
    Training by iteration resumes without loading again what was trained on. A
    validation that was interrupted, or that was due after the last checkpoint, is done
    first (mmengine skips it). Weights, optimiser, schedules, loss scaler and log values
    are restored by mmengine. With gradient accumulation a checkpoint is exact if a step
    was complete.

    With another number of ranks, another batch size or other data, the order of samples
    differs. A message says so, and an epoch that was begun is repeated
    (:mod:`position`): the count of iterations continues, ``max_iters`` is adjusted to
    the remaining epochs, and schedules that the config gives in epochs are stretched
    (:mod:`schedules`). For checkpoints that :class:`SafeCheckpointHook` did not write,
    only the order of the data is restored, if the config sets a seed.
    """

    priority = 'LOW'  # after hooks that use random numbers, before the checkpoint's

    def __init__(self) -> None:
        self.resumed: dict = {}  # meta of the checkpoint
        self.start = Start()
        self.begun = (0, 0)  # the epoch, and the iteration that it began at
        self.passes = 0  # through the data, in training by iteration
        self.plans: list[dict] = []
        self.before_validation: dict = {}

    def before_run(self, runner: Runner) -> None:
        # In a run that does not train, loop and schedulers are still configs.
        if isinstance(runner._train_loop, BaseLoop):
            self.plans = plans(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if not runner._resume:
            return
        problem = why_not_resumable(checkpoint, bare(runner.model))
        if problem:
            raise RequestError(f'checkpoint {runner._load_from} {problem}')
        self.resumed = dict(checkpoint['meta'])

    def before_train(self, runner: Runner) -> None:
        loop = runner.train_loop
        sampler = train_sampler(runner)
        seed = self.resumed.get('data_seed')
        if seed is None:
            seed = getattr(sampler, 'seed', None) or runner.seed
        elif hasattr(sampler, 'seed'):
            sampler.seed = seed
        if self.resumed:
            self.start = start_of(runner, self.resumed)
            if self.start.line:
                tell(runner, self.start.line)
        self.begun = (loop.epoch, loop.iter - self.start.batch)
        start = self.start.batch
        if isinstance(loop, EpochBasedTrainLoop):
            self.fit_length(runner)
        else:
            self.passes, start = in_pass(loop.dataloader, sampler, self.start.batch)
            start = start if hasattr(sampler, 'seed') else 0
        seed_batches(loop.dataloader, seed, start)

    def fit_length(self, runner: Runner) -> None:
        """Adjust the end of the run to the remaining epochs if their length changed."""
        loop, length = runner.train_loop, len(runner.train_loop.dataloader)
        left = (loop.max_epochs - loop.epoch) * length - self.start.batch
        if loop.max_iters != loop.iter + left:
            loop._max_iters = loop.iter + left  # mmengine sets it in __init__ only
            runner.message_hub.update_info('max_iters', loop.max_iters)
            for wrapper in optim_wrappers(runner):
                wrapper.initialize_count_status(runner.model, loop.iter, loop.max_iters)
        if self.start.line:
            stretch(runner, self.plans, length / (self.start.old_length or length))

    def before_train_epoch(self, runner: Runner) -> None:
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):
            if loop.epoch != self.begun[0]:
                self.begun = (loop.epoch, loop.iter)
        else:
            begin_stream(loop, train_sampler(runner), self.passes)
        lost = list(self.lost(runner)) if self.resumed else []
        if lost:
            tell(
                runner,
                f'{" and ".join(lost)}: the run continues at its place, but not '
                'bit for bit as the stopped run would have',
            )
        self.make_up_validation(runner)

    def lost(self, runner: Runner) -> Iterator[str]:
        """Parts of the stopped run's state that the checkpoint does not contain."""
        cached = cached_steps(runner.train_loop.dataloader.dataset)
        if cached:
            yield f'{", ".join(cached)} caches images, which no checkpoint contains'
        steps = [wrapper._accumulative_counts for wrapper in optim_wrappers(runner)]
        if any(self.resumed.get('iter', 0) % count for count in steps):
            yield (
                f'the checkpoint was saved within a step of {max(steps)} iterations, '
                'and contains no gradients'
            )

    def after_train(self, runner: Runner) -> None:
        """Validate if the run was stopped in its last validation: no epoch is left."""
        self.make_up_validation(runner)

    def batches_done(self, runner: Runner, meta: dict) -> int:
        """Batches trained on of the epoch ``meta`` names; by iteration, of all."""
        epoch, iteration = self.begun
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        in_epoch = meta['epoch'] == epoch or not by_epoch
        return meta['iter'] - iteration if in_epoch else 0

    def make_up_validation(self, runner: Runner) -> None:
        """Validate at once if the checkpoint was saved just before a validation."""
        if self.resumed.pop('validated', True):
            return
        loop = runner.train_loop
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        if by_epoch and self.start.was_at:
            return  # in the middle of an epoch
        done, last = (
            (loop.epoch, loop.max_epochs) if by_epoch else (loop.iter, loop.max_iters)
        )
        loop._decide_current_val_interval()  # as the loop does before it looks
        is_due = done % loop.val_interval == 0 or done == last
        if runner.val_loop is not None and done >= loop.val_begin and is_due:
            runner.logger.info('doing the validation that was due after the checkpoint')
            # For the epoch that was trained, not for the one that begins.
            runner.message_hub.update_info('epoch', loop.epoch - by_epoch)
            runner.val_loop.run()
            runner.message_hub.update_info('epoch', loop.epoch)

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Restore here and not earlier: a start may use random numbers itself."""
        if self.resumed:
            self.restore_random_state()
            self.resumed = {}

    def restore_random_state(self) -> None:
        states = self.resumed.get('random_states', [])
        if get_rank() < len(states):
            set_random_state(states[get_rank()])

    def before_save(self, runner: Runner) -> None:
        """Before the first iteration, save the state of the resumed checkpoint."""
        self.restore_random_state()
        if self.resumed:
            runner.message_hub.update_info('iter', runner.iter - 1)  # the last begun

    def after_train_epoch(self, runner: Runner) -> None:
        self.before_save(runner)  # no iteration may have been left of the epoch

    def before_val(self, runner: Runner) -> None:
        self.before_save(runner)  # of a new best one
        self.before_validation = random_state()

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Restore the random states: training must not depend on validations."""
        if self.before_validation:
            set_random_state(self.before_validation)


def tell(runner: Runner, line: str) -> None:
    """Say a line on stderr, where users look at the start, and in the log."""
    runner.logger.warning(line)
    say(f'warning: {line}')
