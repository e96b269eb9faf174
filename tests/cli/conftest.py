"""Commands as they are called, in processes of their own."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = ('torch', 'mmengine', 'mmcv', 'mmdet')
# Runs eca-mm and tells, behind all else, which of the heavy packages it has imported.
CALL = f"""\
import json, sys
sys.argv[0] = 'eca-mm'
import eca_mm_start
try:
    status = eca_mm_start.main()
except SystemExit as end:
    status = end.code
here = [name for name in {HEAVY} if name in sys.modules]
print(json.dumps([status, here]))
"""


@pytest.fixture
def python(repo, tmp_path):
    """Run a program in an empty folder, with this clone's package."""

    def run(program: str, *words) -> subprocess.CompletedProcess:
        paths = [str(repo), os.environ.get('PYTHONPATH', '')]
        return subprocess.run(
            [sys.executable, '-c', program, *map(str, words)],
            cwd=tmp_path,
            env=os.environ | dict(PYTHONPATH=os.pathsep.join(filter(None, paths))),
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def eca_mm(python):
    """Call eca-mm: status, heavy packages imported, stdout, last line of stderr."""

    def call(*words) -> tuple[int, list[str], str, str]:
        done = python(CALL, *words)
        assert done.stdout, done.stderr
        *out, told = done.stdout.splitlines()
        last = done.stderr.splitlines()[-1] if done.stderr else ''
        return *json.loads(told), '\n'.join(out), last

    return call
