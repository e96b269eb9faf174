import os
import subprocess
import sys

import pytest


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
    assert last_line.startswith('ImportError: ') and said in last_line
    assert 'tools/install.py' in last_line
    # Not a traceback from inside the host.
    assert not any(
        f'{package}/__init__.py' in line for line in done.stderr.splitlines()
    )
