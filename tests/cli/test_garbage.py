"""What is there when a command has been imported is not searched for garbage again."""

import gc
import weakref

import pytest

from eca_mm.cli.garbage import uncollected


@pytest.fixture
def thawed():
    """No frozen object; those of a command that ran before go back into the search."""
    was_frozen = bool(gc.get_freeze_count())
    gc.unfreeze()
    yield
    gc.unfreeze()
    if was_frozen:
        gc.freeze()


class Run:
    def __init__(self) -> None:
        self.own = self  # a cycle, as runners have


def test_what_a_run_leaves_is_collected_after_the_next_command(thawed):
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled() and gc.get_freeze_count()
    left = weakref.ref(Run())
    with uncollected():
        pass
    gc.collect()
    assert left() is None


def test_an_import_that_fails(thawed):
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()
