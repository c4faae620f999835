"""Find commands whose look-up QuickBooks has not answered for long."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from worker.commands.kinds.all import READINGS
from worker.commands.table import OPEN, commands

# Longer than QuickBooks may take to apply a request, and than an answered look-up takes.
AFTER = timedelta(minutes=10)


def unanswered(connection: sa.Connection, now: datetime) -> Iterator[str]:
    """Yield a finding for each command that has waited long for the answer to its look-up, and so can't be sent.

    Readings are left out: they change nothing, and a deal that waits for one shows this at its gate.
    """
    sent_long_ago = commands.c.last_sent_at < now - AFTER
    looked_for = sa.and_(
        commands.c.last_sent_at.is_(None), commands.c.look_ups > 0, commands.c.created_at < now - AFTER
    )
    statement = (
        sa.select(commands)
        .where(commands.c.status.in_(OPEN), commands.c.kind.not_in(list(READINGS)))
        .where(sa.or_(sent_long_ago, looked_for))
        .order_by(commands.c.created_at, commands.c.request_id)
    )
    for row in connection.execute(statement).mappings():
        name = f"{row['kind']} of {row['subject']} in {row['workspace']}"
        problem = row["problem"] or row["status"]
        if row["last_sent_at"] is None:
            yield f"{name}: company {row['realm']} has not answered since {_minute(row['created_at'])}: {problem}"
            continue
        yield (
            f"{name} was sent to company {row['realm']} at {_minute(row['last_sent_at'])}, and whether QuickBooks has"
            f" it is still uncertain: {problem}"
        )


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
