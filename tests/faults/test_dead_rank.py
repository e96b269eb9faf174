"""One try of what `make faults` does many times."""

import pytest
from dead_rank import run


@pytest.mark.slow
def test_one_rank_is_killed(tmp_path):
    found = run(1, tmp_path)
    assert (found.survived, found.lost) == (1, 0), found.note
