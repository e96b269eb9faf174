"""tools/install.py: its decisions, its errors, and what it leaves behind."""

import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CPU_TORCH = {'version': '2.13.0+cpu', 'cuda': None, 'gpus': []}
CUDA_TORCH = {'version': '2.13.0+cu130', 'cuda': '13.0', 'gpus': ['9.0']}
NINJA_LINES = """\
  building 'mmcv._ext' extension
  [1/77] c++ -MMD -MF /tmp/x/active_rotated_filter.o.d -pthread -Wsign-compare
  /tmp/x/tensorview.h:345:27: warning: comparison of 'int' and 'const size_t'
    345 |     for (int i = start; i < this->mSize[2/3] ; ++i) {
  [12/77] c++ -MMD -MF /tmp/x/nms.o.d -pthread
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """The script, loaded from a copy of what it needs: it writes to no real checkout."""
    repo = tmp_path / 'repo'
    shutil.copytree(ROOT / 'requirements', repo / 'requirements')
    shutil.copy(ROOT / 'pyproject.toml', repo)
    (repo / 'tools').mkdir()
    script = shutil.copy(ROOT / 'tools' / 'install.py', repo / 'tools')
    spec = importlib.util.spec_from_file_location('eca_mm_install', script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv('ECA_MM_WHEEL_CACHE', str(tmp_path / 'cache'))
    before = signal.getsignal(signal.SIGTERM)
    yield module
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def commands(install, monkeypatch):
    """Commands run so far; none is executed, each succeeds."""
    seen = []

    def fake(command, env):
        seen.append(command)
        return 0, ''

    monkeypatch.setattr(install, 'execute', fake)
    return seen


def fails(install, capsys, *arguments):
    """The one line that a run ends with; its status must be 2."""
    assert install.main([str(a) for a in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith('install.py: ')
    return lines[0]


def finished_venv(install, folder):
    """What a finished run leaves: metadata of everything pinned, and the stamp."""
    venv = install.Venv(folder)
    pins = install.read_pins('build', 'runtime', 'openmmlab', 'mmcv', 'dev')
    for name, version in {**pins, 'eca_mm': '0.1.0', 'torch': '2.13.0+cpu'}.items():
        info = venv.site / f'{name.replace("-", "_")}-{version}.dist-info'
        info.mkdir(parents=True)
        (info / 'RECORD').touch()
    Path(venv.python).parent.mkdir()
    Path(venv.python).touch()
    venv.finish(dev=True, ops='cpu', forced=None)
    return venv


# --- Which operators, and where their wheel is kept ---


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
def test_operators_are_chosen(install, forced, torch, nvcc, ops, reason):
    chosen, why = install.choose_ops(forced, torch, nvcc)
    assert chosen == ops
    assert reason in why


@pytest.mark.parametrize(
    'torch, nvcc', [(CPU_TORCH, '13.0'), (CUDA_TORCH, None), (CUDA_TORCH, '12.4')]
)
def test_cuda_in_vain_is_refused(install, torch, nvcc):
    with pytest.raises(install.InstallError, match='--cuda is not possible'):
        install.choose_ops('cuda', torch, nvcc)


def test_cache_key_tells_wheels_apart(install, monkeypatch):
    monkeypatch.delenv('TORCH_CUDA_ARCH_LIST', raising=False)
    version = namedtuple('version', 'major minor micro')
    folders = [
        install.cache_folder('2.1.0', CPU_TORCH, 'cpu'),
        install.cache_folder('2.1.1', CPU_TORCH, 'cpu'),
        install.cache_folder('2.1.0', CUDA_TORCH, 'cpu'),
        install.cache_folder('2.1.0', CUDA_TORCH, 'cuda'),
        install.cache_folder('2.1.0', {**CUDA_TORCH, 'gpus': ['8.0']}, 'cuda'),
    ]
    monkeypatch.setattr(install.sys, 'version_info', version(3, 99, 0))
    folders.append(install.cache_folder('2.1.0', CPU_TORCH, 'cpu'))
    assert len(set(folders)) == len(folders)
    assert 'cp399' in folders[-1].name


def test_cache_folder_follows_the_environment(install, monkeypatch, tmp_path):
    assert install.cache_folder('2.1.0', CPU_TORCH, 'cpu').parent == tmp_path / 'cache'
    monkeypatch.delenv('ECA_MM_WHEEL_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', '/xdg')
    folder = install.cache_folder('2.1.0', CPU_TORCH, 'cpu')
    assert folder.parent == Path('/xdg/eca_mm/wheels')


def test_wheel_is_placed_whole_or_not_at_all(install, monkeypatch, tmp_path):
    wheel, folder = tmp_path / 'mmcv-2.1.0.whl', tmp_path / 'key'
    with zipfile.ZipFile(wheel, 'w') as archive:
        archive.writestr('mmcv/_ext.so', b'x' * 1000)

    def interrupted(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:100])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(install.shutil, 'copyfile', interrupted)
        install.place(wheel, folder)
    assert list(folder.iterdir()) == []
    assert install.cached_wheel(folder) is None

    assert install.place(wheel, folder) == install.cached_wheel(folder)
    assert [p.name for p in folder.iterdir()] == [wheel.name]


def test_a_truncated_wheel_in_the_cache_is_not_used(install, tmp_path):
    (tmp_path / 'mmcv-2.1.0.whl').write_bytes(b'PK\x03\x04 and no more')
    assert install.cached_wheel(tmp_path) is None


# --- Progress ---


def test_progress_counts_ninja_lines_cut_anywhere(install):
    whole, cut = install.Progress(io.StringIO()), install.Progress(io.StringIO())
    whole(NINJA_LINES)
    for start in range(0, len(NINJA_LINES), 7):
        cut(NINJA_LINES[start : start + 7])
    assert (whole.done, whole.total) == (cut.done, cut.total) == (12, 77)


def test_progress_is_line_based_and_quiet_without_a_terminal(install, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(install.time, 'monotonic', lambda: now[0])
    out = io.StringIO()
    progress = install.Progress(out)
    for n in range(1, 101):
        now[0] += 3
        progress(f'  [{n}/100] c++ -c x.cpp\n')
    lines = out.getvalue().splitlines()
    assert len(lines) == 21  # the first, and one every 5 %
    # 10 files in 27 s since the first one was seen, so 9 / 27 = 1 / 3 a second.
    assert lines[2].split() == '10/100 10 % elapsed 0:30 left about 4:30'.split()


# --- Errors: one line, status 2 ---


@pytest.mark.parametrize('version', [(3, 10, 1), (3, 14, 0)])
def test_wrong_python(install, commands, monkeypatch, capsys, tmp_path, version):
    monkeypatch.setattr(install.sys, 'version_info', version)
    line = fails(install, capsys, '--venv', tmp_path / 'venv')
    assert '3.11' in line and '--here' in line
    assert not commands and not (tmp_path / 'venv').exists()


def test_no_compiler(install, commands, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv('CXX', '/nowhere/c++')
    line = fails(install, capsys, '--venv', tmp_path / 'venv')
    assert 'no C++ compiler' in line and 'apt-get install g++' in line
    assert not commands, (
        'nothing may be fetched before the compiler is known to be there'
    )


def test_full_disk(install, commands, monkeypatch, capsys, tmp_path):
    usage = namedtuple('usage', 'total used free')(10**9, 0, 10**9)
    monkeypatch.setattr(install.shutil, 'disk_usage', lambda path: usage)
    line = fails(install, capsys, '--venv', tmp_path / 'venv')
    assert '1.0 GB are free' in line
    assert not commands


def test_cuda_without_nvcc(install, commands, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv('CUDA_HOME', str(tmp_path))
    assert 'needs nvcc' in fails(install, capsys, '--cuda', '--venv', tmp_path / 'venv')


def test_foreign_folder_is_left_alone(install, commands, capsys, tmp_path):
    mine = tmp_path / 'mine' / 'thesis.txt'
    mine.parent.mkdir()
    mine.write_text('do not delete')
    assert 'not made by this script' in fails(install, capsys, '--venv', mine.parent)
    assert mine.read_text() == 'do not delete'


@pytest.mark.parametrize(
    'output, cause, remedy',
    [
        (
            'ERROR: Could not find a version that satisfies the requirement torch\n'
            'ERROR: No matching distribution found for torch\n',
            'satisfies the requirement',
            'registry reachable',
        ),
        ('ERROR: [Errno 28] No space left on device\n', 'Errno 28', 'disk space'),
        ('  nms.cpp:3:1: error: oops\n  ERROR: Failed\n', 'nms.cpp:3:1', 'the log'),
        ('', 'no reason', 'the log'),
    ],
)
def test_failing_pip(install, monkeypatch, capsys, tmp_path, output, cause, remedy):
    monkeypatch.setattr(install, 'preconditions', lambda *_: None)
    monkeypatch.setattr(
        install, 'execute', lambda command, env: (int('install' in command), output)
    )
    line = fails(install, capsys, '--venv', tmp_path / 'venv')
    assert cause in line and remedy in line and 'install.log' in line
    stamp = json.loads((tmp_path / 'venv' / install.STAMP).read_text())
    assert stamp['complete'] is False


# --- The second run ---


def test_second_run_does_nothing(install, commands, monkeypatch, tmp_path, capsys):
    finished_venv(install, tmp_path / 'venv')
    monkeypatch.setattr(install.subprocess, 'run', None)  # a call would raise
    assert install.main(['--venv', str(tmp_path / 'venv')]) == 0
    assert not commands
    assert 'up to date' in capsys.readouterr().out


def change_pin(install, venv):
    path = install.REQUIREMENTS / 'constraints.txt'
    path.write_text(path.read_text() + '# another\n')


def change_bounds(install, venv):
    path = install.REPO / 'pyproject.toml'
    path.write_text(path.read_text() + '\n')


def remove_package(install, venv):
    shutil.rmtree(next(venv.site.glob('rich-*')))


def break_off_package(install, venv):
    (next(venv.site.glob('mmcv-*')) / 'RECORD').unlink()


def remove_python(install, venv):
    Path(venv.python).unlink()


def garble_stamp(install, venv):
    (venv.folder / install.STAMP).write_text('{"complete": tr')


@pytest.mark.parametrize(
    'harm',
    [change_pin, change_bounds, remove_package, break_off_package, remove_python]
    + [garble_stamp],
)
def test_what_makes_the_next_run_work_again(install, tmp_path, harm):
    venv = finished_venv(install, tmp_path / 'venv')
    assert venv.is_current(dev=True, ops=None)
    harm(install, venv)
    assert not venv.is_current(dev=True, ops=None)


def test_options_that_the_environment_does_not_meet(install, tmp_path):
    venv = finished_venv(install, tmp_path / 'venv')
    assert venv.is_current(dev=False, ops='cpu')
    assert not venv.is_current(dev=True, ops='cuda')
    venv.finish(dev=False, ops='cpu', forced=None)
    assert not venv.is_current(dev=True, ops=None)


# --- An environment of the user's own ---


def test_bounds_come_from_pyproject(install):
    assert (
        install.unsupported({'mmcv': '2.1.0', 'mmdet': '3.3.0', 'numpy': '1.0'}) == []
    )
    assert 'mmcv 2.2.0' in install.unsupported({'mmcv': '2.2.0'})[0]
    assert 'mmengine 0.10.2' in install.unsupported({'mmengine': '0.10.2'})[0]


def test_here_holds_everything_that_is_there(install, commands, monkeypatch, tmp_path):
    there = {'torch': '2.4.0+cu121', 'numpy': '1.26.4', 'setuptools': '65.5.0'}
    monkeypatch.setattr(install.Here, 'versions', lambda self: dict(there))
    here = install.Here(tmp_path)
    here.add('something', ['shapely'])
    constraints = (tmp_path / 'constraints.txt').read_text().splitlines()
    assert constraints == ['torch==2.4.0+cu121', 'numpy==1.26.4', 'setuptools<=80.10.2']
    assert commands[0][-3:] == ['-c', str(tmp_path / 'constraints.txt'), 'shapely']
    assert {'torch', 'numpy'}.isdisjoint(here.missing('build', 'runtime'))


# --- The real thing ---


def script(*arguments):
    command = [sys.executable, str(ROOT / 'tools' / 'install.py'), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_help():
    result = script('--help')
    assert result.returncode == 0
    for flag in ('--venv', '--here', '--cuda', '--cpu', '--check', '--jobs', 'PIP_'):
        assert flag in result.stdout


def test_check_tells_whether_the_operators_load():
    result = script('--check', '--here')
    rows = dict(line.split(None, 1) for line in result.stdout.splitlines())
    assert rows['Python'] == '.'.join(map(str, sys.version_info[:3]))
    probe = 'import torch, mmcv._ext, mmdet, eca_mm, pycocotools, cv2'
    loads = subprocess.run([sys.executable, '-c', probe], capture_output=True)
    assert result.returncode == (2 if loads.returncode else 0)
    assert ('operators  ' in result.stdout and ' yes' in result.stdout) == (
        result.returncode == 0
    )
    assert len(result.stderr.splitlines()) == (1 if result.returncode else 0)


def test_interrupted_command_leaves_no_process(install, tmp_path):
    """A child of the command, as a compiler is one of pip's, ends with the script."""
    alive = tmp_path / 'alive'
    loop = f'while true; do date +%N > {alive}; sleep 0.05; done & wait'

    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    with pytest.raises(KeyboardInterrupt):
        install.execute(['sh', '-c', loop], dict(os.environ))
    assert alive.exists()
    time.sleep(0.2)
    last = alive.read_text()
    time.sleep(0.3)
    assert alive.read_text() == last
