"""The fault suite in CI size: each fault a few times, in one process that forks."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from attacks import attacks

from eca_mm.checkpoints.safe import CheckpointError, load_file


def test_a_part_of_the_suite(tmp_path):
    """As ``make faults`` calls it; that mmengine's hook loses shows that it can see."""
    out = tmp_path / 'faults.csv'
    faults = (
        'kills', 'epoch_kills', 'host_kills', 'full_disk', 'damaged', 'stop_signals',
        'moved', 'onecycle', 'accumulation', 'lengths', 'two_runs', 'removed',
        'dead_worker', 'campaign',
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent), '--tries', '0.08', '--out', out,
         '--only', *faults],
        capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = list(csv.DictReader(out.open()))
    (host,) = [row for row in rows if 'comparison' in row['fault']]
    assert int(host['lost']) > 0
    assert 'no checkpoint loads' in host['note']
    rows.remove(host)
    assert len(rows) == 15
    for row in rows:
        assert int(row['tries']) > 0, row
        assert row['tries'] == row['survived'], row


def test_hostile_files_run_nothing(tmp_path):
    proof = tmp_path / 'executed'
    for name, write in attacks(proof).items():
        for suffix in ('pth', 'safetensors'):
            path = tmp_path / f'hostile.{suffix}'
            write(path)
            with pytest.raises(CheckpointError) as error:
                load_file(path)
            assert str(error.value).startswith(f'checkpoint {path} '), name
            assert '\n' not in str(error.value), name
    assert not proof.exists()
