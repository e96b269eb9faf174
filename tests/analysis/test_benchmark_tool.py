"""tools/benchmark.py at tiny sizes, in this process."""

import argparse
import csv
import re
import sys

import pytest
import torch

from eca_mm.analysis import cost, paper_speed
from eca_mm.cli import benchmark, benchmark_request, run_command

TINY = ('--shape', 64, 64, '--rounds', 1)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the tool as the command line does; its status, and what it prints."""
    monkeypatch.setattr(cost, 'SHORTEST', 0)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setenv('COLUMNS', '200')

    def run(*args) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', ['benchmark.py', *map(str, args)])
        status = run_command('benchmark')
        return status, *capsys.readouterr()

    return run


def read(path) -> list[dict]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_backbones(run, tmp_path):
    files = {kind: tmp_path / f'cost.{kind}' for kind in ('csv', 'md', 'png')}
    status, out, err = run(
        *TINY, '--frozen-stages', -1, '--providers', 'ours', 'naive ECA',
        '--out', files['csv'], '--markdown', files['md'], '--plot', files['png'],
    )  # fmt: skip
    assert status == 0, err
    rows = read(files['csv'])
    assert [(r['measure'], r['provider']) for r in rows] == [
        (measure, name)
        for measure in ('saved', 'inference', 'training step')
        for name in ('plain', 'ours', 'naive ECA')
    ]
    saved = {r['provider']: float(r['ratio']) for r in rows if r['measure'] == 'saved'}
    assert saved['ours'] < saved['plain'] == 1 < saved['naive ECA']
    for row in rows:
        assert float(row['value']) > 0 and row['commit'] and row['device']
        assert (row['model'], row['size'], row['precision'], row['device_type']) == (
            'ResNet-50', '64x64', 'float32', 'cpu'
        )  # fmt: skip
        assert row['torch'] and row['mmdet'] and row['mmcv']
    # The caption's lines end where the names of device and commit have them end.
    assert 'GPU: not measured' in ' '.join(out.split()) and 'naive ECA' in out
    assert files['md'].read_text().count('| ResNet-50 |') == 3
    assert files['png'].read_bytes().startswith(b'\x89PNG')


def test_folded_norms(run, tmp_path):
    """They serve in inference alone, for which no bytes are kept either."""
    path = tmp_path / 'cost.csv'
    names = ('ours+fold', 'plain+fold')
    status, _, err = run(*TINY, '--providers', *names, '--out', path)
    assert status == 0, err
    rows = read(path)
    assert [row['measure'] for row in rows] == ['inference'] * 3
    assert [row['provider'] for row in rows] == ['plain', *names]


def test_layers(run, tmp_path):
    path = tmp_path / 'cost.csv'
    status, _, err = run(
        '--level', 'layer', *TINY, '--providers', 'SE', '--amp', '--out', path
    )
    assert status == 0, err
    rows = read(path)
    models = list(dict.fromkeys(row['model'] for row in rows))
    assert models == [f'tail of {stage}' for stage in ('c2', 'c3', 'c4', 'c5')]
    assert all(row['precision'] == 'amp bfloat16' for row in rows)
    assert not any(row['frozen_stages'] for row in rows)


def test_norms_in_training_mode(run, tmp_path):
    """By default nothing is frozen then; ours keeps what the plain network does."""
    path, table = tmp_path / 'cost.csv', tmp_path / 'cost.md'
    status, _, err = run(
        '--shape', 128, 128, '--rounds', 1, '--norms', 'training',
        '--providers', 'ours', 'naive ECA', '--out', path, '--markdown', table,
    )  # fmt: skip
    assert status == 0, err
    rows = read(path)
    assert {(r['norms'], r['frozen_stages']) for r in rows} == {('training', '-1')}
    saved = {r['provider']: float(r['ratio']) for r in rows if r['measure'] == 'saved'}
    assert saved['ours'] < 1.15 < saved['naive ECA']
    assert 'norms in training mode in training steps' in table.read_text()


def test_configs_side_by_side(run, tmp_path, repo):
    """The first is the baseline; names are those of the files."""
    base = repo / 'projects/digits/configs'
    configs = [base / f'{name}_r18.py' for name in ('mask_rcnn', 'se_mask_rcnn')]
    path = tmp_path / 'cost.csv'
    status, _, err = run(
        '--level', 'detector', *TINY, '--config', *configs, '--out', path
    )
    assert status == 0, err
    rows = read(path)
    assert {(r['provider'], r['baseline']) for r in rows} == {
        ('mask_rcnn_r18', 'mask_rcnn_r18'), ('se_mask_rcnn_r18', 'mask_rcnn_r18')
    }  # fmt: skip


def test_configs_of_one_name_are_told_apart_by_their_folders():
    config = ['configs/modern/mask_rcnn_r50.py', 'configs/mask_rcnn_r50.py']
    args = argparse.Namespace(config=config)
    assert benchmark_request.config_names(args) == [
        'modern/mask_rcnn_r50',
        'configs/mask_rcnn_r50',
    ]
    assert args.baseline == 'modern/mask_rcnn_r50'


def test_paper_table(run, tmp_path, monkeypatch):
    monkeypatch.setattr(paper_speed, 'SIZE', (32, 32))
    path = tmp_path / 'fps.csv'
    status, out, err = run(
        '--paper-table', 3, '--backbones', 'MobileNetV2', '--rounds', 1, '--batch', 2,
        '--out', path,
    )  # fmt: skip
    assert status == 0, err
    rows = read(path)
    assert [(r['measure'], r['provider'], r['paper']) for r in rows] == [
        ('inference', 'none', '2086'),
        ('inference', 'SE', '2000'),
        ('inference', 'CBAM', ''),
        ('inference', 'naive ECA', '2010'),
        ('inference', 'ours', '2010'),
        ('training step', 'none', '711'),
        ('training step', 'SE', '671'),
        ('training step', 'CBAM', ''),
        ('training step', 'naive ECA', '676'),
        ('training step', 'ours', '676'),
    ]
    assert {(r['unit'], r['size'], r['baseline']) for r in rows} == {
        ('images/s', '32x32', 'none')
    }
    assert "paper's ratio" in out


def test_profile(run):
    status, out, err = run(*TINY, '--level', 'layer', '--profile', 'SE')
    assert status == 0, err
    tables = re.findall(r'tail of (c\d), (inference|training step): ms of', out)
    assert len(tables) == 8
    assert re.search(r'aten::mul +│ 0\.00 +│ \d', out)  # plain scales nothing
    assert out.count('all operators') == 8


def test_what_cannot_be_compiled_is_skipped(run, monkeypatch):
    monkeypatch.setattr(
        torch, 'compile',
        lambda function: (_ for _ in ()).throw(RuntimeError('no compiler\nmore')),
    )  # fmt: skip
    layer = ('--level', 'layer', *TINY, '--providers', 'ours+compile')
    status, out, err = run(*layer)
    assert status == 0
    assert err == 'skipped ours+compile: torch.compile fails here: no compiler\n'
    assert 'ours+compile' not in out
    status, _, err = run(*layer, '--baseline', 'plain+compile')
    assert (status, err.count('\n')) == (2, 1) and 'no compiler' in err


@pytest.mark.parametrize(
    ('args', 'named'),
    [
        (('--rounds', 0), '--rounds 0'),
        (('--batch', 0), '--batch 0'),
        (('--shape', 16, 64), '--shape .16, 64.'),
        (('--frozen-stages', 4), '--frozen-stages 4'),
        (('--out', 'missing/cost.csv'), '--out missing/cost.csv: .* folder missing'),
        (('--plot', 'missing/cost.png'), '--plot missing/cost.png'),
        (('--device', 'cuda'), 'no GPU'),
        (('--tf32', 'on'), '--tf32 has no effect on the CPU'),
        (('--providers', 'theirs'), "'theirs' is none of plain"),
        (('--baseline', 'theirs'), "'theirs' is none of plain"),
        (('--amp', '--dtype', 'float16'), '--dtype float16'),
        (('--config', 'a.py'), '--config has no effect with --level backbone'),
        (('--level', 'layer', '--depth', 101), '--depth has no effect with --level'),
        (('--level', 'layer', '--providers', 'NL'), 'NL is one block'),
        (('--level', 'layer', '--providers', 'SE+fold'), 'folds a whole network'),
        (('--level', 'detector', '--config', 'a.py'), 'a.py not found'),
        (('--level', 'detector', '--config', 'b/a.py', 'c/b/a.py'), 'same name'),
        (('--level', 'detector', '--dtype', 'float64'), '--dtype float64'),
        (('--backbones', 'MobileNetV2'), '--backbones has no effect'),
        (('--paper-table', 3, '--shape', 64, 64), '--shape has no effect'),
        (('--paper-table', 3, '--norms', 'eval'), '--norms has no effect'),
        (('--level', 'detector', '--norms', 'training'), '--norms has no effect'),
        (('--profile', 'plain'), 'the baseline itself'),
        (('--profile', 'ours', '--out', 'a.csv'), '--out has no effect'),
    ],
)
def test_refusals_in_one_line(run, args, named):
    status, _, error = run(*args)
    assert status == 2
    assert error.startswith('error: ') and error.count('\n') == 1
    assert re.search(named, error)


@pytest.mark.parametrize('norms', ['eval', 'training'])
def test_the_end_by_torch_serves_norms_of_either_mode(monkeypatch, norms):
    """By default, as on a GPU, which is not there."""
    monkeypatch.setattr(
        benchmark_request.providers.Provider, 'obstacle', lambda s: None
    )
    args = argparse.Namespace(
        config=['a.py'], paper_table=None, profile=None, providers=None,
        baseline='plain', level='backbone', norms=norms, device='cuda',
    )  # fmt: skip
    assert 'ours, eager' in benchmark_request.names(args)


def test_tf32_by_torchs_switches():
    cases = {(True, True): 'on', (False, False): 'off', (True, False): 'convolutions'}
    switches = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [switch.allow_tf32 for switch in switches]
    try:
        for values, named in cases.items():
            for switch, value in zip(switches, values, strict=True):
                switch.allow_tf32 = value
            assert benchmark.tf32('cuda') == named
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.allow_tf32 = value
    assert benchmark.tf32('cpu') == ''


def test_shallow_detectors_take_no_providers(run, repo):
    config = repo / 'projects/digits/configs/mask_rcnn_r18.py'
    status, _, error = run('--level', 'detector', '--config', config)
    assert status == 2 and 'depth 18' in error
