"""What is sent is frozen before it is sent for the first time, and an invoice gets its date then."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec


def today(time_zone: str | None, now: datetime) -> date | None:
    """Return the company's date, if it is known in which time zone it is."""
    return None if time_zone is None else now.astimezone(ZoneInfo(time_zone)).date()


def frozen(kind: str, body: str, date_: date | None) -> str:
    """Return what is sent, byte for byte, by every attempt; an invoice gets its date now.

    Raises:
        RuntimeError: An invoice was claimed that can't be dated; a defect of ours.
    """
    if kind != "create_invoice":
        return body
    if date_ is None:
        raise RuntimeError("An invoice was claimed that can't be dated")
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields["TxnDate"] = msgspec.Raw(msgspec.json.encode(date_))
    return msgspec.json.encode(fields).decode()
