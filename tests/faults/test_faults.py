"""The fault suite in CI size: each fault a few times, in one process that forks."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from attacks import attacks

from eca_mm.checkpoints.safe import CheckpointError, load_file


@pytest.fixture(scope='module')
def suite(tmp_path_factory) -> tuple[subprocess.CompletedProcess, dict]:
    """The driver as ``make faults`` calls it, and its rows by fault."""
    out = tmp_path_factory.mktemp('suite') / 'faults.csv'
    faults = (
        'kills', 'epoch_kills', 'host_kills', 'full_disk', 'damaged', 'stop_signals',
        'moved',
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent), '--tries', '0.08', '--out', out,
         '--only', *faults],
        capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )  # fmt: skip
    rows = list(csv.DictReader(out.open()))
    return done, {row['fault']: row for row in rows}


def test_nothing_of_ours_is_lost(suite):
    done, rows = suite
    assert done.returncode == 0, done.stdout + done.stderr
    ours = [row for fault, row in rows.items() if 'comparison' not in fault]
    assert len(ours) == 7
    assert all(int(row['tries']) > 0 and row['lost'] == '0' for row in ours)
    assert all(row['tries'] == row['survived'] for row in ours)


def test_the_suite_sees_what_mmengines_hook_loses(suite):
    (row,) = [row for fault, row in suite[1].items() if 'comparison' in fault]
    assert int(row['lost']) > 0
    assert 'no checkpoint loads' in row['note']


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
