"""What is sent is frozen before it is sent for the first time; of some kinds it gets the company's date then."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from events.contract.quickbooks import CommandKind
from worker.commands.kinds.all import CREATES
from worker.commands.table import commands, realms

_DATED = {kind.name: kind.dated for kind in CREATES.values() if kind.dated is not None}


def today(time_zone: str | None, now: datetime) -> date | None:
    """Return the company's date, if it is known in which time zone it is."""
    return None if time_zone is None else now.astimezone(ZoneInfo(time_zone)).date()


def can_be_dated() -> sa.ColumnElement[bool]:
    """Say of a command with its realm that its date is known, if it is of a kind that has one."""
    return sa.or_(
        commands.c.kind.not_in([sa.literal(kind) for kind in _DATED]),
        commands.c.sent_body.is_not(None),
        realms.c.time_zone.is_not(None),
    )


def frozen(kind: CommandKind, body: str, date_: date | None) -> str:
    """Return what is sent, byte for byte, by every attempt; of some kinds it gets its date now.

    Raises:
        RuntimeError: A command was claimed that can't be dated; a defect of ours.
    """
    field = _DATED.get(kind)
    if field is None:
        return body
    if date_ is None:
        raise RuntimeError(f"A command was claimed that can't be dated: {kind}")
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields[field] = msgspec.Raw(msgspec.json.encode(date_))
    return msgspec.json.encode(fields).decode()
