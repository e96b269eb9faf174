"""Which files are there at every moment of a run, and after a save that fails."""

import errno
import os
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner, find_latest_checkpoint
from small_run import Score, small_runner

from eca_mm.engine import SaveError, resume_from_newest
from eca_mm.engine.saving import CrashSafeBackend
from eca_mm.files import remove_leftovers, replaced


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each


def checkpoints(folder) -> set[str]:
    return {path.name for path in folder.glob('**/*.pth')}


def loadable(folder) -> set[str]:
    """Names of the checkpoints that can be read; files being written have no such."""
    found = set()
    for name in checkpoints(folder):
        if not name.startswith('.'):
            torch.load(folder / name, weights_only=True)
            found.add(name)
    return found


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """What is on the disk before and in the middle of each write, and which fail."""

    class Disk:
        moments: list[set[str]] = []
        full_for: tuple[str, ...] = ()

    disk = Disk()
    disk.moments = []
    whole_write = CrashSafeBackend.put

    def put(self, obj, filepath):
        disk.moments.append(loadable(tmp_path))

        def write(path, data):
            with open(path, 'wb') as file:
                file.write(data[: len(data) // 2])
                disk.moments.append(loadable(tmp_path))
                if os.path.basename(filepath) in disk.full_for:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                file.write(data[len(data) // 2 :])

        with monkeypatch.context() as patch:
            patch.setattr('pathlib.Path.write_bytes', write)
            whole_write(self, obj, filepath)

    monkeypatch.setattr(CrashSafeBackend, 'put', put)
    return disk


def test_one_checkpoint_is_whole_at_every_moment(tmp_path, disk):
    runner = small_runner(
        tmp_path, dict(interval=1, by_epoch=False, max_keep_ckpts=1), epochs=1
    )
    runner.train()
    assert len(disk.moments) == 8
    for i, found in enumerate(disk.moments[2:], start=2):
        assert found == {f'iter_{i // 2}.pth'}
    assert checkpoints(tmp_path) == {'iter_4.pth'}
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'iter_4.pth')
    state = torch.load(tmp_path / 'iter_4.pth', weights_only=True)
    assert state['meta']['iter'] == 4


@pytest.mark.parametrize('keep', [-1, 2])
def test_how_many_are_kept(tmp_path, keep):
    small_runner(tmp_path, dict(interval=1, max_keep_ckpts=keep)).train()
    expected = {f'epoch_{i}.pth' for i in range(1 if keep < 0 else 2, 4)}
    assert checkpoints(tmp_path) == expected


def test_old_best_goes_after_the_new_one_is_whole(tmp_path, disk):
    Score.scores[:] = [0.1, 0.3, 0.2]
    runner = small_runner(tmp_path, dict(interval=1, max_keep_ckpts=1, save_best='acc'))
    runner.train()
    best = [f'best_acc_epoch_{i}.pth' for i in (1, 2)]
    seen = [{*best} & found for found in disk.moments]
    first = seen.index({best[0]})
    assert all(found for found in seen[first:])
    assert checkpoints(tmp_path) == {best[1], 'epoch_3.pth'}
    info = torch.load(tmp_path / 'epoch_3.pth', weights_only=True)['message_hub']
    assert info['runtime_info']['best_ckpt'] == str(tmp_path / best[1])


def test_full_disk_stops_the_run_and_takes_nothing(tmp_path, disk):
    disk.full_for = ('iter_3.pth',)
    runner = small_runner(tmp_path, dict(interval=1, by_epoch=False, max_keep_ckpts=1))
    with pytest.raises(SaveError, match='iter_3.pth: No space left on device') as error:
        runner.train()
    assert error.value.status == 1
    assert runner.iter == 2
    assert checkpoints(tmp_path) == {'iter_2.pth'} == loadable(tmp_path)
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'iter_2.pth')


def test_keep_going_forgets_what_was_not_saved(tmp_path, disk):
    disk.full_for = ('epoch_2.pth', 'best_acc_epoch_2.pth')
    Score.scores[:] = [0.1, 0.3, 0.2]
    small_runner(
        tmp_path,
        dict(interval=1, max_keep_ckpts=2, save_best='acc',
             keep_going_on_save_error=True),
    ).train()  # fmt: skip
    # Of the files that are there, 0.2 is the best.
    kept = {'epoch_1.pth', 'epoch_3.pth', 'best_acc_epoch_3.pth'}
    assert checkpoints(tmp_path) == kept == loadable(tmp_path)
    state = torch.load(tmp_path / 'epoch_3.pth', weights_only=True)
    info = state['message_hub']['runtime_info']
    assert (info['best_score'], info['keep_ckpt_ids']) == (0.2, [1, 3])


@pytest.mark.skipif(os.name != 'posix', reason='limits are of POSIX')
def test_file_size_limit_of_the_system(tmp_path):
    """A write that the kernel rejects half way, as a quota does."""
    import resource

    runner = small_runner(tmp_path, dict(interval=1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        with pytest.raises(SaveError, match='epoch_1.pth: File too large'):
            runner.train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checkpoints(tmp_path) == set()


def test_no_room_for_last_checkpoint(tmp_path, monkeypatch):
    """The save has failed; its file would never be removed, and is not needed."""
    real = os.replace

    def replace(source, target):
        if os.path.basename(target) == 'last_checkpoint' and runner.iter == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    monkeypatch.setattr(os, 'replace', replace)
    runner = small_runner(tmp_path, dict(interval=1, by_epoch=False, max_keep_ckpts=1))
    with pytest.raises(SaveError, match='iter_3.pth: No space left on device'):
        runner.train()
    assert checkpoints(tmp_path) == {'iter_2.pth'} == loadable(tmp_path)
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'iter_2.pth')


def test_killed_before_the_removal_of_the_older_best(tmp_path, monkeypatch):
    """The next run removes it."""
    Score.scores[:] = [0.1, 0.2]
    hook = dict(interval=1, max_keep_ckpts=1, save_best='acc')
    with monkeypatch.context() as patch:
        patch.setattr('eca_mm.engine.checkpoint.SafeCheckpointHook.discard',
                      lambda *args: None)  # fmt: skip
        small_runner(tmp_path, hook, epochs=2).train()
    best = {'best_acc_epoch_1.pth', 'best_acc_epoch_2.pth'}
    assert best < checkpoints(tmp_path)
    last = str(tmp_path / 'epoch_2.pth')
    small_runner(tmp_path, hook, epochs=2, resume=True, load_from=last).train()
    assert best & checkpoints(tmp_path) == {'best_acc_epoch_2.pth'}


def test_leftovers_of_a_killed_run_go_at_the_next_start(tmp_path):
    small_runner(tmp_path, dict(interval=1, max_keep_ckpts=1), epochs=1).train()
    for name in (
        '.epoch_2.tmp.pth',
        '.best_acc_epoch_1.tmp.pth',
        '.last_checkpoint.tmp',
    ):
        (tmp_path / name).write_bytes(b'half')
    (tmp_path / '.results.tmp.json').touch()  # of another tool, which may be at work
    small_runner(tmp_path, dict(interval=1, max_keep_ckpts=1), epochs=1).train()
    left = {path.name for path in tmp_path.iterdir() if path.name.startswith('.')}
    assert left == {'.results.tmp.json'}


def test_killed_before_the_removal_of_the_older_one(tmp_path, monkeypatch):
    """The next run removes it."""
    hook = dict(interval=1, max_keep_ckpts=1)
    with monkeypatch.context() as patch:
        patch.setattr('eca_mm.engine.checkpoint.SafeCheckpointHook.discard',
                      lambda *args: None)  # fmt: skip
        small_runner(tmp_path, hook, epochs=2).train()
    assert checkpoints(tmp_path) == {'epoch_1.pth', 'epoch_2.pth'}
    last = str(tmp_path / 'epoch_2.pth')
    small_runner(tmp_path, hook, epochs=2, resume=True, load_from=last).train()
    assert checkpoints(tmp_path) == {'epoch_2.pth'}


def test_copied_work_dir_leaves_the_best_of_the_original(tmp_path):
    hook = dict(interval=1, max_keep_ckpts=1, save_best='acc')
    Score.scores[:] = [0.1]
    small_runner(tmp_path / 'one', hook, epochs=1).train()
    (tmp_path / 'two').mkdir()
    for path in (tmp_path / 'one').glob('*.pth'):
        (tmp_path / 'two' / path.name).write_bytes(path.read_bytes())
    Score.scores[:] = [0.2]
    last = str(tmp_path / 'two/epoch_1.pth')
    small_runner(tmp_path / 'two', hook, epochs=2, resume=True, load_from=last).train()
    assert checkpoints(tmp_path / 'one') == {'epoch_1.pth', 'best_acc_epoch_1.pth'}
    assert checkpoints(tmp_path / 'two') == {'epoch_2.pth', 'best_acc_epoch_2.pth'}


def test_out_dir(tmp_path):
    hook = dict(interval=1, out_dir=str(tmp_path / 'store'))
    small_runner(tmp_path / 'run', hook, epochs=1).train()
    assert (tmp_path / 'store/run/epoch_1.pth').is_file()
    last = tmp_path / 'store/run/epoch_1.pth'
    assert find_latest_checkpoint(tmp_path / 'run') == str(last)
    cfg = Config(dict(work_dir=str(tmp_path / 'run'), resume=True))
    cfg.default_hooks = dict(checkpoint=hook)
    resume_from_newest(cfg)
    assert cfg.load_from == str(last)


def test_validation_alone(tmp_path):
    Score.scores[:] = [0.5]
    assert small_runner(tmp_path, dict(save_best='acc')).val() == dict(acc=0.5)
    assert checkpoints(tmp_path) == set()


class Odd:
    """What no loader takes as data."""

    def __float__(self) -> float:
        return 0.5

    def __gt__(self, other) -> bool:
        return True


class Odder(Score):
    def compute_metrics(self, results) -> dict:
        return dict(acc=Odd())


def test_what_cannot_be_read_back_is_known_at_once(tmp_path, monkeypatch):
    """A hook's value at the first save, a score at the first validation."""

    def leave(runner) -> None:
        runner.message_hub.update_info('odd', Odd())

    hook = type(
        'Leaves', (Hook,), dict(before_train=lambda self, runner: leave(runner))
    )
    runner = small_runner(tmp_path / 'a', dict(interval=1), hooks=[hook()])
    with pytest.raises(
        SaveError, match='epoch_1.pth was saved, but.* has a .*Odd in it'
    ):
        runner.train()
    assert not (tmp_path / 'a/last_checkpoint').exists()
    runner = small_runner(tmp_path / 'b', dict(interval=1))
    reads = []
    monkeypatch.setattr('eca_mm.engine.saving.load_file', reads.append)
    runner.train()
    # Before and after the first validation.
    assert [os.path.basename(path) for path in reads] == ['epoch_1.pth', 'epoch_2.pth']


def test_best_score_that_cannot_be_read_back(tmp_path):
    hook = dict(interval=1, save_best='acc', rule='greater')
    runner = small_runner(tmp_path, hook, metric=Odder())
    runner.val_loop  # noqa: B018
    with pytest.raises(SaveError, match='Odd in it'):
        runner.train()
    assert runner.epoch == 1


def test_work_dir_that_goes_away(tmp_path):
    def remove(runner) -> None:
        if runner.epoch == 1:
            shutil.rmtree(tmp_path / 'run')

    hook = type('Removes', (Hook,), {})()
    hook.after_train_epoch = remove
    runner = small_runner(tmp_path / 'run', dict(interval=1), hooks=[hook])
    with pytest.raises(SaveError, match='epoch_2.pth: the work dir was removed'):
        runner.train()
    assert not (tmp_path / 'run').exists()


def test_replaced_flushes_before_it_renames(tmp_path, monkeypatch):
    calls = []
    for name in ('fsync', 'replace'):
        real = getattr(os, name)

        def call(*args, name=name, real=real):
            calls.append(name)
            return real(*args)

        monkeypatch.setattr(os, name, call)
    path = tmp_path / 'a.pth'
    with replaced(path) as temporary:
        temporary.write_text('whole')
    assert calls == ['fsync', 'replace', 'fsync']
    temporary.touch()
    remove_leftovers(tmp_path, '*.pth')
    assert [*tmp_path.iterdir()] == [path]
