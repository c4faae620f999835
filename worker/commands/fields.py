"""Read the fields of QuickBooks' objects: amounts, dates, texts and instants."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from events.contract.values import Amount

Row = Mapping[str, Any]
_TOKEN_MAX = 2**63 - 1


def amount(row: Row, name: str) -> Amount:
    """Return an amount that QuickBooks always returns: without it, an invoice would look paid.

    Raises:
        KeyError: The field is missing.
        ValueError: It is no plain decimal.
    """
    found = optional_amount(row, name)
    if found is None:
        raise KeyError(name)
    return found


def optional_amount(row: Row, name: str) -> Amount | None:
    """Return an amount without trailing zeros, which differ between answers; None without the field.

    Raises:
        ValueError: It is no plain decimal.
    """
    value = row.get(name)
    if value is None:
        return None
    try:
        return Amount.parse(format(Decimal(value).normalize(), "f"))
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(f"its {name} is {value!r}") from error


def day(row: Row, name: str) -> date:
    """Return a date.

    Raises:
        KeyError: The field is missing.
        ValueError: It is no date.
    """
    return date.fromisoformat(row[name])


def optional_day(row: Row, name: str) -> date | None:
    """Return a date; None without the field."""
    return day(row, name) if row.get(name) else None


def text(row: Row, name: str) -> str | None:
    """Return a text; None if it is empty or missing."""
    return row.get(name) or None


def member(row: Row, name: str, part: str) -> str | None:
    """Return a text of a nested object, such as `PrimaryEmailAddr.Address`; None if it is empty or missing."""
    found = row.get(name)
    return text(found, part) if isinstance(found, Mapping) else None


def whole(row: Row, name: str) -> int | None:
    """Return a whole number; None without the field."""
    value = row.get(name)
    return None if value is None else int(value)


def is_active(row: Row) -> bool:
    """Return whether an entry of a list is active; QuickBooks may omit the field of an active one."""
    return row.get("Active") is not False


def sync_token(row: Row) -> int:
    """Return the number of an object's version.

    Raises:
        ValueError: It is no whole number, or a database can't store it.
    """
    written = str(row.get("SyncToken") or 0)
    if not written.isdecimal() or int(written) > _TOKEN_MAX:
        raise ValueError(f"its SyncToken is {written[:40]!r}")
    return int(written)


def updated_at(row: Row) -> datetime | None:
    """Return when an object last changed, to the second; None if it does not say so as an instant."""
    try:
        instant = datetime.fromisoformat(str(member(row, "MetaData", "LastUpdatedTime")))
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None
