"""What torch's OpenMP says of its own settings: short spins for our commands alone."""

import os
import re
import subprocess
import sys

import pytest

# The two ways in: neither has imported torch when it is over.
DOORS = {
    'package': 'import eca_mm_start; eca_mm_start.running = True; import eca_mm',
    'command': "import eca_mm_start; assert eca_mm_start.run('check') == 2",
}
# Somebody's own program; the host stays out, whose import takes seconds.
STRANGER = 'import sys; sys.modules.update(mmdet=None, mmengine=None); import eca_mm'
THEN = "; import sys; assert 'torch' not in sys.modules; import torch"


def spins(code: str, repo, **settings) -> str | None:
    """The spin count that GNU's OpenMP shows when it is loaded; None without it."""
    kept = {k: v for k, v in os.environ.items() if not re.match('GOMP|OMP', k)}
    done = subprocess.run(
        [sys.executable, '-c', code, 'absent.py'], cwd=repo, text=True,
        capture_output=True, env=kept | settings | dict(OMP_DISPLAY_ENV='verbose'),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = re.search(r"GOMP_SPINCOUNT = '(\w+)'", done.stderr)
    return found and found[1]


@pytest.mark.parametrize('door', DOORS)
def test_short_spins(repo, door):
    own = spins('import torch', repo)
    if own is None:
        pytest.skip("torch does not use GNU's OpenMP here")
    assert spins(DOORS[door] + THEN, repo) == '3000' != own


@pytest.mark.parametrize(
    'settings', [dict(GOMP_SPINCOUNT='77'), dict(OMP_WAIT_POLICY='active')], ids=str
)
def test_who_has_chosen_is_left_alone(repo, settings):
    own = spins('import torch', repo, **settings)
    assert spins(DOORS['package'] + THEN, repo, **settings) == own


def test_a_process_that_imports_the_package_is_left_alone(repo):
    own = spins('import torch', repo)
    assert spins(STRANGER + THEN, repo) == own


def test_nothing_is_set_after_torch(repo):
    """Processes that such a one starts are not ours either."""
    then = "; assert 'GOMP_SPINCOUNT' not in os.environ"
    spins(f'import os, torch; {DOORS["package"]}{then}', repo)
