"""One more try at a tenth of the learning rate, against rates changed by hand."""

import gc
import multiprocessing
import signal
import weakref

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from small_run import small_runner
from test_loss_guard import EACH, Poison, names

from eca_mm.checkpoints.safe import load_file
from eca_mm.engine import RunStopped, train
from eca_mm.engine import runner as engine_runner

POISON = dict(type='Poison', at=5)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each
    monkeypatch.setattr(Poison, 'runs', 1)


class Rates(Hook):
    """The learning rates by iteration, of all parameter groups."""

    def __init__(self) -> None:
        self.of = {}

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        self.of[runner.iter] = runner.optim_wrapper.get_lr()


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Have train() build small runs; gives the list of them as weak references."""
    built = []

    def prepare(poison: dict | None, **kwargs) -> list:
        def build(cfg):
            hooks = [poison] if poison else []
            runner = small_runner(
                tmp_path, hooks=[*hooks, rates], resume=cfg.get('resume', False),
                load_from=cfg.get('load_from'), randomness=dict(seed=1), **kwargs,
            )  # fmt: skip
            built.append(weakref.ref(runner))
            return runner

        rates = Rates()
        built.clear()
        monkeypatch.setattr(engine_runner, 'build_runner', build)
        return rates.of

    prepare.built = built
    monkeypatch.chdir(tmp_path)
    return prepare


def here() -> Config:
    return Config(dict(work_dir='.'))


def test_goes_on_from_the_last_checkpoint(tmp_path, runs):
    whole = tmp_path / 'whole'
    small_runner(whole, EACH, randomness=dict(seed=1)).train()
    state = load_file(whole / 'iter_5.pth')
    (group,) = state['optimizer']['param_groups']
    group['lr'] /= 10
    group['initial_lr'] /= 10
    torch.save(state, whole / 'lower.pth')
    start = dict(resume=True, load_from=str(whole / 'lower.pth'))
    small_runner(whole, EACH, randomness=dict(seed=1), **start).train()

    runs(POISON, checkpoint=EACH)
    train(here(), nan_retry=True)
    one, two = (load_file(f / 'iter_12.pth') for f in (whole, tmp_path))
    assert one['state_dict'].keys() == two['state_dict'].keys()
    for name, tensor in one['state_dict'].items():
        assert torch.equal(tensor, two['state_dict'][name])
    (group,) = two['optimizer']['param_groups']
    assert group['initial_lr'] == pytest.approx(0.001)
    assert two['param_schedulers'][0]['base_values'] == pytest.approx([0.001])


by_iter = dict(by_epoch=False)


@pytest.mark.parametrize(
    'schedule',
    [
        dict(type='MultiStepLR', milestones=[3, 7], **by_iter),
        [dict(type='LinearLR', start_factor=0.1, end=8, **by_iter)],
        dict(type='CosineAnnealingLR', T_max=12, eta_min=0.004, **by_iter),
        dict(type='CosineAnnealingLR', T_max=12, eta_min_ratio=0.4, **by_iter),
        dict(type='PolyLR', eta_min=0.004, end=12, **by_iter),
        dict(type='OneCycleLR', eta_max=0.02, total_steps=12, **by_iter),
        dict(type='ConstantLR', factor=0.5, end=7, **by_iter),
    ],
    ids=str,
)
@pytest.mark.parametrize('start', [True, False])
def test_every_schedule_stays_at_a_tenth(tmp_path, runs, schedule, start):
    setting = dict(
        param_scheduler=schedule,
        # Two groups and the base rate, each with a rate of its own.
        optim_wrapper=dict(paramwise_cfg=dict(bias_lr_mult=2.0)),
        checkpoint=None if start else EACH,
    )
    expected = runs(None, **setting)
    train(here())
    found = runs(POISON, **setting)
    train(here(), nan_retry=True)
    assert len(expected) == 12 and len(expected[3]['lr']) == 4
    for iteration in range(12):
        tenth = iteration >= 5 or start  # the first try's rates are overwritten
        for name in ('lr', 'base_lr'):
            rates = [r / 10 if tenth else r for r in expected[iteration][name]]
            assert found[iteration][name] == pytest.approx(rates, rel=1e-9)


def test_once_and_not_unasked(tmp_path, runs, monkeypatch):
    monkeypatch.setattr(Poison, 'runs', 3)
    runs(POISON, checkpoint=EACH)
    with pytest.raises(RunStopped, match='--resume --nan-retry resumes from there'):
        train(here())
    assert len(runs.built) == 1
    runs(POISON, checkpoint=EACH)
    with pytest.raises(RunStopped, match='the retry at a tenth .* failed') as error:
        train(here(), nan_retry=True)
    assert len(runs.built) == 2
    assert 'in iteration 6: ' in str(error.value) and error.value.status == 1
    assert names(tmp_path) == {f'iter_{i}.pth' for i in range(1, 6)}


def test_the_first_run_is_let_go(runs, monkeypatch):
    handler = signal.getsignal(signal.SIGTERM)
    seen = []

    class Look(Hook):
        def before_train(self, runner) -> None:
            seen.append((len(multiprocessing.active_children()), runs.built[0]()))

    gc.collect()
    runs(POISON, workers=2, checkpoint=EACH)
    build = engine_runner.build_runner

    def with_look(cfg):
        runner = build(cfg)
        if len(runs.built) == 2:
            runner.register_hook(Look())
        return runner

    monkeypatch.setattr(engine_runner, 'build_runner', with_look)
    train(here(), nan_retry=True)
    assert seen == [(0, None)]
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_signal_is_not_overruled(runs, monkeypatch):
    class Signal(Hook):
        def after_train_iter(self, runner, *args, **kwargs) -> None:
            if runner.iter == 4:
                signal.raise_signal(signal.SIGTERM)

    runs(POISON, checkpoint=dict(interval=5))
    build = engine_runner.build_runner

    def with_signal(cfg):
        runner = build(cfg)
        runner.register_hook(Signal(), priority='LOWEST')  # after StopSignalHook's look
        return runner

    monkeypatch.setattr(engine_runner, 'build_runner', with_signal)
    with pytest.raises(RunStopped, match='in iteration 6'):
        train(here(), nan_retry=True)
    assert len(runs.built) == 1
