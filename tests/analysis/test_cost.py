"""Costs that can be counted by hand."""

import gc
import weakref
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from eca_mm.analysis import cost
from eca_mm.analysis.workload import STEPS, Settings, Workload


def test_saved_bytes_of_two_layers():
    """The input for the convolution's weight, its output for the ReLU in place."""
    model = nn.Sequential(nn.Conv2d(3, 5, 1, bias=False), nn.ReLU(inplace=True))
    image = torch.randn(2, 3, 4, 4)
    assert cost.saved_bytes(model, image) == 4 * 2 * 16 * (3 + 5)
    # A second reader of the same storage costs nothing.
    model.append(nn.Conv2d(5, 1, 1, bias=False))
    assert cost.saved_bytes(model, image) == 4 * 2 * 16 * (3 + 5)
    # A sigmoid keeps its output.
    model[2] = nn.Sigmoid()
    assert cost.saved_bytes(model, image) == 4 * 2 * 16 * (3 + 5 + 5)


def test_no_graph_outlives_the_count():
    """Also of a function that keeps its own output."""
    alive = []

    class Token:
        pass

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.token, out = Token(), 2 * x
            alive.append(weakref.ref(ctx.token))
            ctx.save_for_backward(out)
            return out

    class Model(nn.Linear):
        def forward(self, x):
            return Double.apply(super().forward(x)).relu()

    assert cost.saved_bytes(Model(3, 4), torch.randn(2, 3)) > 0
    gc.collect()
    assert [token() for token in alive] == [None]


def test_nothing_is_saved_without_parameters():
    assert cost.saved_bytes(nn.ReLU(), torch.randn(1, 3, 4, 4)) == 0


@pytest.fixture
def clock(monkeypatch):
    """Each run takes the ms that it returns, and says how often it was repeated."""
    repeated = []

    def milliseconds(run, repeats, device):
        repeated.append(repeats)
        return run()

    monkeypatch.setattr(cost, 'milliseconds', milliseconds)
    return repeated


def test_runs_take_turns_forwards_and_backwards(clock):
    calls, ticks = [], []

    def run(name):
        calls.append(name)
        return 100.0 * len(calls)

    times = cost.interleaved_times(
        {name: partial(run, name) for name in 'abc'},
        rounds=2,
        tick=lambda: ticks.append(1),
    )
    assert cost.WARM_UP == 2 and ''.join(calls) == 'abccba' * 2
    # The 7th to 12th call count, each in its round.
    assert {name: list(values) for name, values in times.items()} == dict(
        a=[700, 1200], b=[800, 1100], c=[900, 1000]
    )
    assert 2 * len(ticks) == cost.ticks(runs=3, rounds=2)


def test_short_runs_are_repeated(clock):
    """For 20 ms, as the last warm-up run tells: 3 of 8 ms."""
    cost.interleaved_times(dict(short=lambda: 8.0, long=lambda: 30.0), rounds=1)
    assert clock == [1, 1, 1, 1, 3, 1]


def test_the_clock_gives_the_mean_of_the_repeats(monkeypatch):
    seconds = iter([10.0, 10.6])
    monkeypatch.setattr(cost.time, 'perf_counter', lambda: next(seconds))
    assert cost.milliseconds(lambda: None, 3, 'cpu') == pytest.approx(200)


def test_ratios_are_taken_round_by_round():
    """A machine that slows down tenfold after a round changes no ratio."""
    baseline = np.array([1.0, 10, 10, 10, 10])
    found = cost.Ratio.paired(baseline * [2, 1, 3, 5, 4], baseline)
    assert found == cost.Ratio(2, 3, 4)


class Slow(nn.Linear):
    """y = w x in one dimension, which notes how it was called."""

    def __init__(self, ms: float) -> None:
        super().__init__(1, 1, bias=False)
        nn.init.constant_(self.weight, 2)
        self.ms = ms
        self.calls = []

    def forward(self, x):
        self.calls.append((self.training, torch.is_grad_enabled()))
        return super().forward(x)


def workload(ms: float = 100.0, **kwargs) -> Workload:
    return Workload(Slow(ms), [torch.full((4, 1), 3.0)], Settings(), **kwargs)


def test_steps():
    """The mean of 3 w has the gradient 3; SGD takes a tenth of it from w = 2."""
    model = workload()
    model.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.inference()
    weight = model.model.weight
    assert weight.grad is None and weight.item() == 2
    model.training_step()
    model.training_step()  # gradients do not add up
    assert weight.grad.item() == 3 and weight.item() == pytest.approx(2 - 2 * 0.3)
    assert model.model.calls == [(True, False), (True, True), (True, True)]


def test_rows(monkeypatch):
    """Both steps of two workloads of which one takes 1.25 times as long."""

    def milliseconds(run, repeats, device):
        run()
        return run.args[0].model.ms

    monkeypatch.setattr(cost, 'milliseconds', milliseconds)
    models = dict(
        plain=workload(), other=workload(125.0, loss=lambda y: (y * y).mean())
    )
    rows = list(cost.measure(models, 'plain', 3, Settings()))
    assert [(r['measure'], r['provider'], r['unit'], r['ratio']) for r in rows] == [
        # A linear layer keeps its input, 4 floats; the square keeps the output too.
        ('saved', 'plain', 'MiB', 1),
        ('saved', 'other', 'MiB', 2),
        *(
            (step, name, 'ms', ratio)
            for step in STEPS
            for name, ratio in (('plain', 1), ('other', 1.25))
        ),
    ]
    assert [row['value'] for row in rows[2:]] == [100, 125, 100, 125]
    assert all(r['lower_quartile'] == r['ratio'] == r['upper_quartile'] for r in rows)
    # Once for the saved bytes, then five rounds in eval and five in training mode.
    once = [(True, True)]
    assert models['other'].model.calls == once + 5 * [(False, False)] + 5 * once
