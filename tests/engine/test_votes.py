"""When ranks ask each other: rarely, all at the same iteration, and never too late."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from mmengine.runner.utils import calc_dynamic_intervals

from eca_mm.engine import votes
from eca_mm.engine.data_order import SeededBatches


def moments(monkeypatch, seconds: list[float]) -> list[tuple[int, float]]:
    """The iterations with a vote and their times, if iterations take so long."""
    clock = SimpleNamespace(now=50.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(votes, 'time', clock)
    monkeypatch.setattr(votes, 'agreed', int)
    ours, found = votes.Votes(), []
    for i, spent in enumerate(seconds):
        clock.now += spent
        if ours.is_due(i, is_end=False):
            assert ours.is_due(i, is_end=False)  # whoever asks second hears the same
            found.append((i, clock.now))
    return found


@pytest.mark.parametrize(
    ('seconds', 'iterations'), [(0.01, 100), (0.05, 20), (0.3, 3), (2.0, 1)]
)
def test_about_once_a_second(monkeypatch, seconds, iterations):
    found = [i for i, _ in moments(monkeypatch, [seconds] * 1000)]
    # At first it is not known how long they take: 0, 2, 6, 14 ... until it fits.
    assert found[:2] == [0, 2 if iterations > 1 else 1]
    gaps = [after - before for before, after in zip(found, found[1:], strict=False)]
    assert set(gaps[10:]) == {iterations}


@pytest.mark.parametrize('slower', [1, 2, 5])
def test_at_most_five_seconds_late(monkeypatch, slower):
    """Also where iterations become slower at once, at any moment, and stay so."""
    for moment in range(200, 230):
        seconds = [0.05] * moment + [0.05 * slower] * 200
        found = [time for _, time in moments(monkeypatch, seconds)]
        gaps = [b - a for a, b in zip(found, found[1:], strict=False)]
        assert max(gaps) <= 5.001
        assert max(gaps[-3:]) <= 1.001


def test_a_pause_is_no_slow_iteration_for_long(monkeypatch):
    """A validation of a minute between two votes."""
    seconds = [0.01] * 500 + [60.0] + [0.01] * 1000
    found = [i for i, _ in moments(monkeypatch, seconds)]
    gaps = [b - a for a, b in zip(found, found[1:], strict=False)]
    assert 1 in gaps[9:] and gaps[-1] == 100


def loop_of(kind, **settings):
    loop = kind.__new__(kind)
    vars(loop).update(settings)
    return SimpleNamespace(train_loop=loop, iter=settings.get('_iter'))


class Loader(list):
    batch_sampler = None


def test_last_batches():
    loader = Loader('abcd')
    runner = loop_of(EpochBasedTrainLoop, dataloader=loader)
    assert [votes.is_last_batch(runner, i) for i in range(4)] == [False] * 3 + [True]
    # A resumed epoch, of which two batches are done.
    loader.batch_sampler = SeededBatches(list('abcd'), seed=0, start=2)
    assert len(list(loader.batch_sampler)) == 2
    assert [votes.is_last_batch(runner, i) for i in range(2)] == [False, True]
    list(loader.batch_sampler)  # the next epoch
    assert [votes.is_last_batch(runner, i) for i in range(4)] == [False] * 3 + [True]
    found = [
        votes.is_last_batch(
            loop_of(
                IterBasedTrainLoop, _iter=i, _max_iters=6, val_interval=4,
                dynamic_milestones=[0], dynamic_intervals=[4],
            ), i,
        )
        for i in range(6)
    ]  # fmt: skip
    assert found == [False, False, False, True, False, True]


def test_last_batches_of_changing_intervals():
    """Against the interval that mmengine's loop sets itself before it validates."""
    milestones, intervals = calc_dynamic_intervals(5, [(10, 3), (17, 4)])
    runner = loop_of(
        IterBasedTrainLoop, _max_iters=99, val_interval=5,
        dynamic_milestones=milestones, dynamic_intervals=intervals,
    )  # fmt: skip
    loop, foretold, validated = runner.train_loop, [], []
    for i in range(20):
        runner.iter = loop._iter = i
        foretold.append(votes.is_last_batch(runner, 0))
        loop._iter += 1
        loop._decide_current_val_interval()
        validated.append(loop._iter % loop.val_interval == 0)
    assert foretold == validated
    assert [i + 1 for i in range(20) if validated[i]] == [5, 9, 12, 15, 16, 20]


RUN = """
import json, math, os, random, signal, sys, time
import torch.distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner
from small_run import Noisy, small_runner
from eca_mm.engine import exit_status, votes

rank = int(os.environ['RANK'])
store = f'file://{os.getcwd()}/store'
torch.distributed.init_process_group('gloo', init_method=store, rank=rank, world_size=2)
Runner._log_env = lambda *args: None
votes.SPACING = 0.1
found, reductions = [], []
reduce = torch.distributed.all_reduce

def all_reduce(*args, **kwargs):
    reductions.append(runner.iter)
    return reduce(*args, **kwargs)

torch.distributed.all_reduce = all_reduce
vote = votes.Votes.vote

def note(self, iteration):
    vote(self, iteration)
    found.append((iteration, self.spacing))

votes.Votes.vote = note

class Long(Noisy):
    def __len__(self):
        return 240

    def __getitem__(self, index):
        return super().__getitem__(index % 12)

def spoil(model, args, out):
    return dict(out, loss_b=out['loss'].detach() * math.nan)

class Uneven(Hook):
    def before_train_iter(self, runner, *args, **kwargs):
        time.sleep(random.random() / (20 if rank else 100))
        if (rank, runner.iter) == (1, 31):
            runner.model.register_forward_hook(spoil)

hook = dict(interval=99, save_last=False)
runner = small_runner('work', hook, data=Long(), epochs=1, hooks=[Uneven()])
status = exit_status(lambda: runner.train() and 0)
print(json.dumps(dict(votes=found, reductions=reductions, stopped=runner.iter)))
sys.exit(status)
"""


def test_ranks_of_uneven_speed(tmp_path):
    """They vote alike; the loss of one of them ends both, in that one's words."""
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    ranks = [
        subprocess.Popen(
            [sys.executable, '-c', RUN], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=path, RANK=str(rank), LOCAL_RANK='0'),
        )
        for rank in (0, 1)
    ]  # fmt: skip
    try:
        texts = [rank.communicate(timeout=300) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [1, 1], texts
    one, two = (json.loads(out.splitlines()[-1]) for out, _ in texts)
    assert one['votes'] == two['votes'] and one['stopped'] == two['stopped']
    voted = {iteration for iteration, _ in one['votes']}
    assert len(voted) < one['stopped'] and max(gap for _, gap in one['votes']) > 1
    assert set(one['reductions']) <= voted
    said = [line for line in texts[0][1].splitlines() if line.startswith('stopped: ')]
    assert 'the loss is not finite in iteration 32: rank 1: loss=' in said[0]
    assert 'loss_b=nan' in said[0] and 'rank 0' not in said[0]
    assert not list(tmp_path.glob('work*/*.pth'))
