"""The kernels compile for a GPU: the interpreter accepts more than the compiler."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('triton')


def test_compiles_for_an_h100_and_loads_16_bytes_at_once(repo, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != 'TRITON_INTERPRET'}
    script = Path(__file__).with_name('compile_kernels.py')
    run = subprocess.run(
        [sys.executable, script, repo / 'eca_mm'],
        env=environment | dict(TRITON_CACHE_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    lines = [line.split() for line in run.stdout.splitlines()]
    assert all(spills == '0' for _, spills, _ in lines)
    # Two loads of 16 bytes a thread for 16 elements of each feature map.
    loads = {name: int(count) for name, _, count in lines}
    for name, maps in dict(
        sum_kernel=1,
        eca_tail_kernel=2,
        through_relu_kernel=3,
        scale_kernel=2,
        moments_kernel=1,
        shares_kernel=2,
    ).items():
        assert loads[name] >= 2 * maps, name
    small = {'small_gradients', 'add_up', 'merge', 'statistics'}
    assert {f'{name}_kernel' for name in small} < loads.keys()
