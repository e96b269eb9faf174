"""Two processes: both end, in peace, when one cannot save or is told to stop."""

import os
import subprocess
import sys

import pytest

RUN = """
import errno, os, signal, sys
import torch.distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner
from small_run import small_runner
from eca_mm.engine import exit_status
from eca_mm.engine.saving import CrashSafeBackend

case, rank = sys.argv[1], int(os.environ['RANK'])
store = f'file://{os.getcwd()}/store'
torch.distributed.init_process_group('gloo', init_method=store, rank=rank, world_size=2)
Runner._log_env = lambda *args: None

class Fault(Hook):
    def __init__(self):  # a cycle with the group in it, as with a model in DDP
        self.group, self.cycle = torch.distributed.group.WORLD, self

    def before_train_iter(self, runner, *args, **kwargs):
        print(f'at {runner.iter}', flush=True)
        if case == 'stop' and (rank, runner.iter) == (1, 2):
            os.kill(os.getpid(), signal.SIGTERM)

put = CrashSafeBackend.put

def full(self, obj, filepath):
    assert rank == 0
    if case == 'full' and filepath.endswith('epoch_2.pth'):
        raise OSError(errno.ENOSPC, 'No space left on device')
    put(self, obj, filepath)

CrashSafeBackend.put = full
hook = dict(interval=1, max_keep_ckpts=1, save_best='acc')
status = exit_status(lambda: small_runner('work', hook, hooks=[Fault()]).train() and 0)
for thread in os.listdir('/proc/self/task'):
    print('thread', open(f'/proc/self/task/{thread}/comm').read())
sys.exit(status)
"""


@pytest.mark.parametrize(
    ('case', 'status', 'said', 'left'),
    [
        ('full', 1, 'epoch_2.pth: No space left on device', {'epoch_1.pth'}),
        (
            'stop',
            143,
            'by SIGTERM after iteration',  # 3 or 4, where the ranks vote next
            {'epoch_1.pth', 'interrupted.pth'},
        ),
    ],
)
def test_both_end(tmp_path, case, status, said, left):
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    ranks = [
        subprocess.Popen(
            [sys.executable, '-c', RUN, case], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=path, RANK=str(rank), LOCAL_RANK='0'),
        )
        for rank in (0, 1)
    ]  # fmt: skip
    try:
        texts = [rank.communicate(timeout=90) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [status, status], texts
    lines = [
        [line for line in stderr.splitlines() if line.startswith('stopped: ')]
        for _, stderr in texts
    ]
    assert said in lines[0][0] and lines[1] == []
    # A thread of gloo's that outlives Python aborts the process, once in a while.
    threads = [[x for x in out.splitlines() if 'thread' in x] for out, _ in texts]
    assert all(threads) and 'gloo' not in str(threads)
    steps = [[x for x in out.splitlines() if x.startswith('at ')] for out, _ in texts]
    assert steps[0] == steps[1]
    found = {path.name for path in (tmp_path / 'work').glob('*.pth')}
    assert found - {'best_acc_epoch_1.pth'} == left
