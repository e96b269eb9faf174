"""The run that the faults hit: small, but mmengine's Runner with all its parts."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from mmap import mmap
from pathlib import Path
from struct import pack_into, unpack_from

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner, runner
from torch.utils.data import Dataset

sys.path.insert(0, str(Path(__file__).parents[1] / 'engine'))
from slow_disk import slow_down  # noqa: E402
from small_run import small_runner  # noqa: E402

from eca_mm.checkpoints.safe import CheckpointError, load_file  # noqa: E402
from eca_mm.engine import RequestError, resume_from_newest  # noqa: E402
from eca_mm.engine.accidents import told_in_one_line  # noqa: E402
from eca_mm.engine.resume import newest_checkpoint  # noqa: E402
from eca_mm.engine.run_lock import only_run  # noqa: E402

EPOCHS, ITERATIONS = 6, 24
OF_THE_MOMENT = {'time', 'data_time', 'memory', 'eta', 'cfg', 'experiment_name'}
PHASES = ('start-up', 'iteration', 'save', 'validation')


class Fixed(Dataset):
    """Validation data without noise: the score follows from the weights alone."""

    metainfo = dict(classes=('one',))

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> dict:
        return dict(inputs=torch.full((8,), index / 6))


class LastDigits(BaseMetric):
    """A score that goes up and down: digits far behind the point of the outputs."""

    def process(self, data_batch, data_samples) -> None:
        self.results.extend(float(out.sum()) for out in data_samples)

    def compute_metrics(self, results) -> dict:
        return dict(acc=sum(results) * 1e4 % 1)


class Watch:
    """Where a run is, in memory that its parent reads also when it is dead."""

    def __init__(self) -> None:
        self.memory = mmap(-1, 16)

    def tell(self, phase: str, saved: int | None = None, best: int = 0) -> None:
        """Note a phase, and the iteration of the last checkpoint and the best one."""
        pack_into('i', self.memory, 0, PHASES.index(phase))
        if saved is not None:
            pack_into('ii', self.memory, 4, saved, best)

    @property
    def phase(self) -> str:
        return PHASES[unpack_from('i', self.memory)[0]]

    def tell_slow(self) -> None:
        pack_into('i', self.memory, 12, 1)

    @property
    def is_slow(self) -> bool:
        return unpack_from('i', self.memory, 12)[0] == 1

    @property
    def saved(self) -> tuple[int, int]:
        """Iterations of the last checkpoint and of the best one that were written."""
        return unpack_from('ii', self.memory, 4)


class BeforeSave(Hook):
    """Tells that a save comes.

    Args:
        slow_from: From which save on the disk is slow, counted from this start.
    """

    priority = 89  # the checkpoint hook has 90

    def __init__(self, watch: Watch, slow_from: int | None = None) -> None:
        self.watch = watch
        self.slow_from = slow_from
        self.saves = 0

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        self.watch.tell('iteration')

    def before_val(self, runner) -> None:
        self.watch.tell('validation')

    def before_save(self, runner, *args, **kwargs) -> None:
        self.watch.tell('save')
        self.saves += 1
        if self.saves == self.slow_from:
            slow_down()
            self.watch.tell_slow()

    after_train_iter = after_train_epoch = after_val_epoch = before_save


class AfterSave(Hook):
    """Tells what has been saved."""

    priority = 91

    def __init__(self, watch: Watch, by_epoch: bool) -> None:
        self.watch = watch
        self.by_epoch = by_epoch

    def note(self, runner, iteration: int) -> None:
        info = runner.message_hub.runtime_info
        best = Path(info.get('best_ckpt') or '_0').stem.rpartition('_')[2]
        self.watch.tell('iteration', iteration, int(best))

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        if not self.by_epoch:
            self.note(runner, runner.iter + 1)

    def after_val_epoch(self, runner, metrics=None) -> None:
        self.note(runner, runner.iter)

    def after_train_epoch(self, runner) -> None:
        self.note(runner, runner.iter)


def train(
    work_dir: Path,
    watch: Watch | None = None,
    hook: str = 'SafeCheckpointHook',
    hooks: Sequence[Hook] = (),
    slow_from: int | None = None,
    by_epoch: bool = False,
    of_run: dict | None = None,
    **settings,
) -> None:
    """Begin or continue, as ``tools/train.py --resume`` does.

    Every iteration is saved, or every epoch, and every new best; the last is kept. An
    accident ends it in one line, and nothing else trains in its work dir.

    Args:
        of_run, settings: More for the run, and for its checkpoint hook.
    """
    # A second each, and a git process for each checkpoint.
    Runner._log_env, runner.get_git_hash = lambda *args: None, lambda: ''
    watch = watch or Watch()
    checkpoint = dict(
        type=hook, interval=1, by_epoch=by_epoch, max_keep_ckpts=1, save_best='acc'
    )
    with only_run(work_dir), told_in_one_line(work_dir):
        cfg = Config(dict(work_dir=str(work_dir), resume=True, load_from=None))
        resume_from_newest(cfg)
        small_runner(
            work_dir,
            checkpoint | settings,
            epochs=EPOCHS,
            val_data=Fixed(),
            metric=LastDigits(),
            resume=cfg.resume,
            load_from=cfg.load_from,
            randomness=dict(seed=7),
            hooks=[*hooks, BeforeSave(watch, slow_from), AfterSave(watch, by_epoch)],
            **(of_run or {}),
        ).train()


@contextmanager
def quiet() -> Iterator[StringIO]:
    with redirect_stderr(StringIO()) as said:
        yield said


def loss(work_dir: Path, saved: int, best: int) -> str:
    """What a run that had written these is left without, or ''."""
    with quiet() as said:
        try:
            newest = newest_checkpoint(work_dir)
        except RequestError:
            return 'no checkpoint loads'
    if said.getvalue().startswith('skipped'):
        return 'a damaged checkpoint has a final name'
    if saved and (newest is None or load_file(newest)['meta']['iter'] < saved):
        return f'the checkpoint of iteration {saved} is gone'
    if best:
        found = [int(path.stem.split('_')[-1]) for path in work_dir.glob('best_*.pth')]
        if not any(number >= best for number in found):
            return f'the best checkpoint of iteration {best} is gone'
        try:
            for path in work_dir.glob('best_*.pth'):
                load_file(path)
        except CheckpointError:
            return 'a damaged best checkpoint has a final name'
    return ''


def end_state(work_dir: Path) -> dict:
    """What the checkpoints of a run hold but clock times and its place, by file.

    Best ones are not resumed from: of them the weights count, and the log.
    """
    found = {}
    for path in sorted(work_dir.glob('*.pth')):
        try:
            content = without_clock(load_file(path))
        except CheckpointError:
            content = dict(state_dict='damaged', message_hub=dict(log_scalars={}))
        if path.name.startswith('best_'):
            hub = content['message_hub']['log_scalars']
            content = dict(state_dict=content['state_dict'], log=hub)
        found[path.name] = content
    return found


def without_clock(value):
    """Checkpoints of two runs that did the same become equal."""
    if isinstance(value, dict):
        return {
            key: without_clock(item)
            for key, item in value.items()
            if str(key).rpartition('/')[2] not in OF_THE_MOMENT
        }
    if isinstance(value, (list, tuple)):
        return [without_clock(item) for item in value]
    if isinstance(value, str) and value.startswith('/'):
        return Path(value).name
    return list(value.data) if hasattr(value, 'statistics') else value


def same(one, two) -> bool:
    """To the bit, in whatever is nested."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[k], two[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    return bool(np.array_equal(one, two))
