"""Gauges for operators: commands with an unknown outcome, and companies that QuickBooks refuses or does not serve."""

import sqlalchemy as sa
from prometheus_client import Gauge

from worker.commands.kinds.all import READINGS
from worker.commands.table import OPEN, commands, realms
from worker.quickbooks.errors import GATE_OF_COMPANY

_uncertain = Gauge(
    "q2c_commands_uncertain",
    "Commands whose outcome is unknown, by whether QuickBooks answers look-ups",
    ["look_up"],
)
_refused = Gauge("q2c_companies_refused", "Companies for which QuickBooks refuses every request", ["gate"])
_paused = Gauge(
    "q2c_quickbooks_paused",
    "Companies that QuickBooks rate-limited, or whose requests failed: one request at a time tries, after pauses",
)

_UNCERTAIN = sa.select(
    sa.func.coalesce(sa.func.sum(sa.case((commands.c.look_ups == 0, 1), else_=0)), 0),
    sa.func.coalesce(sa.func.sum(sa.case((commands.c.look_ups > 0, 1), else_=0)), 0),
).where(
    sa.or_(
        commands.c.status
        == "uncertain",  # also open commands whose look-up before their first send had no answer
        sa.and_(commands.c.status.in_(OPEN), commands.c.look_ups > 0, commands.c.kind.not_in(list(READINGS))),
    )
)
_REFUSED = (
    sa.select(realms.c.gate, sa.func.count())
    .where(realms.c.gate.is_not(None), realms.c.connected)
    .group_by(realms.c.gate)
)
_PAUSED = (
    sa.select(sa.func.count())
    .select_from(realms)
    .where(realms.c.not_before.is_not(None), realms.c.gate.is_(None), realms.c.connected)
)


def measure(connection: sa.Connection) -> None:
    """Set the gauges from the tables of commands and realms."""
    answered, unanswered = connection.execute(_UNCERTAIN).one()
    _uncertain.labels("answered").set(answered)
    _uncertain.labels("unanswered").set(unanswered)
    _paused.set(connection.execute(_PAUSED).scalar_one())
    refused: dict[str, int] = dict(row.tuple() for row in connection.execute(_REFUSED))
    for gate in GATE_OF_COMPANY.values():
        _refused.labels(gate).set(refused.get(gate, 0))
