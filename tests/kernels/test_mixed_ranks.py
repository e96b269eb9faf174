"""Ranks by kernels and by torch's operators share one synchronised norm."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('triton')


def test_gradients_are_those_of_the_joined_batch(repo, tmp_path):
    """Of both kinds of tail, whose gates the other rank computes without kernels."""
    script = Path(__file__).with_name('mixed_rank.py')
    environment = os.environ | dict(TRITON_INTERPRET='1', OMP_NUM_THREADS='1')
    ranks = [
        subprocess.Popen(
            [sys.executable, script, repo / 'eca_mm', tmp_path / 'store', str(rank)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    printed = [rank.communicate(timeout=120)[0].split() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0]
    for errors in printed:
        assert len(errors) == 2 and all(float(error) < 1e-6 for error in errors)
