"""The types of the fields of events."""

import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Annotated, Self

from msgspec import Meta, Struct

CENT = Decimal("0.01")
PRODUCT = Context(prec=64)  # a quantity times a price has up to 30 digits before the point
PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")

# Without control characters too, which `identifiers` checks.
Identifier = Annotated[str, Meta(min_length=1, max_length=128, extra={"printable": True})]
# The stream of an event or a command, such as `deal/D-17`: a kind, and up to two identifiers.
Stream = Annotated[str, Meta(min_length=1, max_length=300, extra={"printable": True, "stream": True})]
# `$` alone would allow a line feed at the end.
Workspace = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}(?!\n)$", description="A tenant")]
# Texts are limited only by their event's size: they are truncated when sent to a receiver that accepts less.
Name = Annotated[str, Meta(min_length=1)]
Revision = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}(?!\n)$", description="ISO 4217")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339")]


class Fact(Struct, frozen=True, omit_defaults=True):
    """The data of an event. Optional fields that are not set are not written."""


class Amount(Decimal):
    """A decimal number, written as a string; `NaN`, infinities and exponents are refused."""

    minimum: Decimal | None = None
    maximum: Decimal | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an amount from text.

        Raises:
            ValueError: The text is no plain decimal, or out of range; the message says which.
        """
        if not PLAIN_DECIMAL.fullmatch(text):
            raise ValueError(
                f"Expected a plain decimal number of at most 15 digits and 10 decimals, got {text[:40]!r}"
            )
        number = cls(text)
        if cls.minimum is not None and number < cls.minimum:
            raise ValueError(f"Expected at least {cls.minimum}, got {text[:40]!r}")
        if cls.maximum is not None and number > cls.maximum:
            raise ValueError(f"Expected at most {cls.maximum}, got {text[:40]!r}")
        return number


class PositiveAmount(Amount):
    """A decimal number of at least 0."""

    minimum = Decimal(0)


class Percent(Amount):
    """A share in percent, 0 to 100."""

    minimum = Decimal(0)
    maximum = Decimal(100)


def cents(value: Decimal) -> Decimal:
    """Round to cents as QuickBooks does: half up."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP, context=PRODUCT)
