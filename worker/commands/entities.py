"""QuickBooks' objects as JSON objects, read from its answers and from the bodies of requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec

from events.errors import InvalidEvent
from worker.quickbooks.errors import OutcomeUnknown

Entity = dict[str, Any]


def sent(body: str) -> Entity:
    """Decode a frozen body."""
    read: Entity = _decoder.decode(body)
    return read


def reference(entity: Entity, name: str) -> str | None:
    """Return the ID in a reference field of an object, such as `CustomerRef`; None if it has none."""
    found = entity.get(name)
    return str(found["value"]) if isinstance(found, dict) and found.get("value") else None


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn errors from reading an odd answer into an unknown outcome, so that it stops only its own command.

    Raises:
        OutcomeUnknown: A field that QuickBooks always returns is missing, or has another type.
    """
    try:
        yield
    except (InvalidEvent, KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        said = error.detail if isinstance(error, InvalidEvent) else repr(error)
        raise OutcomeUnknown(f"QuickBooks' answer about {what} could not be read: {said}") from error


_decoder = msgspec.json.Decoder(float_hook=Decimal)
