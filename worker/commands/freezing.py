"""Freeze a command's body at its first claim: from then on each attempt sends it byte for byte.

The body of some kinds gets the company's date at that moment.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from events.contract.quickbooks import CommandKind
from worker.commands.kinds.all import CREATES
from worker.commands.table import commands, realms

_DATED = {kind.name: kind.dated for kind in CREATES.values() if kind.dated is not None}


def today(time_zone: str | None, now: datetime) -> date | None:
    """Return the date in the company's time zone; None if the time zone is unknown."""
    return None if time_zone is None else now.astimezone(ZoneInfo(time_zone)).date()


def can_be_dated() -> sa.ColumnElement[bool]:
    """Test that a command, joined to its realm, needs no date or can get one."""
    return sa.or_(
        commands.c.kind.not_in([sa.literal(kind) for kind in _DATED]),
        commands.c.sent_body.is_not(None),
        realms.c.time_zone.is_not(None),
    )


def frozen(kind: CommandKind, body: str, date_: date | None) -> str:
    """Return the body that every attempt sends byte for byte, with its date if the kind has one.

    Raises:
        RuntimeError: The command needs a date, and the company's time zone is unknown; a defect, since such a command
            is never claimed.
    """
    field = _DATED.get(kind)
    if field is None:
        return body
    if date_ is None:
        raise RuntimeError(f"A command was claimed that can't be dated: {kind}")
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields[field] = msgspec.Raw(msgspec.json.encode(date_))
    return msgspec.json.encode(fields).decode()
