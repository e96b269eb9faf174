"""What the terminal shows last when a rank fails, and the exit status."""

import signal
import sys
import tempfile
from types import SimpleNamespace

import launch
import pytest

RANKS = {
    'done': ('', 0),
    # Of a process that is killed there is only what it said before.
    'killed': (
        """if rank == 1:
    print('loading the data', file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(60)""",
        137,
    ),
    'exception': (
        """if rank == 1:
    print('noise', file=sys.stderr)
    raise ValueError('a wrong value')
time.sleep(60)""",
        1,
    ),
    # All ranks stop together, and the first one alone says why.
    'stopped': (
        """if rank == 0:
    print('stopped: by SIGTERM after iteration 3', file=sys.stderr, flush=True)
    time.sleep(1)
print('a warning', file=sys.stderr)
sys.exit(143)""",
        143,
    ),
    'silent': (
        """if rank == 1:
    os.kill(os.getpid(), signal.SIGSEGV)
print('Traceback (most recent call last): lost connection', file=sys.stderr)
time.sleep(60)""",
        139,
    ),
    'wrong request': (
        """if rank == 0:
    print('error: no such file', file=sys.stderr)
    sys.exit(2)
time.sleep(60)""",
        2,
    ),
}
ENDS = {
    'done': [],
    'killed': ['rank 1 was killed by SIGKILL (out of memory?), and the job with it; '
               'its last words:', 'loading the data'],
    'exception': ['    raise ValueError(\'a wrong value\')',
                  'ValueError: a wrong value'],
    'stopped': ['rank 1 ended with status 143, and the job with it; its last words:',
                'stopped: by SIGTERM after iteration 3'],
    'silent': ['rank 1 was killed by SIGSEGV, and the job with it; '
               'it said nothing on stderr'],
    'wrong request': ['rank 0 ended with status 2, and the job with it; '
                      'its last words:', 'error: no such file'],
}  # fmt: skip


@pytest.mark.parametrize('case', RANKS)
def test_last_words(tmp_path, monkeypatch, capfd, case):
    code, status = RANKS[case]
    script = tmp_path / 'script.py'
    head = "import os, signal, sys, time\nrank = int(os.environ['RANK'])\n"
    script.write_text(head + code)
    monkeypatch.setattr(
        sys, 'argv', ['launch.py', '--standalone', '--nproc_per_node=2', str(script)]
    )
    monkeypatch.setenv('OMP_NUM_THREADS', '1')  # else torch says that it sets it
    ranks = tmp_path / 'ranks'
    ranks.mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(ranks))
    handlers = [signal.getsignal(number) for number in signal.Signals]
    assert launch.main() == status
    for number, handler in zip(signal.Signals, handlers, strict=True):
        if signal.getsignal(number) is not handler:  # torch leaves its own
            signal.signal(number, handler)
    lines = capfd.readouterr().err.splitlines()
    assert lines[len(lines) - len(ENDS[case]) :] == ENDS[case], lines
    if case == 'exception':
        assert '[rank 1] noise' in lines and lines.count('noise') == 0
    assert not list(ranks.iterdir())


def test_the_first_failure():
    def first(**failures) -> str:
        found = {
            name: SimpleNamespace(timestamp=timestamp, exitcode=exitcode)
            for name, (timestamp, exitcode) in failures.items()
        }
        return launch.first_failure(found)[0]

    assert first(a=(5, 1), b=(4, 1)) == 'b'
    assert first(a=(5, 1), b=(5, -9)) == 'b'  # whose peers lost their connection
    assert first(a=(5, 1), b=(5, -15)) == 'a'  # sent by torchrun
    assert first(a=(5, 1), b=(35, -9)) == 'a'  # killed after the time of grace
