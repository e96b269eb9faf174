"""tools/install.py: which versions of Python and torch go together."""

import re
import subprocess
import sys
from collections import namedtuple
from importlib import metadata

import pytest
from packaging.specifiers import SpecifierSet

from installer import checkout
from installer.output import InstallError
from installer.versions import (
    applies,
    needs_cpp20,
    require_torch,
    torch_pythons,
    torchvision,
)

Version = namedtuple('Version', 'major minor micro')


def with_python(monkeypatch, minor: int) -> None:
    monkeypatch.setattr(sys, 'version_info', Version(3, minor, 1))


@pytest.mark.parametrize(
    ('torch', 'minor', 'range_'),
    # What the registry's files are for, by their names.
    [
        ('2.6.0', 14, '3.9 to 3.13'),
        ('2.8.0', 14, '3.9 to 3.13'),
        ('2.15.0', 10, '3.11 to 3.15'),
        ('2.10.0', 15, '3.10 to 3.14'),
    ],
)
def test_a_torch_without_files_for_this_python_is_one_line(
    monkeypatch, fails, commands, tmp_path, torch, minor, range_
):
    with_python(monkeypatch, minor)
    line = fails('--torch', torch, '--venv', tmp_path / 'venv')
    assert f'torch {torch} has no files for Python' in line and range_ in line
    assert not commands and not (tmp_path / 'venv').exists()


@pytest.mark.parametrize(
    ('torch', 'minor'),
    [('2.6.0', 10), ('2.6.0', 13), ('2.9.1', 14), ('2.14.1', 10), ('2.15.0', 14)],
)
def test_a_torch_with_files_for_this_python_is_taken(monkeypatch, torch, minor):
    with_python(monkeypatch, minor)
    require_torch(torch)


def test_an_unknown_torch_is_taken_as_the_newest_known():
    assert torch_pythons('2.99.0') == torch_pythons('2.15.0')
    assert needs_cpp20('2.14.0+cpu') and needs_cpp20('2.99.0')
    assert not needs_cpp20('2.13.1')
    assert (torchvision('2.6.0'), torchvision('2.13.0')) == ('0.21.0', '0.28.0')
    assert torchvision('2.15.0') == torchvision('2.14.1') == '0.29.0'


def test_markers_say_what_pip_takes_them_to_say(monkeypatch):
    """The reference is pip's own evaluation of them."""
    from packaging.markers import Marker

    texts = {
        line.partition(';')[2].strip()
        for path in checkout.REQUIREMENTS.glob('*.txt')
        for line in path.read_text().splitlines()
        if ';' in line and not line.startswith('#')
    }
    assert len(texts) == 3
    for minor in (10, 11, 14):
        with_python(monkeypatch, minor)
        for text in texts:
            there = {'python_version': f'3.{minor}', 'platform_system': 'Linux'}
            assert applies(f'; {text}') == Marker(text).evaluate(there)
    with pytest.raises(ValueError, match='os_name'):
        applies('; os_name == "posix"')


@pytest.mark.parametrize('minor', range(10, 15))
def test_each_file_pins_all_its_packages_once_for_every_python(monkeypatch, minor):
    with_python(monkeypatch, minor)
    for path in checkout.REQUIREMENTS.glob('*.txt'):
        pins = re.findall(r'^([\w.-]+)==[^\s;]+(.*)$', path.read_text(), re.MULTILINE)
        names = [name for name, marker in pins if applies(marker)]
        assert len(names) == len(set(names)), f'{path.name} pins a package twice'
        left_out = {name for name, _ in pins} - set(names)
        # Asked for on 3.11 and later only, by importlib_metadata 10 and supervision; on
        # 3.10 only, by mypy.
        known = {'tomli'} if minor > 10 else {'lazy-importer', 'av'}
        assert left_out <= known, f'{path.name} leaves one out'


def test_what_is_pinned_for_every_python_is_made_for_every_python():
    """By what the packages here say of themselves: those of no marker fit 3.10, too."""
    seen = 0
    for path in checkout.REQUIREMENTS.glob('*.txt'):
        for name in re.findall(r'^([\w.-]+)==[^\s;]+$', path.read_text(), re.MULTILINE):
            try:
                wanted = metadata.metadata(name)['Requires-Python']
            except metadata.PackageNotFoundError:  # of the other stack, of a GPU
                continue
            seen += 1
            for python in ('3.10.13', '3.14.0'):
                assert SpecifierSet(wanted or '').contains(python), (name, wanted)
    assert seen > 40


def test_exec_in_a_function_is_read_from_locals(repo):
    """With the shim, what Python 3.13 and later do otherwise; global names stay so."""
    program = (
        'x = 0\n'
        'def version():\n'
        '    exec(compile("v = 1 + x", "f", "exec"))\n'
        '    return locals()["v"]\n'
        'exec("x = 6")\n'
        'space = {}\n'
        'exec("y = 2", space)\n'
        'print(version(), space["y"], "y" in globals())\n'
    )
    shim = repo / 'tools/installer/build_shims/exec_locals'
    assert {path.suffix for path in shim.glob('*.py')} == {'.py'}
    done = subprocess.run(
        [sys.executable, '-c', program],
        env={'PYTHONPATH': str(shim)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == '7 2 False\n', done.stderr


def test_the_pinned_torch_is_refused_as_well(monkeypatch):
    with_python(monkeypatch, 16)
    with pytest.raises(InstallError, match='has no files for Python'):
        require_torch(checkout.read_pins('build')['torch'])
