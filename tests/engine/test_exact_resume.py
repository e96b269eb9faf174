"""Bit for bit: an interrupted run against one that was not."""

import random

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from small_run import Noisy, small_runner
from torch.utils.data import DataLoader

from eca_mm.engine.data_order import seed_batches
from eca_mm.engine.random_state import random_state, set_random_state
from eca_mm.engine.resume import newest_checkpoint


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each


@HOOKS.register_module(force=True)
class Kill(Hook):
    """Ends the run in the middle of an iteration, as a crash does."""

    def __init__(self, at: int, in_validation: bool = False) -> None:
        self.at = at
        self.in_validation = in_validation

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == self.at and not self.in_validation:
            raise KeyboardInterrupt

    def before_val(self, runner) -> None:
        if runner.iter == self.at and self.in_validation:
            raise KeyboardInterrupt


def end_state(runner) -> dict:
    runner.train()
    return dict(
        model=runner.model.state_dict(),
        optimizer=runner.optim_wrapper.state_dict()['state'],
        schedule=runner.param_schedulers[0].state_dict(),
        loss=list(runner.message_hub.get_scalar('train/loss').data[0]),
        iter=runner.iter,
        torch=torch.get_rng_state(),
        others=(random.getstate(), np.random.rand()),
    )


def assert_equal(one, two) -> None:
    """To the bit, in whatever is nested."""
    assert type(one) is type(two)
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        one, two = list(one.values()), list(two.values())
    if isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_equal(a, b)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    else:
        assert np.array_equal(one, two)


def disturb() -> None:
    """Another process would have other random states."""
    random.seed()
    np.random.seed()
    torch.seed()


# The seed is left to mmengine, which draws one, as COCO's configs do.
@pytest.mark.parametrize(
    ('hook', 'kills', 'workers'),
    [
        (dict(interval=1, max_keep_ckpts=1), [6, 10], 0),
        (dict(interval=1, max_keep_ckpts=1, by_epoch=False), [2, 4, 7], 0),
        (dict(interval=3, by_epoch=False), [4, 8], 0),
        (dict(interval=3, by_epoch=False), [7], 2),
    ],
)
def test_end_state(tmp_path, hook, kills, workers):
    seed = dict(seed=None)
    whole = small_runner(tmp_path / 'whole', hook, workers=workers, randomness=seed)
    seed_used = whole.seed
    expected = end_state(whole)
    for start, at in enumerate(kills):
        disturb()
        runner = small_runner(
            tmp_path / 'killed',
            hook,
            workers=workers,
            hooks=[dict(type='Kill', at=at)],
            resume=start > 0,
            load_from=start and str(newest_checkpoint(tmp_path / 'killed')) or None,
            randomness=dict(seed=seed_used if start == 0 else None),
        )
        with pytest.raises(KeyboardInterrupt):
            runner.train()
    disturb()
    runner = small_runner(
        tmp_path / 'killed',
        hook,
        workers=workers // 2,  # their number does not matter
        resume=True,
        load_from=str(newest_checkpoint(tmp_path / 'killed')),
        randomness=seed,
    )
    assert_equal(end_state(runner), expected)


class LastScore(BaseMetric):
    """The number of the iteration, of which the 12th is the worst and the 8th the best.

    It is read from the runner: a list of scores would not survive the interruption.
    """

    scores = {4: 0.3, 8: 0.9, 12: 0.1}

    def process(self, data_batch, data_samples) -> None:
        self.results.append(0)

    def compute_metrics(self, results) -> dict:
        return dict(acc=self.scores[self.runner.iter])


@pytest.mark.parametrize('by_epoch', [True, False])
@pytest.mark.parametrize('at', [8, 12])
def test_killed_in_a_validation(tmp_path, at, by_epoch):
    """It is made up for: its best checkpoint is not lost, nor its line in the log."""
    cfg = dict(by_epoch=True, max_epochs=3)
    if not by_epoch:
        cfg = dict(by_epoch=False, max_iters=12, val_interval=4)

    def runner(name, **kwargs):
        metric = LastScore()
        runner = small_runner(
            tmp_path / name,
            dict(interval=1 if by_epoch else 4, by_epoch=by_epoch, max_keep_ckpts=1,
                 save_best='acc'),
            train_cfg=dict(cfg), metric=metric, randomness=dict(seed=3),
            train_sampler=None if by_epoch else dict(type='InfiniteSampler'), **kwargs,
        )  # fmt: skip
        metric.runner = runner
        return runner

    expected = end_state(runner('whole'))
    killed = runner('killed', hooks=[dict(type='Kill', at=at, in_validation=True)])
    with pytest.raises(KeyboardInterrupt):
        killed.train()
    disturb()
    last = newest_checkpoint(tmp_path / 'killed')
    resumed = runner('killed', resume=True, load_from=str(last))
    assert_equal(end_state(resumed), expected)
    scores = resumed.message_hub.get_scalar('val/acc').data[0]
    assert scores.tolist() == [0.3, 0.9, 0.1]
    files = [
        {path.name for path in (tmp_path / name).glob('*.pth')}
        for name in ('whole', 'killed')
    ]
    assert files[0] == files[1]
    unit = 'epoch_2' if by_epoch else 'iter_8'
    assert f'best_acc_{unit}.pth' in files[0]


def test_training_by_iteration(tmp_path):
    def runner(name, **kwargs):
        runner = small_runner(
            tmp_path / name, dict(interval=2, by_epoch=False), randomness=dict(seed=3),
            train_cfg=dict(by_epoch=False, max_iters=9),
            train_sampler=dict(type='InfiniteSampler', shuffle=True), **kwargs,
        )  # fmt: skip
        return runner

    expected = end_state(runner('whole'))
    with pytest.raises(KeyboardInterrupt):
        runner('killed', hooks=[dict(type='Kill', at=5)]).train()
    disturb()
    last = str(newest_checkpoint(tmp_path / 'killed'))
    assert last.endswith('iter_4.pth')
    resumed = runner('killed', resume=True, load_from=last)
    assert_equal(end_state(resumed), expected)


def test_random_state_as_a_checkpoint_keeps_it(tmp_path):
    def draw() -> tuple:
        return random.random(), np.random.randn(3), torch.rand(3)

    np.random.randn()  # leaves a second number in store
    torch.save(random_state(), tmp_path / 'state.pth')
    expected = draw()
    disturb()
    set_random_state(torch.load(tmp_path / 'state.pth', weights_only=True))
    assert_equal(draw(), expected)


def batches(seed: int, workers: int, epoch: int = 0, start: int = 0) -> list:
    loader = DataLoader(Noisy(), batch_size=5, num_workers=workers, shuffle=False)
    loader.sampler.epoch = epoch
    seed_batches(loader, seed, start)
    before = random_state()
    found = [batch['inputs'] for batch in loader]
    assert_equal(random_state(), before)
    return found


def test_batches_follow_from_their_place():
    disturb()
    expected = batches(seed=1, workers=0)
    assert [len(batch) for batch in expected] == [5, 5, 2]
    disturb()
    assert_equal(batches(seed=1, workers=2), expected)
    assert_equal(batches(seed=1, workers=1, start=1), expected[1:])
    for other in (batches(seed=2, workers=0), batches(seed=1, workers=0, epoch=1)):
        assert all((a != b).all() for a, b in zip(other, expected, strict=True))
    noise = torch.cat(expected) - torch.arange(12)[:, None] / 12
    assert len(noise.unique()) == noise.numel()
