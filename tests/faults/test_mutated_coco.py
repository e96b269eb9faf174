"""Some of the mutated files; ``make faults`` tries more."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from mutated_coco import attempt  # noqa: E402


@pytest.mark.parametrize('seed', range(1000, 1016))
def test_findings_or_a_clean_run(tmp_path, seed):
    assert attempt(seed, tmp_path) in ('rejected', 'clean')
