"""Costs that can be counted by hand, and the benchmark tool."""

import csv
import importlib
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from eca_mm.analysis import cost


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


def test_nothing_is_saved_without_parameters():
    assert cost.saved_bytes(nn.ReLU(), torch.randn(1, 3, 4, 4)) == 0


def test_runs_take_turns():
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in 'ab'}
    times = cost.interleaved_times(runs, rounds=3)
    assert ''.join(calls) == 'ab' * 4  # one round warms up
    assert {name: len(values) for name, values in times.items()} == dict(a=3, b=3)


def test_ratios_are_taken_round_by_round():
    """A machine that slows down tenfold after a round changes no ratio."""
    baseline = np.array([1.0, 10, 10, 10, 10])
    found = cost.Ratio.paired(baseline * [2, 1, 3, 5, 4], baseline)
    assert found == cost.Ratio(2, 3, 4)


def test_steps_leave_gradients_only_in_training():
    model, image = nn.Conv2d(3, 2, 1), torch.randn(1, 3, 4, 4)
    for step, trained in ((cost.inference, False), (cost.training_step, True)):
        step(as_backbone(model), image)
        assert (model.weight.grad is not None) == trained


def as_backbone(model: nn.Module) -> nn.Module:
    """The model with a tuple of outputs, as a backbone has."""
    wrapped = nn.Sequential(model)
    wrapped.register_forward_hook(lambda _, __, output: (output,))
    return wrapped


def run(repo, *args):
    command = [sys.executable, str(repo / 'tools/benchmark.py'), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True)


def test_tool(repo, tmp_path):
    path = tmp_path / 'cost.csv'
    shape = ('--shape', 64, 64, '--rounds', 1, '--providers', 'ours', 'naive ECA')
    done = run(repo, *shape, '--frozen-stages', -1, '--out', path)
    assert done.returncode == 0, done.stderr
    with path.open() as file:
        rows = list(csv.DictReader(file))
    names = ['plain', 'ours', 'naive ECA']
    measures = ['saved', 'inference', 'training step']
    assert [(r['measure'], r['backbone']) for r in rows] == [
        (measure, name) for measure in measures for name in names
    ]
    saved = {r['backbone']: float(r['ratio']) for r in rows if r['measure'] == 'saved'}
    assert saved['ours'] < saved['plain'] == 1 < saved['naive ECA']
    assert all(float(r['value']) > 0 and r['commit'] for r in rows)
    assert 'ratio to plain' in done.stdout


@pytest.mark.parametrize(
    ('args', 'named'),
    [
        (('--rounds', 0), '--rounds 0'),
        (('--shape', 16, 64), '--shape .16, 64.'),
        (('--frozen-stages', 5), '--frozen-stages 5'),
        (('--out', 'missing/cost.csv'), 'missing'),
    ],
)
def test_tool_refuses_in_one_line(repo, monkeypatch, capsys, args, named):
    monkeypatch.syspath_prepend(repo / 'tools')
    benchmark = importlib.import_module('benchmark')
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *map(str, args)])
    assert benchmark.exit_status(benchmark.main) == 2
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert re.search(named, error)
