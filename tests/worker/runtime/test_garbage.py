"""Garbage is collected less often for a while, and as before afterwards."""

import gc

import pytest

from worker.runtime.garbage import OBJECTS_BETWEEN_COLLECTIONS, seldom_collected


def test_the_threshold_is_higher_meanwhile_and_as_it_was_afterwards() -> None:
    before = gc.get_threshold()
    with seldom_collected():
        assert gc.get_threshold() == (OBJECTS_BETWEEN_COLLECTIONS, *before[1:])
    assert gc.get_threshold() == before


@seldom_collected()
def fail() -> None:
    raise RuntimeError("a defect")


def test_the_threshold_is_restored_after_a_failure() -> None:
    before = gc.get_threshold()
    with pytest.raises(RuntimeError):
        fail()
    assert gc.get_threshold() == before
