"""--processes: the words that start several processes, and the examples of the help."""

import os
import sys

import pytest

from eca_mm.cli import processes, run_command


@pytest.mark.parametrize(
    ('words', 'kept'),
    [
        (['a.py', '--processes', '4', '--amp'], ['a.py', '--amp']),
        (['--processes=4', 'a.py'], ['a.py']),
        (['--proc', '4', 'a.py'], ['a.py']),
        (['a.py', '--cfg-options', 'gpus=4', '--processes', '2'],
         ['a.py', '--cfg-options', 'gpus=4']),
        (['a.py', '--work-dir', '4'], ['a.py', '--work-dir', '4']),
    ],
)  # fmt: skip
def test_words_without_processes(words, kept):
    assert processes.without_processes(words) == kept


def test_train_becomes_several_processes(repo, tmp_path, monkeypatch):
    """The same as dist_train.sh: that one is run in tests/test_tools.py."""

    class Replaced(BaseException):
        """execvp does not return."""

    def execvp(program, words):
        called.extend([program, *words])
        raise Replaced

    called = []
    monkeypatch.setattr(os, 'execvp', execvp)
    monkeypatch.setenv('PATH', '/nowhere')
    config = str(repo / 'configs/faster_rcnn_r50.py')
    words = ['eca-mm train', config, '--processes', '3', '--work-dir', str(tmp_path)]
    monkeypatch.setattr(sys, 'argv', words)
    with pytest.raises(Replaced):
        run_command('train')
    assert called[:3] == ['bash', 'bash', '-c']
    script, *passed = called[4:]
    assert script == str(repo / 'tools/launch.sh')
    assert passed == ['3', 'train.py', config, '--work-dir', str(tmp_path)]
    assert os.environ['PATH'] == f'{os.path.dirname(sys.executable)}:/nowhere'


def launched(repo, tmp_path, monkeypatch, *words) -> list[str]:
    """What the script calls, of a stand-in for Python that prints its words."""
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\necho "$WORLD_SIZE" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, 'executable', str(python))
    monkeypatch.setattr(sys, 'argv', ['eca-mm test', *words])
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    out = tmp_path / 'out'
    child = os.fork()
    if not child:
        os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT), 1)
        processes.become_processes('test', 2)
    assert os.waitpid(child, 0)[1] == 0
    return out.read_text().splitlines()


def test_launch_sh_gets_what_it_takes(repo, tmp_path, monkeypatch):
    words = ('a.py', 'b.pth', '--processes=2')
    check, launch = launched(repo, tmp_path, monkeypatch, *words)
    tool = repo / 'tools/test.py'
    assert check == f'2 {tool} a.py b.pth --check'
    assert launch.startswith(f' {repo}/tools/launch.py --nnodes=1')
    assert launch.endswith(f'--nproc_per_node=2 {tool} a.py b.pth --launcher pytorch')


@pytest.mark.parametrize('check', ['--check', '--check=full'])
def test_a_check_is_made_once(repo, tmp_path, monkeypatch, check):
    """With the number of processes to come, and not by each of them."""
    words = ('a.py', 'b.pth', '--processes=2', check, '--json')
    [told] = launched(repo, tmp_path, monkeypatch, *words)
    assert told == f'2 {repo}/tools/test.py a.py b.pth {check} --json'
