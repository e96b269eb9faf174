"""Stop a run whose loss or weights are not finite, before they are saved."""

from contextlib import suppress

from mmengine.dist import get_world_size
from mmengine.hooks import CheckpointHook, Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from .distributed import agreed
from .finite import Total, all_finite, has_bad, is_small, norms, sum_of_small
from .not_finite import Fault, NotFinite, Step, gathered, in_words, scalars
from .parts import optim_wrappers
from .votes import is_vote


@HOOKS.register_module()
class LossGuardHook(Hook):
    """Stop the run at a loss, or at weights after a step, that are not finite.

    mmengine has made the step by then; nothing of the iteration is saved. All ranks
    stop together, and those with the bad loss name its terms and their images. Weights
    are checked too, because a finite loss can have an infinite gradient. A step that a
    loss scaler skips leaves them finite and does not stop the run.

    On the CPU, where reading all weights takes longer than all other hooks together,
    small ones are checked after each iteration and all after every eighth: an
    infinite gradient spreads to the biases and norms before it, and a fault that does
    not spread shows in a later loss. The message then names the earlier iterations
    whose step may be the cause, and several of them if only the weights show the fault.

    No check waits for a GPU: it begins after each iteration, and its result is read
    when it is there, at the latest after the next iteration. (mmengine waits for the
    losses that it logs, so the result is usually there before.) Ranks exchange results
    at their votes (:mod:`votes`). Before anything is saved or validated, and at the end
    of an epoch and of the run, the result is waited for and given to all ranks, and all
    weights are checked once more, with the norms' running statistics. The optimiser's
    state is not checked, nor are other buffers, since attention masks contain
    infinities.

    Raises:
        NotFinite: On every rank. It names the iteration in which it happened, or those
            in which it may have, and which need not be the last one.
    """

    priority = 'HIGHEST'  # before hooks that average or save the weights
    every = 8  # iterations from one look at all weights on the CPU to the next

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.weights: list[Tensor] | None = None  # that steps change, if known
        self.savers: list[CheckpointHook] = []
        self.small: list[Tensor] = []
        self.step: Step | None = None  # whose answer has not been read
        self.found: Fault | None = None  # not yet known to the other ranks
        self.iteration = 0  # the last one
        # The last iteration after which all weights that steps change were checked,
        self.whole = 0
        self.settled = 0  # and the last one after which all that is saved was checked.

    def before_train(self, runner: Runner) -> None:
        self.forget()
        self.whole = self.settled = runner.iter  # a run that is resumed begins later
        self.savers = [
            hook
            for hook in runner.hooks
            if isinstance(hook, CheckpointHook) and not hook.by_epoch
        ]

    def before_train_epoch(self, runner: Runner) -> None:
        """Hooks after this one may freeze and thaw weights, between epochs."""
        self.weights = None

    def list_weights(self, runner: Runner) -> None:
        self.weights = [w for w in weights_of(runner) if w.requires_grad and w.numel()]
        on_cpu = all(weight.device.type == 'cpu' for weight in self.weights)
        small = list(filter(is_small, self.weights)) if on_cpu else self.weights
        self.small = self.weights if len(small) == len(self.weights) else small

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        self.look(runner)
        self.alone(runner)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        self.look(runner, wait=True)  # at the iteration before, if that is left to do
        if self.weights is None:
            self.list_weights(runner)
        self.iteration = runner.iter + 1
        self.step = self.look_of(scalars(outputs), data_batch)
        if any(saves_now(hook, runner) for hook in self.savers):
            self.settle(runner)
        elif get_world_size() > 1 and is_vote(runner, batch_idx):
            self.look(runner, wait=True)
            self.tell(runner)
        else:
            self.look(runner)
            self.alone(runner)

    def look_of(self, losses: dict[str, Tensor], batch) -> Step:
        """Start the check of the iteration that is over."""
        since = self.whole + 1
        if self.small is self.weights or self.iteration % self.every == 0:
            self.whole = self.iteration
            sums = norms(self.weights or [])
        else:
            sums = sum_of_small(self.small)
        total = Total([loss.float() for loss in losses.values()], sums)
        return Step(self.iteration, since, losses, batch, total)

    def look(self, runner: Runner, wait: bool = False) -> None:
        """Read the result of the last check, if it is there or ``wait`` is set."""
        if self.step is not None and (wait or self.step.total.is_there()):
            step, self.step = self.step, None
            if not self.found:
                self.found = step.fault(runner.model, self.weights or [])

    def alone(self, runner: Runner) -> None:
        """A single process needs no vote."""
        if self.found and get_world_size() == 1:
            raise in_words(runner, {0: self.found})

    def tell(self, runner: Runner) -> None:
        """Stop all ranks if any of them has found something; to be called on all."""
        if agreed(self.found is not None):
            raise gathered(runner, self.found)

    def settle(self, runner: Runner) -> None:
        """Make sure that everything is finite now; to be called on all ranks."""
        self.look_at_all(runner)
        self.tell(runner)

    def look_at_all(self, runner: Runner) -> None:
        """Check the last step, and what is saved besides and steps do not change."""
        self.look(runner, wait=True)
        if self.found:
            return
        saved = [*weights_of(runner), *statistics_of(runner)]
        if all_finite(saved):
            self.whole = self.settled = self.iteration
            return
        learns = any(weight.requires_grad and has_bad(weight) for weight in saved)
        since = (self.whole if learns else self.settled) + 1
        step = Step(self.iteration, since, {}, None, Total(norms(saved)))
        self.found = step.fault(runner.model, saved)

    def after_train_epoch(self, runner: Runner) -> None:
        self.settle(runner)

    def before_val_epoch(self, runner: Runner) -> None:
        if self.iteration:  # in training
            self.settle(runner)

    def after_train(self, runner: Runner) -> None:
        self.settle(runner)
        self.forget()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check before a hook of another kind saves: only the first rank comes here."""
        if self.iteration and self.settled != self.iteration:
            self.look_at_all(runner)
            stop = self.behind(runner)
            if stop:
                raise stop

    def behind(self, runner: Runner) -> NotFinite | None:
        """What this rank has found, for use where other ranks cannot be asked."""
        if self.found is None:
            return None
        stop = in_words(runner, {0: self.found})
        stop.of_one_rank = get_world_size() > 1
        return stop


def weights_of(runner: Runner) -> list[Tensor]:
    """All parameters of the optimisers."""
    return [
        weight
        for optim_wrapper in optim_wrappers(runner)
        for group in optim_wrapper.optimizer.param_groups
        for weight in group['params']
    ]


def statistics_of(runner: Runner) -> list[Tensor]:
    """The running means and variances of norms, of any class."""
    return [
        buffer
        for name, buffer in runner.model.named_buffers()
        if name.endswith(('running_mean', 'running_var'))
    ]


def saves_now(hook: CheckpointHook, runner: Runner) -> bool:
    """Whether a hook that saves by iteration does so after this one.

    These are the conditions of mmengine's, which has no method for them.
    """
    return hook.every_n_train_iters(runner, hook.interval, hook.save_begin) or (
        hook.save_last and hook.is_last_train_iter(runner)
    )


def guards(runner: Runner) -> list[LossGuardHook]:
    return [hook for hook in runner.hooks if isinstance(hook, LossGuardHook)]


def settle(runner: Runner) -> None:
    """Let the guards of a run finish their checks, on all ranks, before a save."""
    for guard in guards(runner):
        guard.settle(runner)


def behind(runner: Runner) -> NotFinite | None:
    """What a guard knows or can find out that may explain another failure."""
    for guard in guards(runner):
        with suppress(RuntimeError):  # a GPU that has failed answers nothing
            if guard.iteration:  # in training
                guard.look_at_all(runner)
        if guard.found:
            return guard.behind(runner)
    return None
