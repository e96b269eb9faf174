"""A run that goes on from a checkpoint ends as if it had never stopped."""

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
    """What a checkpoint needs beyond mmengine's parts; to be called on every rank.

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
    """Give a resumed run the random states and the data that the stopped one had.

    Training resumes in the middle of an epoch too, at the next batch (mmengine repeats
    the epoch; only the batch number in the log counts from there), and by iteration
    without loading once more what was trained on. A validation that the run was stopped
    in, or that came after its last checkpoint, is made up for first (mmengine leaves it
    out). Weights, optimiser, schedules, loss scaler and log values are restored by
    mmengine. With gradient accumulation a checkpoint is exact where a step is complete.

    With other ranks, another batch or other data the order of samples is another. That
    is said, and an epoch that was begun is repeated (:mod:`position`): the count of
    iterations goes on, ``max_iters`` becomes what the epochs left make of it, and
    schedules that the config gives in epochs are stretched (:mod:`schedules`). Of
    checkpoints that :class:`SafeCheckpointHook` did not write the data order alone is
    restored, if the config sets a seed.
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
        # Of a run that does not train, loop and schedulers are configs still.
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
        """Let the run end where the epochs left do, if their length has changed."""
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
                f'{" and ".join(lost)}: the run goes on at its place, but not to the '
                'bit as the stopped run would have',
            )
        self.make_up_validation(runner)

    def lost(self, runner: Runner) -> Iterator[str]:
        """What the stopped run had and the checkpoint does not."""
        cached = cached_steps(runner.train_loop.dataloader.dataset)
        if cached:
            yield f'{", ".join(cached)} keeps images that no checkpoint has'
        steps = [wrapper._accumulative_counts for wrapper in optim_wrappers(runner)]
        if any(self.resumed.get('iter', 0) % count for count in steps):
            yield (
                f'the checkpoint is from within a step of {max(steps)} iterations, and '
                'has no gradients'
            )

    def after_train(self, runner: Runner) -> None:
        """A run that was stopped in its last validation has no epoch to go."""
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
            runner.logger.info('The validation after the checkpoint is made up for.')
            # The epoch that was trained, as at the time; not the one that begins.
            runner.message_hub.update_info('epoch', loop.epoch - by_epoch)
            runner.val_loop.run()
            runner.message_hub.update_info('epoch', loop.epoch)

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Here, and not before: what a start does may use random numbers."""
        if self.resumed:
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


def tell(runner: Runner, line: str) -> None:
    """Once on stderr, where a start is looked at, and once in the log."""
    runner.logger.warning(line)
    say(f'warning: {line}')
