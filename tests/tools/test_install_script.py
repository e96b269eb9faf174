"""tools/install.py run as the script that it is."""

import ast
import subprocess
import sys

import pytest


@pytest.fixture
def script(repo):
    """Runs the script of the real checkout."""

    def run(*arguments):
        command = [sys.executable, str(repo / 'tools' / 'install.py'), *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    return run


def test_help(script):
    result = script('--help')
    assert result.returncode == 0
    for flag in (
        '--venv',
        '--here',
        '--cuda',
        '--cpu',
        '--check',
        '--jobs',
        '--torch',
        'PIP_',
    ):
        assert flag in result.stdout


def test_an_old_python_gets_one_line(repo):
    source = (repo / 'tools' / 'install.py').read_text()
    old = 'import sys; sys.version_info = (2, 7, 18)\n' + source
    result = subprocess.run([sys.executable, '-c', old], capture_output=True, text=True)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert 'Python 2.7 is too old' in line
    # Python 2 compiles the whole file first: it must not meet newer syntax there.
    newer = ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.FunctionDef
    assert source.isascii()
    assert not any(isinstance(node, newer) for node in ast.walk(ast.parse(source)))


def test_check_tells_whether_the_operators_load(script):
    probe = [sys.executable, '-c', 'import torch, mmcv._ext, mmdet, cv2, pycocotools']
    with subprocess.Popen(probe, stderr=subprocess.DEVNULL) as loads:
        result = script('--check', '--here')
    rows = dict(line.rsplit('  ', 1) for line in result.stdout.splitlines())
    rows = {name.strip(): value.strip() for name, value in rows.items()}
    assert rows['Python'] == '.'.join(map(str, sys.version_info[:3]))
    good = not loads.returncode and rows['eca-mm'] != 'missing'
    assert result.returncode == (0 if good else 2)
    assert rows.get('mmcv operators', 'no').startswith('yes') == good
    assert len(result.stderr.splitlines()) == (0 if good else 1)
