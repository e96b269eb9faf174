"""What no run can go on from is refused in one line, on each road to a resume."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from small_run import Small, small_runner

from eca_mm.checkpoints.content import Content, Contents
from eca_mm.engine import RequestError
from eca_mm.engine.preflight.initial_weights import checkpoint_findings, other_model
from eca_mm.engine.resume import newest_checkpoint


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Runner, '_log_env', lambda *args: None)  # a second each


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    """What a run of one epoch has saved."""
    folder = tmp_path_factory.mktemp('run')
    small_runner(folder, dict(interval=1), epochs=1).train()
    return torch.load(folder / 'epoch_1.pth', weights_only=True)


def without(*parts: str):
    return lambda state: {k: v for k, v in state.items() if k not in parts}


FILES = {
    'weights': (lambda state: state['state_dict'], 'no meta, state_dict'),
    'only state_dict': (
        lambda state: dict(state_dict=state['state_dict']),
        'no meta, message_hub, optimizer',
    ),
    'no optimizer': (without('optimizer'), 'no optimizer'),
    'no meta': (without('meta', 'optimizer'), 'no meta, optimizer'),
    'no iter': (lambda state: dict(state, meta=dict(epoch=1)), 'no iter'),
    'text for meta': (lambda state: dict(state, meta='epoch iter'), 'no meta'),
    'list': (lambda state: [state], 'but a list'),
    'tensor': (lambda state: torch.zeros(3), 'but a Tensor'),
    'number': (lambda state: 7, 'but a int'),
}


def by_name(path) -> str:
    """As --resume FILE is checked."""
    cfg = Config(dict(model=dict(type='M'), resume=True, load_from=str(path)))
    (finding,) = checkpoint_findings(cfg, True, Contents())
    return finding.what


def by_work_dir(path) -> str:
    """As --resume finds it."""
    with pytest.raises(RequestError) as error:
        newest_checkpoint(path.parent)
    line, end = error.value.args
    assert end == f'no checkpoint in {path.parent} can be resumed from'
    return line


def by_runner(path) -> str:
    """As mmengine loads it, for a run that no check has seen."""
    runner = small_runner(path.parent / 'new', resume=True, load_from=str(path))
    with pytest.raises(RequestError) as error:
        runner.train()
    (line,) = error.value.args
    return line


@pytest.mark.parametrize('road', [by_name, by_work_dir, by_runner])
@pytest.mark.parametrize('kind', FILES)
def test_what_is_not_of_a_run(tmp_path, saved, kind, road):
    make, said = FILES[kind]
    path = tmp_path / 'epoch_1.pth'
    torch.save(make(saved), path)
    line = road(path)
    assert line.startswith(f'checkpoint {path} is not of a run')
    assert said in line and 'load_from=FILE without --resume' in line
    assert '\n' not in line


def test_what_is_of_a_run(tmp_path, saved):
    path = tmp_path / 'epoch_1.pth'
    torch.save(saved, path)
    cfg = Config(dict(model=dict(type='M'), resume=True, load_from=str(path)))
    assert list(checkpoint_findings(cfg, True, Contents())) == []
    assert newest_checkpoint(tmp_path) == path
    runner = small_runner(tmp_path / 'new', resume=True, load_from=str(path))
    runner.train()
    assert runner.iter == 12


# Another width, one layer less, one more.
@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda s: s.update({'net.0.weight': torch.zeros(9, 8)}), 'is (9, 8) instead'),
        (lambda s: s.pop('net.2.weight'), 'no net.2.weight'),
        (lambda s: s.update({'neck.weight': torch.zeros(1)}), 'neck.weight too much'),
    ],
)
def test_another_model(tmp_path, saved, change, said):
    path = tmp_path / 'epoch_1.pth'
    state = dict(saved['state_dict'])
    change(state)
    torch.save(dict(saved, state_dict=state), path)
    line = by_runner(path)
    (finding,) = other_model(Content.of(str(path)), Small())
    assert line == f'checkpoint {finding.line().partition("checkpoint: ")[2]}'
    assert said in line and 'is of another model' in line
