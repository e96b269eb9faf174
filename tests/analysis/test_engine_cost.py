"""The benchmark of whole runs: two configs, a probe, and what is made of them."""

import json
import sys

import pytest
from mmengine.config import Config
from small_loop import small_loop

from eca_mm.analysis import engine_configs, engine_cost
from eca_mm.analysis.engine_probe import EngineProbe
from eca_mm.cli import run_command

DIGITS = 'projects/digits/configs/eca_faster_rcnn_r18.py'


def types(node) -> set[str]:
    """All names of parts in a config."""
    if isinstance(node, dict):
        found = {node['type']} if isinstance(node.get('type'), str) else set()
        return found.union(*map(types, node.values()))
    return set().union(*map(types, node)) if isinstance(node, (list, tuple)) else set()


def test_the_hosts_config_has_nothing_of_ours(repo):
    """But what the model is made of, which needs the package."""
    short = engine_configs.short(Config.fromfile(repo / DIGITS), 20)
    host = engine_configs.as_of_the_host(short)
    assert types(short.to_dict()) - types(host.to_dict()) == {
        'SafeCheckpointHook', 'ExactResumeHook', 'StopSignalHook', 'LossGuardHook',
        'BrokenImageHook', 'LoadReportHook', 'ReportHook', 'FastCocoMetric',
    }  # fmt: skip
    assert {'CheckpointHook', 'CocoMetric', 'ECAResNet'} <= types(host.to_dict())
    assert host.custom_imports.imports == ['eca_mm']
    host.model.backbone.type = short.model.backbone.type = 'ResNet'
    assert engine_configs.as_of_the_host(short).custom_imports is None
    assert host.train_dataloader == short.train_dataloader
    assert host.optim_wrapper == short.optim_wrapper
    assert (host.train_cfg.max_iters, host.train_cfg.val_interval) == (20, 20)


def test_the_probe_sees_every_hook(tmp_path):
    """A hook that sleeps, in the iterations and in the validation."""
    out = tmp_path / 'probe.json'
    small_loop(tmp_path, EngineProbe(str(out)), seconds=0.02, iterations=8)
    found = json.loads(out.read_text())
    assert len(found['iterations']) == len(found['hooks']) == 7
    # Begins to begins: also of the loop, so never less than the hooks alone.
    for (wall, _), (hooks, cpu) in zip(
        found['iterations'], found['hooks'], strict=True
    ):
        assert wall >= hooks >= 0.02 > cpu
    assert found['validation'][0] >= 0.02
    assert found['run'][0] >= found['start'][0] and found['run'][1] > 0


def spent(factor: float) -> dict:
    """What a probe would have written of a run."""
    return dict(
        began=1000.0, start=[1000 + 10 * factor, 8 * factor],
        iterations=[[9.0, 9.0]] * engine_cost.SETTLED + [[0.05 * factor, 0.1]] * 3,
        hooks=[[1.0, 1.0]] * engine_cost.SETTLED + [[0.001 * factor, 0.0005]] * 3,
        validation=[2 * factor, 3], run=[1000 + 20 * factor, 15 * factor],
    )  # fmt: skip


def test_rows(monkeypatch, tmp_path, repo):
    """Ratios round by round; the first iterations are left out."""
    order = []

    def run(name, cfg, place):
        order.append(name)
        turn = len(order) // 2.01
        return spent((1 + turn) * (1.5 if name == engine_cost.OURS else 1.0))

    monkeypatch.setattr(engine_cost, 'run', run)
    cfg = Config.fromfile(repo / DIGITS)
    rows = list(engine_cost.measure(cfg, 3, 3, tmp_path))
    host, ours = engine_cost.HOST, engine_cost.OURS
    assert order == [host, ours, ours, host, host, ours]
    found = {(row['measure'], row['provider']): row for row in rows}
    row = found['iteration', ours]
    assert (row['value'], row['unit'], row['ratio']) == (150.0, 'ms', 1.5)
    assert found['iteration', host]['value'] == 100.0
    assert found['hooks of an iteration', ours]['ratio'] == 1.5
    assert found['start-up', host]['value'] == 20.0
    assert found['evaluation', host]['baseline'] == host
    assert found['whole run, CPU', ours]['ratio'] == 1.5


def test_a_run_that_fails_is_told(tmp_path, monkeypatch):
    script = tmp_path / 'train.py'
    script.write_text('import sys; print("no data"); sys.exit(3)')
    monkeypatch.setitem(engine_cost.SCRIPTS, engine_cost.OURS, script)
    with pytest.raises(engine_cost.RunFailed, match='eca_mm ended with 3: no data'):
        engine_cost.run(engine_cost.OURS, Config(dict()), tmp_path / 'run')


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ('--level engine --batch 2', '--batch has no effect with --level engine'),
        ('--level engine --amp', '--amp has no effect with --level engine'),
        ('--level engine --config a.py b.py', 'trains one config: name one'),
        ('--level engine --config absent.py', 'config absent.py not found'),
        ('--level engine --iterations 0', '--iterations 0: must be at least 1'),
        ('--iterations 5', '--iterations has no effect with --level backbone'),
    ],
)
def test_wrong_requests(monkeypatch, capsys, words, said):
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *words.split()])
    assert run_command('benchmark') == 2
    assert said in capsys.readouterr().err


def test_both_run(monkeypatch, capsys, tmp_path):
    """The real thing, as short as it gets."""
    out = tmp_path / 'engine.csv'
    words = ['--level', 'engine', '--rounds', '1', '--iterations', '1', '--out', out]
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *map(str, words)])
    assert run_command('benchmark') == 0, capsys.readouterr().err
    lines = out.read_text().splitlines()
    assert len(lines) == 1 + 2 * len(engine_cost.MEASURES)
    assert 'hooks of an iteration' in capsys.readouterr().out


@pytest.mark.parametrize('ours', [{}, dict(GOMP_SPINCOUNT='3000')], ids=['user', 'we'])
def test_the_host_runs_without_what_we_have_set(tmp_path, monkeypatch, ours):
    """And with what the user has, though it be the same."""
    script = tmp_path / 'train.py'
    script.write_text(
        'import os, sys; sys.exit(os.environ.get("GOMP_SPINCOUNT", "no"))'
    )
    monkeypatch.setitem(engine_cost.SCRIPTS, engine_cost.HOST, script)
    monkeypatch.setenv('GOMP_SPINCOUNT', '3000')
    monkeypatch.setattr(engine_cost, 'set_here', ours)
    with pytest.raises(engine_cost.RunFailed, match=': no' if ours else ': 3000'):
        engine_cost.run(engine_cost.HOST, Config(dict()), tmp_path / 'run')
