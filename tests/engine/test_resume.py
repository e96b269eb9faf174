"""Which checkpoint a run resumes from."""

import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner, find_latest_checkpoint
from small_run import small_runner

from eca_mm.engine import RequestError, resume_from_newest
from eca_mm.engine.resume import newest_checkpoint


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A work dir with epoch_1.pth to epoch_3.pth, and a best one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runner, '_log_env', lambda *args: None)
        folder = tmp_path_factory.mktemp('finished')
        small_runner(folder, dict(interval=1, save_best='acc')).train()
    return folder


@pytest.fixture
def work_dir(finished, tmp_path):
    """A copy of it elsewhere, all of whose files have other times."""
    target = tmp_path / 'moved'
    target.mkdir()
    for path in sorted(finished.glob('*pth')) + [finished / 'last_checkpoint']:
        shutil.copyfile(path, target / path.name)
    return target


def name(path) -> str:
    return path.name


def test_moved_work_dir(work_dir, monkeypatch):
    assert newest_checkpoint(work_dir) == work_dir / 'epoch_3.pth'
    # as mmengine writes it
    (work_dir / 'last_checkpoint').write_text('/no/longer/there/epoch_2.pth')
    assert name(newest_checkpoint(work_dir)) == 'epoch_2.pth'
    monkeypatch.chdir(work_dir.parent)
    (work_dir / 'last_checkpoint').write_text('moved/epoch_1.pth')
    assert name(newest_checkpoint(work_dir)) == 'epoch_1.pth'


def test_never_from_another_place(work_dir, finished, monkeypatch):
    """Not from the old place, nor from a run that the current folder has."""
    monkeypatch.chdir(finished)
    for content in (str(finished / 'epoch_2.pth'), 'epoch_2.pth', './epoch_2.pth'):
        (work_dir / 'last_checkpoint').write_text(content)
        assert newest_checkpoint(work_dir) == work_dir / 'epoch_2.pth'
    (work_dir / 'epoch_2.pth').unlink()
    assert newest_checkpoint(work_dir) == work_dir / 'epoch_3.pth'


def test_folder_in_place_of_last_checkpoint(work_dir, capsys):
    (work_dir / 'last_checkpoint').unlink()
    (work_dir / 'last_checkpoint').mkdir()
    assert name(newest_checkpoint(work_dir)) == 'epoch_3.pth'
    assert 'last_checkpoint cannot be read (Is a directory)' in capsys.readouterr().err


def test_mmengine_finds_its_file(finished, tmp_path, monkeypatch):
    """From any folder, one with files of the same names too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'epoch_3.pth').touch()
    assert find_latest_checkpoint(str(finished)) == str(finished / 'epoch_3.pth')


@pytest.mark.parametrize('content', [None, '', 'gone.pth'])
def test_without_its_name(work_dir, content, capsys):
    pointer = work_dir / 'last_checkpoint'
    pointer.unlink() if content is None else pointer.write_text(content)
    assert name(newest_checkpoint(work_dir)) == 'epoch_3.pth'
    assert ('gone.pth not found' in capsys.readouterr().err) == (content == 'gone.pth')


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    """One bit inside the weights, which torch does not see."""
    weights = torch.full((64,), 1.0).numpy().tobytes()
    place = data.index(weights)
    return data[:place] + b'\x01' + data[place + 1 :]


def flip_anywhere(data: bytes) -> bytes:
    place = len(data) // 3
    return data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :]


@pytest.mark.parametrize(
    'damage',
    [cut, flip_anywhere, lambda data: b'', lambda data: b'\0' * len(data),
     lambda data: b'<!DOCTYPE html>', lambda data: b'{"a": 1}'],
)  # fmt: skip
def test_damaged_ones_are_named_and_skipped(work_dir, damage, capsys):
    for step in (3, 2):
        path = work_dir / f'epoch_{step}.pth'
        path.write_bytes(damage(path.read_bytes()))
        assert name(newest_checkpoint(work_dir)) == f'epoch_{step - 1}.pth'
        assert f'skipped: checkpoint {path}' in capsys.readouterr().err
    path = work_dir / 'epoch_1.pth'
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RequestError) as error:
        newest_checkpoint(work_dir)
    assert len(error.value.args) == 4


def test_a_bit_of_a_weight(work_dir, capsys):
    path = work_dir / 'epoch_3.pth'
    state = torch.load(path, weights_only=True)
    state['state_dict']['extra'] = torch.full((64,), 1.0)
    torch.save(state, path)
    assert newest_checkpoint(work_dir) == path
    path.write_bytes(flip(path.read_bytes()))
    assert torch.load(path, weights_only=True)['state_dict']['extra'][0] != 1
    assert name(newest_checkpoint(work_dir)) == 'epoch_2.pth'
    assert 'epoch_3.pth is damaged: checksum' in capsys.readouterr().err


class Hostile:
    def __reduce__(self):
        return (open, ('opened', 'w'))


@pytest.mark.parametrize('part', ['optimizer', 'meta', 'message_hub'])
def test_hostile_file(work_dir, part, monkeypatch, capsys):
    monkeypatch.chdir(work_dir)
    path = work_dir / 'epoch_3.pth'
    state = torch.load(path, weights_only=True)
    state[part]['nested'] = [dict(deep=Hostile())]
    torch.save(state, path)
    assert name(newest_checkpoint(work_dir)) == 'epoch_2.pth'
    assert not (work_dir / 'opened').exists()
    assert 'open, which could run code' in capsys.readouterr().err


def test_weights_alone_are_no_run(work_dir):
    path = work_dir / 'epoch_3.pth'
    state = torch.load(path, weights_only=True)
    del state['optimizer']
    torch.save(state, path)
    assert name(newest_checkpoint(work_dir)) == 'epoch_2.pth'


def test_config(work_dir, tmp_path, capsys):
    cfg = Config(dict(work_dir=str(work_dir), resume=True))
    resume_from_newest(cfg)
    assert cfg.load_from == str(work_dir / 'epoch_3.pth')
    cfg = Config(dict(work_dir=str(tmp_path / 'new'), resume=True))
    resume_from_newest(cfg)
    assert (cfg.resume, cfg.load_from) == (False, None)
    assert 'no checkpoint' in capsys.readouterr().err
    cfg = Config(dict(work_dir=str(work_dir), resume=True, load_from='chosen.pth'))
    resume_from_newest(cfg)
    assert cfg.load_from == 'chosen.pth'
