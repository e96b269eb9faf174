import importlib
import os
import re
import subprocess
import sys

import pytest

from eca_mm import host
from eca_mm.host import versions

HERE = versions.STACKS[versions.installed_stack()]


def import_with(folder) -> subprocess.CompletedProcess:
    """Import eca_mm in a fresh Python that finds the packages in ``folder`` first."""
    return subprocess.run(
        [sys.executable, '-c', 'import eca_mm'],
        env=dict(os.environ, PYTHONPATH=str(folder)),
        capture_output=True,
        text=True,
    )


def bounds(module: str) -> str:
    """As they are told for the stack that the tests run on."""
    return '{} >= {}, < {}'.format(*HERE[module])


@pytest.mark.parametrize(
    ('package', 'source', 'said'),
    [
        ('mmdet', 'raise ModuleNotFoundError("No module named mmdet")',
         'eca_mm needs mmdet (No module named mmdet)'),
        ('mmdet', '__version__ = "2.28.2"', f'{bounds("mmdet")}, found 2.28.2'),
        ('mmcv', '__version__ = "2.2.0"', f'{bounds("mmcv")}, found 2.2.0'),
        ('mmcv', f'__version__ = "{HERE["mmcv"][1]}"',
         'eca_mm needs mmcv with compiled operators'),
        ('mmdet', 'raise RuntimeError("operator torchvision::nms does not exist")',
         'eca_mm needs mmdet (operator torchvision::nms does not exist)'),
    ],
)  # fmt: skip
def test_wrong_host_is_one_clear_error(tmp_path, package, source, said):
    (tmp_path / package).mkdir()
    (tmp_path / package / '__init__.py').write_text(source)
    done = import_with(tmp_path)
    last_line = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last_line.startswith('eca_mm.host.HostError: ') and said in last_line
    assert 'tools/install.py' in last_line
    # Not a traceback from inside the host.
    assert not any(
        f'{package}/__init__.py' in line for line in done.stderr.splitlines()
    )


def test_a_folder_is_no_package(tmp_path, monkeypatch):
    """Such as one that holds clones of OpenMMLab's packages."""
    (tmp_path / 'mmsome').mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not host.installed('mmsome')
    (tmp_path / 'mmsome/__init__.py').touch()
    importlib.invalidate_caches()
    assert host.installed('mmsome')


def test_the_remedy_is_at_hand(tmp_path, monkeypatch):
    """A wheel has no installer."""
    assert 'tools/install.py' in host.remedy()
    monkeypatch.setattr(versions, 'folder', lambda: tmp_path)
    assert 'pip install' in host.remedy()


def whole(version: str) -> tuple[int, ...]:
    """Of '1' and '1.0.0' the same."""
    numbers = [int(number) for number in version.split('.')]
    return tuple(numbers + [0] * (3 - len(numbers)))


@pytest.mark.parametrize('stack', host.STACKS)
def test_bounds_are_those_that_pip_is_told(repo, stack):
    text = (repo / 'pyproject.toml').read_text()
    extra = re.search(rf'^{stack} = \[(.*?)\]', text, re.DOTALL | re.MULTILINE)[1]
    told = re.findall(r"'([\w-]+)>=([\d.]+),<([\d.]+)'", extra)
    checked = host.STACKS[stack].values()
    assert [(name, whole(first), whole(beyond)) for name, first, beyond in told] == [
        (name, whole(first), whole(beyond)) for name, first, beyond in checked
    ]


@pytest.mark.parametrize(
    ('version', 'said'),
    [
        ('2.3.6', 'eca_mm needs mmcv with compiled operators'),  # the version suits
        ('2.2.0', 'eca_mm needs onedl-mmcv >= 2.3.0, < 2.4.0, found 2.2.0'),
        ('2.4.0', 'eca_mm needs onedl-mmcv >= 2.3.0, < 2.4.0, found 2.4.0'),
    ],
)
def test_the_forks_have_bounds_of_their_own(tmp_path, version, said):
    """Told apart by what is installed: the modules have the same names."""
    for name, number in (('mmengine', '0.10.12'), ('mmcv', version)):
        (tmp_path / name).mkdir()
        (tmp_path / name / '__init__.py').write_text(f'__version__ = "{number}"')
    info = tmp_path / f'onedl_mmcv-{version}.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text(f'Name: onedl-mmcv\nVersion: {version}\n')
    done = import_with(tmp_path)
    assert done.returncode == 1 and said in done.stderr.splitlines()[-1]
