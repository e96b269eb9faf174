"""tools/install.py: the progress of a running command, and its end."""

import io
import os
import signal
import time

import pytest

from installer.commands import execute
from installer.output import Progress

NINJA_LINES = """\
  building 'mmcv._ext' extension
  [1/77] c++ -MMD -MF /tmp/x/active_rotated_filter.o.d -pthread -Wsign-compare
  /tmp/x/tensorview.h:345:27: warning: comparison of 'int' and 'const size_t'
    345 |     for (int i = start; i < this->mSize[2/3] ; ++i) {
  [12/77] c++ -MMD -MF /tmp/x/nms.o.d -pthread
"""


def test_progress_counts_ninja_lines_cut_anywhere():
    whole, cut = Progress(out=io.StringIO()), Progress(out=io.StringIO())
    whole(NINJA_LINES)
    for start in range(0, len(NINJA_LINES), 7):
        cut(NINJA_LINES[start : start + 7])
    assert (whole.done, whole.total) == (cut.done, cut.total) == (12, 77)


def test_progress_is_line_based_and_quiet_without_a_terminal(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    out = io.StringIO()
    progress = Progress(out=out)
    for n in range(1, 101):
        now[0] += 3
        progress(f'  [{n}/100] c++ -c x.cpp\n')
    lines = out.getvalue().splitlines()
    assert len(lines) == 21  # the first, and one every 5 %
    # 10 files in 27 s since the first one was seen, so 9 / 27 = 1 / 3 a second.
    assert ' '.join(lines[2].split()) == '10/100 10 % elapsed 0:30 left about 4:30'


def test_progress_promises_nothing_before_more_has_ended_than_runs_at_once(monkeypatch):
    """Two files end together after 20 s: what is left of 77 is not 0:00."""
    now = [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    progress = Progress(jobs=2, out=io.StringIO())
    lines = []
    for seconds, done in [(20, 1), (20.1, 2), (40, 3), (1540, 77)]:
        now[0] = seconds
        progress(f'  [{done}/77] c++ -c x.cpp\n')
        lines.append(progress.line())
    # 3 in 40 s, so 74 in 987 s.
    assert ['left about' in line for line in lines] == [False, False, True, False]
    assert lines[2].endswith('left about 16:26')


def test_progress_is_heard_of_while_few_large_things_are_made(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    out = io.StringIO()
    progress = Progress(out=out)
    for second in range(1, 101):
        now[0] = second
        progress('  [1/5] c++ -c unit_0.cpp\n' if second == 45 else '')
    elapsed = [line.split()[-1] for line in out.getvalue().splitlines()]
    assert elapsed == ['...', '0:45', '1:00', '1:30']


def test_interrupted_command_leaves_no_process(tmp_path):
    """A child of the command, as a compiler is one of pip's, ends with the script."""
    alive = tmp_path / 'alive'
    loop = f'while true; do date +%N > {alive}; sleep 0.05; done & wait'

    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    with pytest.raises(KeyboardInterrupt):
        execute(['sh', '-c', loop], dict(os.environ))
    assert alive.exists()
    time.sleep(0.2)
    last = alive.read_text()
    time.sleep(0.3)
    assert alive.read_text() == last
