"""How often Python looks for cycles among the objects that are in use."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS_BETWEEN_COLLECTIONS = 100_000


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage less often: what is read is needed until it is stored, so there is none, at much of the time."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
