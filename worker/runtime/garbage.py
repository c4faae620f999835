"""Reduce how often Python collects garbage during bulk work."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS_BETWEEN_COLLECTIONS = 100_000


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Collect garbage less often: objects of a read batch live until it is stored, so most collections find nothing."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
