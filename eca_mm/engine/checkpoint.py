"""Checkpoints that survive a crash, a kill or a full disk."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from eca_mm.files import remove_leftovers, replaced

from .exact_resume import state_of_run
from .loss_guard import settle
from .resume import last_checkpoint
from .saving import InStep, LateRemovals, ReadBack, SaveError
from .schedules import without_code

# What the hook remembers of the files it wrote; a failed save does not change it.
BOOKS = (
    'saved_iter',
    'keep_ckpt_ids',
    'last_ckpt',
    'best_ckpt_path',
    'best_ckpt_path_dict',
)

INTERRUPTED = 'interrupted.pth'


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's CheckpointHook, with an order of steps that never loses a checkpoint.

    A checkpoint is written under a temporary name, flushed and renamed; then
    ``last_checkpoint`` is written in the same way; and only then older files are
    removed. (mmengine removes them first and writes in place.) ``last_checkpoint``
    contains the whole path, as mmengine's own ``--resume`` needs it; ours looks for the
    name in the work dir, which may have been moved. With several ranks, no rank
    continues before the first one has written, and all stop if it cannot. Files on
    remote stores are written by the store's own client. The arguments are the host's.

    Args:
        keep_going_on_save_error: Log a save that fails and continue to train. Otherwise
            the run stops with :class:`SaveError`.
    """

    def __init__(self, *args, keep_going_on_save_error: bool = False, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.keep_going = keep_going_on_save_error
        self.saved_iter = -1
        self.read_back = ReadBack()
        self.validated = False  # whether the weights to save have been

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        if type(self.file_backend) is LocalBackend:
            self.backend_args = dict(backend='crash_safe')
            if is_main_process():
                # Here and not at each save, or a removed work dir would be made again.
                Path(self.out_dir).mkdir(parents=True, exist_ok=True)
                suffix = Path(self.filename_tmpl).suffix
                remove_leftovers(Path(self.out_dir), f'*{suffix}')
                remove_leftovers(Path(runner.work_dir), 'last_checkpoint')
        self.file_backend = LateRemovals(self.file_backend)
        # In a moved or copied work dir the old path does not belong to this run.
        last = runner.message_hub.runtime_info.get('last_ckpt')
        if last and self.file_backend.isfile(self.here(last)):
            self.last_ckpt = self.here(last)
        if getattr(self, 'best_ckpt_path', None):
            self.best_ckpt_path = self.here(self.best_ckpt_path)
        for metric, path in getattr(self, 'best_ckpt_path_dict', {}).items():
            self.best_ckpt_path_dict[metric] = path and self.here(path)
        for path in runner.message_hub.runtime_info.get('outdated_best', []):
            self.discard(runner, self.here(path))

    def here(self, path: str) -> str:
        """The file of that name in the folder of this run's checkpoints."""
        return self.file_backend.join_path(self.out_dir, os.path.basename(path))

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Save ``epoch_{step}.pth`` or ``iter_{step}.pth``, then remove older ones."""
        with self.all_or_nothing(runner):
            outdated = self.book(runner, step)
            self.save(runner, self.filename_tmpl.format(step), meta)
            for name in [*map(self.filename_tmpl.format, outdated), INTERRUPTED]:
                self.discard(runner, self.here(name))

    def save_interrupted(self, runner: Runner) -> None:
        """Save at the end of an iteration, unless that has just been done.

        The file is removed when the next regular checkpoint has been written.
        """
        meta = dict(epoch=runner.epoch, iter=runner.iter + 1)
        if self.saved_iter != meta['iter']:
            with self.all_or_nothing(runner):
                self.save(runner, INTERRUPTED, meta)

    def book(self, runner: Runner, step: int) -> list[int]:
        """Record a step as kept, and return the steps that are no longer kept."""
        if self.max_keep_ckpts <= 0:
            return []
        steps = [kept for kept in self.keep_ckpt_ids if kept != step] + [step]
        self.keep_ckpt_ids = deque(steps[-self.max_keep_ckpts :], self.max_keep_ckpts)
        # The checkpoint lists the outdated ones too: if the run is killed before they
        # are gone, mmengine removes them at the start of the next.
        runner.message_hub.update_info('keep_ckpt_ids', steps)
        return steps[: -self.max_keep_ckpts]

    def save(self, runner: Runner, name: str, meta: dict) -> None:
        """Write a checkpoint to resume from, and ``last_checkpoint``."""
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        self.saved_iter = meta['iter']
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        # As in book(): for the next run, if this one is killed before they are gone.
        runner.message_hub.update_info('outdated_best', self.outdated_best())
        InStep(runner, self.read_back, self.point_to_last).save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=dict(meta, validated=self.validated, **state_of_run(runner, meta)),
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        without_code(checkpoint)

    def point_to_last(self, runner: Runner) -> None:
        """Write ``last_checkpoint``; the save fails if there is no room for it."""
        work_dir, last = Path(runner.work_dir), self.last_ckpt
        is_local = self.backend_args == dict(backend='crash_safe')
        try:
            with replaced(work_dir / 'last_checkpoint') as temporary:
                temporary.write_text(os.path.abspath(last) if is_local else last)
        except OSError:
            if is_local and last_checkpoint(work_dir, [Path(last).parent]) != Path(
                last
            ):
                self.discard(runner, last)  # nobody would, and the room is needed
            raise

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if not hasattr(self, 'file_backend'):
            return  # Runner.val() alone: no training, nothing to keep the best of
        self.validated = True
        with self.all_or_nothing(runner):
            super()._save_best_checkpoint(InStep(runner, self.read_back), metrics)
            for path in self.outdated_best():
                self.discard(runner, path)
        self.validated = False
        self.file_backend.late.clear()

    def outdated_best(self) -> list[str]:
        """Best checkpoints that have been replaced by a better one."""
        best = {getattr(self, 'best_ckpt_path', None)}
        best.update(getattr(self, 'best_ckpt_path_dict', {}).values())
        return [path for path in self.file_backend.late if path not in best]

    def discard(self, runner: Runner, path: str) -> None:
        """Remove a file that is no longer needed; a failure is only logged."""
        backend = self.file_backend.backend
        try:
            if not is_main_process():
                return
            if backend.isfile(path):
                backend.remove(path)
            elif backend.isdir(path):  # of DeepSpeed
                backend.rmtree(path)
        except OSError as error:
            runner.logger.warning(f'cannot remove {path}: {error}')

    @contextmanager
    def all_or_nothing(self, runner: Runner) -> Iterator[None]:
        """Restore the hook's records if a save fails."""
        info: Any = runner.message_hub.runtime_info
        info_before = dict(info)
        books = {name: copy(vars(self)[name]) for name in BOOKS if name in vars(self)}
        try:
            yield
        except SaveError as error:
            info.clear()
            info.update(info_before)
            vars(self).update(books)
            if not self.keep_going:
                raise
            runner.logger.error(f'{error}; the run continues')


def save_before_stop(runner: Runner) -> str:
    """Save at the end of an iteration, on all ranks, and say how to continue.

    Raises:
        NotFinite: The weights are not finite, so there is nothing to continue with.
    """
    settle(runner)
    advice = 'resume from its last checkpoint with --resume'
    for saver in runner.hooks:
        if isinstance(saver, SafeCheckpointHook):
            saver.save_interrupted(runner)
            advice = f'resume from {saver.last_ckpt} with --resume'
    return advice
