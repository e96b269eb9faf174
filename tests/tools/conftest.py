"""For the tests of tools/install.py: no real checkout or cache is written to."""

import shutil
import signal
from pathlib import Path

import pytest

from installer import checkout, cli
from installer.venv import ASIDE, Venv


@pytest.fixture(autouse=True)
def copied_checkout(repo, tmp_path, monkeypatch):
    """A folder with what the installer reads, in place of the real checkout."""
    copy = tmp_path / 'repo'
    shutil.copytree(repo / 'requirements', copy / 'requirements')
    shutil.copy(repo / 'pyproject.toml', copy)
    monkeypatch.setattr(checkout, 'REPO', copy)
    monkeypatch.setattr(checkout, 'REQUIREMENTS', copy / 'requirements')
    monkeypatch.setattr(checkout, 'LOG', copy / 'build' / 'install.log')
    monkeypatch.setenv('ECA_MM_WHEEL_CACHE', str(tmp_path / 'cache'))


@pytest.fixture
def commands(monkeypatch):
    """Commands run so far; none is executed, each succeeds."""
    seen = []

    def fake(command, env):
        seen.append(command)
        return 0, ''

    monkeypatch.setattr('installer.target.execute', fake)
    return seen


@pytest.fixture
def main():
    """The command line, called in this process; signals are put back afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    yield lambda *arguments: cli.main([str(a) for a in arguments])
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def fails(main, capsys):
    """Calls the command line: the one line that it ends with; its status must be 2."""

    def only_line(*arguments) -> str:
        assert main(*arguments) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and lines[0].startswith('install.py: ')
        return lines[0]

    return only_line


def add_metadata(folder: Path, versions: dict[str, str]) -> None:
    """What pip leaves of packages in a folder, the packages themselves aside."""
    for name, version in versions.items():
        info = folder / f'{name.replace("-", "_")}-{version}.dist-info'
        info.mkdir(parents=True)
        (info / 'METADATA').touch()
        (info / 'RECORD').touch()


@pytest.fixture
def venv(tmp_path) -> Venv:
    """What a finished run leaves: metadata of everything pinned, and the stamp."""
    venv = Venv(tmp_path / 'venv')
    pins = checkout.read_pins('build', 'runtime', 'openmmlab', 'mmcv', 'dev')
    add_metadata(venv.site, {**pins, 'eca_mm': '0.1.0', 'torch': '2.13.0+cpu'})
    for name in ASIDE:
        add_metadata(venv.aside(name), checkout.read_pins(name))
    Path(venv.python).parent.mkdir()
    Path(venv.python).touch()
    venv.finish(dev=True, ops='cpu', forced=None)
    return venv
