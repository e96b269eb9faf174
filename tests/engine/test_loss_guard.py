"""A loss that is no number stops the run before anything of it is saved."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner, find_latest_checkpoint
from small_run import Small, small_runner

from eca_mm.engine import LossGuardHook
from eca_mm.engine.not_finite import NotFinite, image_names

EACH = dict(interval=1, by_epoch=False)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each


def gradient(model, args, out):
    """The loss stays, its gradient is infinite."""
    weight = model.net[0].weight
    return dict(loss=out['loss'] + (weight - weight.detach()).sqrt().sum())


POISONS = dict(
    nan=lambda model, args, out: dict(loss=out['loss'] * math.nan, loss_a=out['loss']),
    inf=lambda model, args, out: dict(loss=out['loss'] / 0),
    gradient=gradient,
)


@HOOKS.register_module(force=True)
class Poison(Hook):
    """Spoils an iteration, in so many runs."""

    def __init__(self, at: int, how: str = 'nan') -> None:
        self.at = at
        self.how = POISONS[how]

    runs = 99

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == self.at and Poison.runs:
            Poison.runs -= 1
            runner.model.register_forward_hook(self.how)


def names(folder) -> set[str]:
    return {path.name for path in folder.glob('*.pth')}


@pytest.mark.parametrize('how', POISONS)
@pytest.mark.parametrize('wrapper', [{}, dict(accumulative_counts=2),
                                     dict(clip_grad=dict(max_norm=1))])  # fmt: skip
def test_nothing_of_the_iteration_is_saved(tmp_path, how, wrapper):
    hooks = [dict(type='Poison', at=5, how=how), dict(type='EMAHook')]
    runner = small_runner(tmp_path, EACH, hooks=hooks, optim_wrapper=wrapper)
    with pytest.raises(NotFinite) as error:
        runner.train()
    last = str(tmp_path / 'iter_5.pth')
    assert error.value.checkpoint == last and error.value.status == 1
    what = 'a step made weights that are' if how == 'gradient' else 'the loss is'
    said = str(error.value)
    # The names of weights follow for a step, found by torch on their own.
    weights = runner.model.state_dict()
    wrong = [name for name in weights if not weights[name].isfinite().all()]
    assert how != 'gradient' or f'in iteration 6: {", ".join(wrong[:3])}' in said
    assert said.startswith(f'{what} not finite in iteration 6: ')
    assert said.endswith(f' of images without names; last good checkpoint: {last}')
    assert names(tmp_path) == {f'iter_{i}.pth' for i in range(1, 6)}
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'iter_5.pth')
    state = torch.load(last, weights_only=True)['state_dict']
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_terms_of_the_loss_are_told(tmp_path):
    with pytest.raises(NotFinite, match='loss=nan, loss_a=[0-9.]+ of .*: none yet'):
        small_runner(tmp_path, hooks=[dict(type='Poison', at=2)]).train()


def test_what_is_finite_goes_on():
    """Accuracies that are no numbers, and a step that a loss scaler has skipped."""
    hook, runner = LossGuardHook(), SimpleNamespace(iter=0, model=torch.nn.Identity())
    hook.weights = [torch.ones(2, requires_grad=True), torch.full((1,), 3e38)]
    hook.small = hook.weights
    outputs = dict(loss=torch.tensor(3e38), acc=torch.tensor(math.nan), loss_cls=2.0)
    hook.after_train_iter(runner, 0, None, outputs)
    hook.after_train_iter(runner, 0, None, None)
    hook.weights[0].grad = torch.full((2,), math.inf)
    hook.after_train_iter(runner, 0, None, outputs)
    assert hook.step is None and hook.found is None  # it has looked


def test_names_in_a_batch():
    a, b, c = (
        SimpleNamespace(img_path='a.jpg', img_id=1),
        SimpleNamespace(img_id=7),
        SimpleNamespace(other=1),
    )
    batch = dict(inputs=[torch.ones(1)], data_samples=dict(sup=[a, c], unsup=([b],)))
    assert list(image_names(batch)) == ['a.jpg', '7']
    assert list(image_names(None)) == []


def test_a_resumed_run_names_what_it_came_from(tmp_path):
    small_runner(tmp_path, dict(interval=1), epochs=1).train()
    start = dict(resume=True, load_from=str(tmp_path / 'epoch_1.pth'))
    poison = dict(type='Poison', at=6)
    with pytest.raises(NotFinite) as error:
        small_runner(tmp_path, dict(interval=5), hooks=[poison], **start).train()
    assert error.value.checkpoint == str(tmp_path / 'epoch_1.pth')


class Spare(Small):
    """With a large tensor that no loss shows."""

    def __init__(self) -> None:
        super().__init__()
        self.spare = torch.nn.Parameter(torch.zeros(5000))


class Break(Hook):
    def __init__(self, at: int) -> None:
        self.at = at

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == self.at:
            runner.model.spare.data[7] = -math.inf


@pytest.mark.parametrize(('at', 'when'), [(3, '1 to 8: spare; loss='), (9, '9 to 12')])
def test_large_weights_are_looked_at_now_and_then(tmp_path, monkeypatch, at, when):
    """After every eighth iteration, and at the end; what is not known is not said."""
    monkeypatch.setitem(small_runner.__globals__, 'Small', Spare)
    loop = dict(by_epoch=False, max_iters=12, val_interval=99)
    hook = dict(interval=99, by_epoch=False)
    runner = small_runner(tmp_path, hook, hooks=[Break(at)], train_cfg=loop)
    with pytest.raises(NotFinite, match=f'not finite in iterations {when}'):
        runner.train()
    assert not names(tmp_path)
