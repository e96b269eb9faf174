import importlib
import os
import subprocess
import sys

import pytest

from eca_mm import host


def import_with(folder) -> subprocess.CompletedProcess:
    """Import eca_mm in a fresh Python that finds the packages in ``folder`` first."""
    return subprocess.run(
        [sys.executable, '-c', 'import eca_mm'],
        env=dict(os.environ, PYTHONPATH=str(folder)),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ('package', 'source', 'said'),
    [
        ('mmdet', 'raise ModuleNotFoundError("No module named mmdet")',
         'eca_mm needs mmdet (No module named mmdet)'),
        ('mmdet', '__version__ = "2.28.2"', 'mmdet >= 3.3.0, < 4.0.0, found 2.28.2'),
        ('mmcv', '__version__ = "2.2.0"', 'mmcv >= 2.0.0, < 2.2.0, found 2.2.0'),
        ('mmcv', '__version__ = "2.1.0"', 'eca_mm needs mmcv with compiled operators'),
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
    monkeypatch.setattr(host, 'folder', lambda: tmp_path)
    assert 'pip install' in host.remedy()
