"""Four ranks go on from a checkpoint, which is read five times in all."""

import os
import subprocess
import sys

# One process imports what the ranks need, and then forks them.
RUN = """
import os, sys
import torch, torch.distributed
from multiprocessing import get_context
from zipfile import ZipFile
from mmengine.config import Config
from mmengine.runner import Runner
from small_run import small_runner
from eca_mm.checkpoints.content import Contents
from eca_mm.engine import resume_from_newest
from eca_mm.engine.preflight.initial_weights import checkpoint_findings
from eca_mm.engine.resume import share_choice

torch.set_num_threads(1)
Runner._log_env = lambda *args: None
reads = []

def counted(read):
    def call(file, *args, **kwargs):
        if str(getattr(file, 'filename', file)).endswith('epoch_1.pth'):
            reads.append(read.__name__)
        return read(file, *args, **kwargs)
    return call

# What goes through all bytes of a file: its loading, and the look at its checksums.
torch.load, ZipFile.testzip = counted(torch.load), counted(ZipFile.testzip)

def first():
    small_runner('work', dict(interval=1), epochs=1).train()

def go_on(rank):
    os.environ.update(RANK=str(rank), LOCAL_RANK='0')
    reads.clear()
    cfg = dict(work_dir='work', resume=True, load_from=None, model=dict(type='M'))
    cfg = Config(cfg)
    resume_from_newest(cfg)
    if rank == 0:
        assert list(checkpoint_findings(cfg, True, Contents())) == []
    store = f'file://{os.getcwd()}/store'
    torch.distributed.init_process_group(
        'gloo', init_method=store, rank=rank, world_size=4
    )
    start = dict(resume=cfg.resume, load_from=cfg.load_from)
    runner = small_runner('work', dict(interval=9), epochs=2, **start)
    share_choice(runner)
    runner.train()
    line = f'rank {rank}: {reads} of {runner._load_from} to {runner.epoch}\\n'
    os.write(1, line.encode())  # at once, beside those of the others
    torch.distributed.destroy_process_group()

fork = get_context('fork').Process
ranks = [fork(target=go_on, args=[rank]) for rank in range(4)]
for processes in [fork(target=first)], ranks:
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
"""


def test_four_ranks_read_five_times(tmp_path):
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    done = subprocess.run(
        [sys.executable, '-c', RUN], cwd=tmp_path, text=True, capture_output=True,
        env=dict(os.environ, PYTHONPATH=path), timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith('rank')]
    # What the first one chose is known to the others, which have not looked for it.
    end = 'of work/epoch_1.pth to 2'
    assert sorted(lines) == [
        f"rank 0: ['testzip', 'load'] {end}",
        *(f"rank {i}: ['load'] {end}" for i in (1, 2, 3)),
    ]
