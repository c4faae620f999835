"""Objects of QuickBooks in its own words: read from what it answers and from what was sent to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec

from events.errors import InvalidEvent
from worker.quickbooks.errors import OutcomeUnknown

Entity = dict[str, Any]


def sent(body: str) -> Entity:
    """Read a frozen body."""
    read: Entity = _decoder.decode(body)
    return read


def reference(entity: Entity, name: str) -> str | None:
    """Return the id that a reference of QuickBooks' holds."""
    found = entity.get(name)
    return str(found["value"]) if isinstance(found, dict) and found.get("value") else None


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Make what is odd in an answer one that says nothing: it stops one command, and no other.

    Raises:
        OutcomeUnknown: Something that is always there was missing, or was something else.
    """
    try:
        yield
    except (InvalidEvent, KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        said = error.detail if isinstance(error, InvalidEvent) else repr(error)
        raise OutcomeUnknown(f"QuickBooks' answer about {what} could not be read: {said}") from error


_decoder = msgspec.json.Decoder(float_hook=Decimal)
