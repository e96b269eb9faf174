"""tools/install.py: which operators are compiled, and where their wheel is kept."""

import shutil
import sys
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from installer.operators import choose_ops
from installer.output import InstallError
from installer.wheels import cache_folder, cached_for_some_torch, cached_wheel, place

CPU_TORCH = {'version': '2.13.0+cpu', 'cuda': None, 'gpus': []}
CUDA_TORCH = {'version': '2.13.0+cu130', 'cuda': '13.0', 'gpus': ['9.0']}


@pytest.mark.parametrize(
    'forced, torch, nvcc, ops, reason',
    [
        (None, CPU_TORCH, None, 'cpu', 'CPU build'),
        (None, CPU_TORCH, '13.0', 'cpu', 'CPU build'),
        (None, {**CUDA_TORCH, 'gpus': []}, '13.0', 'cpu', 'no GPU is visible'),
        (None, CUDA_TORCH, None, 'cpu', 'no nvcc'),
        (None, CUDA_TORCH, '12.4', 'cpu', 'nvcc is 12.4'),
        (None, CUDA_TORCH, '13.1', 'cuda', 'GPU and nvcc'),
        ('cpu', CUDA_TORCH, '13.0', 'cpu', '--cpu'),
        ('cuda', {**CUDA_TORCH, 'gpus': []}, '13.0', 'cuda', '--cuda'),
    ],
)
def test_operators_are_chosen(forced, torch, nvcc, ops, reason):
    chosen, why = choose_ops(forced, torch, nvcc)
    assert chosen == ops
    assert reason in why


@pytest.mark.parametrize(
    'torch, nvcc', [(CPU_TORCH, '13.0'), (CUDA_TORCH, None), (CUDA_TORCH, '12.4')]
)
def test_cuda_in_vain_is_refused(torch, nvcc):
    with pytest.raises(InstallError, match='--cuda is not possible'):
        choose_ops('cuda', torch, nvcc)


def test_cache_key_tells_wheels_apart(monkeypatch):
    monkeypatch.delenv('TORCH_CUDA_ARCH_LIST', raising=False)
    version = namedtuple('version', 'major minor micro')
    folders = [
        cache_folder('mmcv', '2.1.0', CPU_TORCH, 'cpu'),
        cache_folder('onedl-mmcv', '2.1.0', CPU_TORCH, 'cpu'),
        cache_folder('mmcv', '2.1.1', CPU_TORCH, 'cpu'),
        cache_folder('mmcv', '2.1.0', CUDA_TORCH, 'cpu'),
        cache_folder('mmcv', '2.1.0', CUDA_TORCH, 'cuda'),
        cache_folder('mmcv', '2.1.0', {**CUDA_TORCH, 'gpus': ['8.0']}, 'cuda'),
    ]
    monkeypatch.setattr(sys, 'version_info', version(3, 99, 0))
    folders.append(cache_folder('mmcv', '2.1.0', CPU_TORCH, 'cpu'))
    assert len(set(folders)) == len(folders)
    assert 'cp399' in folders[-1].name


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    assert cache_folder('mmcv', '2.1.0', CPU_TORCH, 'cpu').parent == tmp_path / 'cache'
    monkeypatch.delenv('ECA_MM_WHEEL_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', '/xdg')
    folder = cache_folder('mmcv', '2.1.0', CPU_TORCH, 'cpu')
    assert folder.parent == Path('/xdg/eca_mm/wheels')


def test_wheels_for_any_torch_are_found_but_not_of_another_mmcv():
    assert not cached_for_some_torch('mmcv', '2.1.0')
    folder = cache_folder('mmcv', '2.1.0', CUDA_TORCH, 'cuda')
    folder.mkdir(parents=True)
    (folder / 'mmcv-2.1.0.whl').touch()
    assert cached_for_some_torch('mmcv', '2.1.0')
    assert not cached_for_some_torch('mmcv', '2.1.1')
    assert not cached_for_some_torch('onedl-mmcv', '2.1.0')


def test_wheel_is_placed_whole_or_not_at_all(monkeypatch, tmp_path):
    wheel, folder = tmp_path / 'mmcv-2.1.0.whl', tmp_path / 'key'
    with zipfile.ZipFile(wheel, 'w') as archive:
        archive.writestr('mmcv/_ext.so', b'x' * 1000)

    def interrupted(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:100])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, 'copyfile', interrupted)
        place(wheel, folder)
    assert list(folder.iterdir()) == []
    assert cached_wheel(folder) is None

    assert place(wheel, folder) == cached_wheel(folder)
    assert [p.name for p in folder.iterdir()] == [wheel.name]


def test_a_truncated_wheel_in_the_cache_is_not_used(tmp_path):
    (tmp_path / 'mmcv-2.1.0.whl').write_bytes(b'PK\x03\x04 and no more')
    assert cached_wheel(tmp_path) is None
