"""Read the fields of QuickBooks' objects: amounts, dates, texts and instants."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from events.contract.values import Amount

Row = Mapping[str, Any]


def amount(row: Row, name: str) -> Amount:
    """Return an amount; 0 without the field, which QuickBooks may omit then.

    Raises:
        ValueError: It is no plain decimal.
    """
    return optional_amount(row, name) or Amount(0)


def optional_amount(row: Row, name: str) -> Amount | None:
    """Return an amount without trailing zeros, which differ between answers; None without the field."""
    value = row.get(name)
    return None if value is None else Amount.parse(format(Decimal(value).normalize(), "f"))


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
    """Return the number of an object's version."""
    return int(row.get("SyncToken") or 0)


def updated_at(row: Row) -> datetime | None:
    """Return when an object last changed, to the second; None if it does not say."""
    written = member(row, "MetaData", "LastUpdatedTime")
    return datetime.fromisoformat(written).astimezone(UTC) if written else None
