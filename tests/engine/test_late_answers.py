"""A guard whose answers come late, as a GPU's do, and what it keeps all the same."""

import signal

import pytest
import torch
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from small_run import Small, small_runner
from test_loss_guard import EACH, POISONS, Break, Poison, Spare, names

from eca_mm.engine import finite, loss_guard, not_finite
from eca_mm.engine import runner as engine_runner
from eca_mm.engine.runner import attempt

POISON = dict(type='Poison', at=5)
assert Poison  # registers itself


@pytest.fixture(autouse=True)
def late(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each
    monkeypatch.setattr(Poison, 'runs', 99)
    monkeypatch.setattr(finite.Total, 'is_there', lambda self: False)


class Count(Hook):
    """How many iterations have begun."""

    begun = 0

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        self.begun = runner.iter + 1


def stopped(runner: Runner) -> not_finite.NotFinite:
    with pytest.raises(not_finite.NotFinite) as error:
        runner.train()
    return error.value


@pytest.mark.parametrize('how', POISONS)
def test_one_iteration_late_in_the_words_of_its_own(tmp_path, how):
    count = Count()
    hooks = [dict(POISON, how=how), count]
    stop = stopped(small_runner(tmp_path, dict(interval=1), hooks=hooks))
    assert 'not finite in iteration 6: ' in str(stop)
    assert ('the loss is' in str(stop)) == (how != 'gradient')
    assert count.begun == 7  # the next iteration was on its way
    assert stop.checkpoint == str(tmp_path / 'epoch_1.pth')
    assert names(tmp_path) == {'epoch_1.pth'}


@pytest.mark.parametrize('how', POISONS)
@pytest.mark.parametrize(
    ('at', 'hook', 'left'),
    [
        (7, dict(interval=1), {'epoch_1.pth'}),  # the last of an epoch
        (5, EACH, {f'iter_{i}.pth' for i in range(1, 6)}),
        (11, dict(interval=99, save_last=False), set()),  # the last of the run
    ],
)
def test_waited_for_before_a_save(tmp_path, how, at, hook, left):
    hooks = [dict(POISON, at=at, how=how), dict(type='EMAHook')]
    stop = stopped(small_runner(tmp_path, dict(hook, save_best='acc'), hooks=hooks))
    assert f'in iteration {at + 1}: ' in str(stop)
    best = {path.name for path in tmp_path.glob('best_*')}
    assert names(tmp_path) - best == left
    for path in tmp_path.glob('*.pth'):
        state = torch.load(path, weights_only=True)['state_dict']
        assert all(tensor.isfinite().all() for tensor in state.values())


def test_waited_for_before_a_validation_by_iteration(tmp_path):
    """After it the best is saved."""
    loop = dict(by_epoch=False, max_iters=12, val_interval=6)
    hook = dict(interval=99, by_epoch=False, save_best='acc')
    stop = stopped(small_runner(tmp_path, hook, hooks=[POISON], train_cfg=loop))
    assert 'in iteration 6: ' in str(stop) and not names(tmp_path)


def test_waited_for_before_a_stop_saves(tmp_path):
    class Stop(Hook):
        def before_train_iter(self, runner, *args, **kwargs) -> None:
            if runner.iter == 5:
                signal.raise_signal(signal.SIGTERM)

    stop = stopped(small_runner(tmp_path, dict(interval=1), hooks=[POISON, Stop()]))
    assert 'in iteration 6: ' in str(stop)
    assert names(tmp_path) == {'epoch_1.pth'}


def test_nothing_of_another_hook_is_saved(tmp_path):
    """One that calls the runner itself, as anybody's may."""

    class Own(Hook):
        def after_train_iter(self, runner, *args, **kwargs) -> None:
            runner.save_checkpoint(runner.work_dir, f'own_{runner.iter + 1}.pth')

    stop = stopped(small_runner(tmp_path, dict(interval=9), hooks=[POISON, Own()]))
    assert 'in iteration 6: ' in str(stop)
    assert names(tmp_path) == {f'own_{i}.pth' for i in range(1, 6)}


@pytest.mark.parametrize(
    'settings',
    [
        dict(interval=5, save_last=False),
        dict(interval=5),
        dict(interval=3, save_begin=4),
        dict(interval=-1, save_last=True),
        dict(interval=-1, save_last=False),
    ],
)
def test_when_a_hook_saves_is_known(tmp_path, settings):
    """Against what mmengine's own hook does."""

    class Note(CheckpointHook):
        saved, foretold = [], []

        def _save_checkpoint(self, runner) -> None:
            self.saved.append(runner.iter)

        def before_train_iter(self, runner, *args, **kwargs) -> None:
            if loss_guard.saves_now(self, runner):
                self.foretold.append(runner.iter)

    note = Note(by_epoch=False, **settings)
    hooks = dict(interval=99, save_last=False)
    small_runner(tmp_path, hooks, hooks=[note]).train()
    assert note.saved == note.foretold
    assert bool(note.saved) == (settings != dict(interval=-1, save_last=False))


class Strict(Small):
    """A model that fails at weights that are no numbers, as assigners do."""

    def forward(self, inputs, data_samples=None, mode: str = 'tensor'):
        if not all(weight.isfinite().all() for weight in self.parameters()):
            raise ValueError('matrix contains invalid numeric entries')
        return super().forward(inputs, data_samples, mode)


@pytest.mark.parametrize('at', [5, 99])
def test_what_fails_of_it_is_told_as_it(tmp_path, monkeypatch, at):
    monkeypatch.setitem(small_runner.__globals__, 'Small', Strict)
    runner = small_runner(
        tmp_path, EACH | dict(interval=3), hooks=[dict(POISON, at=at)]
    )
    if at == 99:  # what fails without one is told as it is
        monkeypatch.setattr(BaseModel, 'train_step', lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            engine_runner.run_to_end(runner)
        return
    stop = attempt(runner)
    assert 'the loss is not finite in iteration 6: ' in str(stop)
    assert stop.checkpoint == str(tmp_path / 'iter_3.pth')


def test_weights_that_no_step_changes(tmp_path):
    """They are looked at before they are saved, not after each iteration."""

    class Break(Hook):
        def after_train_iter(self, runner, *args, **kwargs) -> None:
            if runner.iter == 7:
                runner.model.net[0].bias.data.fill_(torch.inf)

    runner = small_runner(tmp_path, dict(interval=1), hooks=[Break()])
    runner.model.net[0].bias.requires_grad = False
    text = 'weights that are not finite in iterations 5 to 8: net.0.bias; last good'
    assert text in str(stopped(runner))
    assert names(tmp_path) == {'epoch_1.pth'}


def test_a_model_that_fails_at_large_weights(tmp_path, monkeypatch):
    """Before the guard has looked at them: it looks then."""

    class StrictSpare(Strict, Spare):
        pass

    monkeypatch.setitem(small_runner.__globals__, 'Small', StrictSpare)
    stop = attempt(small_runner(tmp_path, dict(interval=1), hooks=[Break(5)]))
    assert 'not finite in iterations 5 to 6: spare; last good' in str(stop)
    assert stop.checkpoint == str(tmp_path / 'epoch_1.pth')
