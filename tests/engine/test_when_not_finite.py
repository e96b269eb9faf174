"""Which iterations the guard names, where it cannot know the one."""

import math

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from small_run import Small, small_runner
from test_loss_guard import Break, Spare

from eca_mm.engine import LossGuardHook
from eca_mm.engine.finite import Total
from eca_mm.engine.not_finite import NotFinite


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each


class Wide(Small):
    """Whose first weight is a large one."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(8, 600), torch.nn.Linear(600, 1))


class BadGradient(Hook):
    def before_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == 5:
            weight = runner.model.net[0].weight
            weight.register_hook(lambda gradient: gradient * math.inf)


def told(runner: Runner) -> str:
    with pytest.raises(NotFinite) as error:
        runner.train()
    return str(error.value)


def test_a_loss_that_an_earlier_step_may_have_spoilt(tmp_path, monkeypatch):
    """The sixth iteration has an infinite gradient, the seventh shows it."""
    monkeypatch.setitem(small_runner.__globals__, 'Small', Wide)
    runner = small_runner(tmp_path, dict(interval=1), hooks=[BadGradient()])
    text = told(runner)
    assert text.startswith(
        'the loss is not finite in iteration 7, perhaps of weights that a step made in '
        'iterations 5 to 6: loss='
    )
    assert 'images without names (of iteration 7); last good' in text


def test_a_resumed_run_names_iterations_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setitem(small_runner.__globals__, 'Small', Spare)
    loop = dict(by_epoch=False, max_iters=10, val_interval=99)
    hook = dict(interval=10, by_epoch=False)
    small_runner(tmp_path, hook, train_cfg=loop).train()
    start = dict(resume=True, load_from=str(tmp_path / 'iter_10.pth'))
    loop['max_iters'] = 13
    runner = small_runner(tmp_path, hook, train_cfg=loop, hooks=[Break(11)], **start)
    assert 'not finite in iterations 11 to 13: spare' in told(runner)


def test_weights_that_are_thawed_between_epochs(tmp_path):
    """Looked at from their first step on."""

    class Thaw(Hook):
        looked_at = []

        def before_train_epoch(self, runner) -> None:
            runner.model.net[2].requires_grad_(runner.epoch == 1)

        def after_train_iter(self, runner, *args, **kwargs) -> None:
            (guard,) = (h for h in runner.hooks if isinstance(h, LossGuardHook))
            self.looked_at.append(len(guard.weights))

    small_runner(tmp_path, hooks=[Thaw()]).train()
    assert Thaw.looked_at == [2] * 4 + [4] * 4 + [2] * 4


class Normed(Small):
    def __init__(self) -> None:
        super().__init__()
        self.net.insert(1, torch.nn.BatchNorm1d(16))


def test_running_statistics(tmp_path, monkeypatch):
    """Infinite, as from one huge batch, and no loss or weight shows it."""

    class Huge(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch) -> None:
            if runner.iter == 5:
                data_batch['inputs'] = [one * 1e20 for one in data_batch['inputs']]

    monkeypatch.setitem(small_runner.__globals__, 'Small', Normed)
    runner = small_runner(tmp_path, dict(interval=1), hooks=[Huge()])
    text = told(runner)
    assert all(weight.isfinite().all() for weight in runner.model.parameters())
    assert 'not finite in iterations 5 to 8: net.1.running_var; last' in text
    assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_1.pth']


def test_losses_of_several_shapes():
    ones = [torch.ones(()), torch.ones(1), torch.ones(2, 3).half()]
    assert Total(ones, [torch.ones((), dtype=torch.float64)]).total == 9
    assert not Total(ones, [torch.full((1,), math.inf)]).is_finite()
