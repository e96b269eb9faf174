"""Pre-emption and Ctrl-C: save first, then go."""

import os
import signal
import threading
from collections.abc import Callable
from functools import partial

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from eca_mm.errors import RunStopped

from .checkpoint import save_before_stop
from .distributed import agreed
from .parts import optim_wrappers
from .signals import SIGNALS
from .votes import is_vote

HANGUP = getattr(signal, 'SIGHUP', None)


@HOOKS.register_module()
class StopSignalHook(Hook):
    """On SIGTERM, SIGINT or SIGHUP save at the end of the iteration, and end the run.

    :class:`SafeCheckpointHook` saves, where the run has it. The exit status is the
    usual one, 143, 130 or 129. A second signal ends the process at once. One rank's
    signal stops all of them at the same iteration, after their next vote, which they
    hold about once a second (:mod:`votes`). With accumulated gradients, which no
    checkpoint has, it is the one that completes a step of the optimiser. In a
    validation the weights may be averages, not to be saved: it ends first, and one more
    iteration. A SIGHUP that is ignored, as by nohup, stays so.
    """

    priority = 'LOWEST'  # the iteration is over for all other hooks

    def __init__(self) -> None:
        self.received = 0
        self.number = 0  # the signal that all ranks know of
        self.waited = 0  # iterations for the step of the optimiser
        self.before: dict = {}

    def before_train(self, runner: Runner) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows signal handlers there only
        before = {number: signal.getsignal(number) for number in SIGNALS}
        if before.get(HANGUP) is signal.SIG_IGN:
            del before[HANGUP]
        self.before = before
        for number in self.before:
            signal.signal(number, self.receive)
        for loop in (runner.train_loop, runner.val_loop):
            if loop is not None:
                leave_workers_alone(loop.dataloader)

    def receive(self, number: int, frame) -> None:
        self.received = number
        self.let_go()

    def let_go(self) -> None:
        """The next signal does what it did before the run."""
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def after_train_iter(self, runner: Runner, batch_idx: int, *args, **kwargs) -> None:
        if not self.number and is_vote(runner, batch_idx):
            self.number = agreed(self.received)
        number = self.number
        if number and self.is_step_complete(runner):
            raise RunStopped(
                f'by {signal.Signals(number).name} after iteration {runner.iter + 1}: '
                f'{save_before_stop(runner)}',
                status=128 + number,
            )

    def is_step_complete(self, runner: Runner) -> bool:
        """Whether no gradients wait for the next iteration.

        Several optimisers may never be in step: none is waited for longer than its own.
        """
        wrappers = optim_wrappers(runner)
        self.waited += 1
        most = max(wrapper._accumulative_counts for wrapper in wrappers)
        done = all(wrapper.should_update() for wrapper in wrappers)
        return done or self.waited > most

    def after_train(self, runner: Runner) -> None:
        self.let_go()


def leave_workers_alone(loader: DataLoader) -> None:
    """Signals to the whole process group, as Ctrl-C, must not end the data workers.

    The run needs them to finish the iteration, and ends them itself.
    """
    loader.worker_init_fn = partial(start_worker, loader.worker_init_fn)


def start_worker(inner: Callable[[int], None] | None, worker_id: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if HANGUP is not None:
        signal.signal(HANGUP, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):  # not on macOS
        # It is blocked here and in all threads to come, and waited for in one.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=end_by_parent_alone, daemon=True).start()
    if inner is not None:
        inner(worker_id)


def end_by_parent_alone() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
