"""How a workspace's connection stands: for people, the API and metrics."""

from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct
from prometheus_client import Gauge

from events.contract.gates import REFUSED_COMPANY
from worker.commands.table import realms
from worker.connections.alarms import due_alarm
from worker.connections.history import last_connected
from worker.quickbooks.reads import reads_of_month
from worker.quickbooks.tokens import EXPIRED, tokens
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.store import StateStore
from worker.sync.standing import sync_summary

ConnectionState = Literal["connected", "expiring", "expired", "refused", "disconnected", "not_connected"]
ALARMS: tuple[ConnectionState, ...] = ("expiring", "expired", "refused")
SAYS: dict[ConnectionState, str] = {
    "connected": "QuickBooks is connected.",
    "expired": "QuickBooks no longer accepts the connection, and deals wait.",
    "disconnected": "A person disconnected QuickBooks, and deals wait.",
    "not_connected": "No QuickBooks company was connected yet.",
}
REMEDIES: dict[ConnectionState, str] = {
    "expiring": "Authorise the company again before, with q2c connect; every mapping and setting is kept.",
    "expired": "Authorise the company again, with q2c connect; every mapping and setting is kept.",
    "disconnected": "To continue where it was, connect the company again, with q2c connect.",
    "not_connected": "Connect one, with q2c connect.",
}
_ROWS = (
    sa.select(tokens, realms.c.gate)
    .select_from(
        tokens.outerjoin(
            realms,
            sa.and_(
                realms.c.realm == tokens.c.realm,
                realms.c.workspace == tokens.c.workspace,
                realms.c.connected,
            ),
        )
    )
    .order_by(tokens.c.realm)
)
_alarm = Gauge(
    "q2c_connection_alarm",
    "1 for a connection that ends soon, has ended, or whose company QuickBooks refuses",
    ["workspace", "realm", "state"],
)


class ConnectionStanding(Struct, frozen=True):
    """The connection of a workspace to QuickBooks.

    Attributes:
        realm: The ID of the QuickBooks company that was connected last.
        company: Its name.
        plan: Its QuickBooks plan, as QuickBooks told it when it was connected.
        connected_by: The person who began the consent.
        connected_at: When it was connected.
        state: `connected`; `expiring` if it ends within 14 days; `expired` if QuickBooks no longer accepts it; `refused`
            if QuickBooks refuses every request for the company; `disconnected` by a person; `not_connected` if no
            company ever was.
        says: A sentence about the state.
        remedy: A sentence: what a person can do.
        refresh_expires_at: When the tokens expire unless they are refreshed, which happens by itself.
        hard_expires_at: When the tokens expire however often they are refreshed, if Intuit tells it.
        last_sync: When the last complete sync began.
        next_sync: When the next sync begins.
        reads_this_month: How many reads of the company were counted in this calendar month (UTC).
    """

    realm: str | None
    company: str | None
    plan: str | None
    connected_by: str | None
    connected_at: datetime | None
    state: ConnectionState
    says: str
    remedy: str | None
    refresh_expires_at: datetime | None
    hard_expires_at: datetime | None
    last_sync: datetime | None
    next_sync: datetime | None
    reads_this_month: int | None


NOT_CONNECTED = ConnectionStanding(
    realm=None,
    company=None,
    plan=None,
    connected_by=None,
    connected_at=None,
    state="not_connected",
    says=SAYS["not_connected"],
    remedy=REMEDIES["not_connected"],
    refresh_expires_at=None,
    hard_expires_at=None,
    last_sync=None,
    next_sync=None,
    reads_this_month=None,
)


def connection_of(connection: sa.Connection, workspace: str, now: datetime) -> ConnectionStanding:
    """Return how a workspace's connection stands."""
    last = last_connected(connection, workspace)
    if last is None:
        return NOT_CONNECTED
    its = (tokens.c.realm == last.realm, tokens.c.workspace == workspace)
    row = connection.execute(_ROWS.where(*its)).first()
    state = "expired" if row is None else state_of(row, now)
    ended = row is None or state in {"expired", "disconnected"}
    observed = StateStore(connection, workspace).get(WorkspaceState).company
    seen = observed.company_name if observed is not None and observed.realm == last.realm else None
    synced = sync_summary(connection, last.realm, now)
    return ConnectionStanding(
        realm=last.realm,
        company=seen or last.company,
        plan=last.plan,
        connected_by=last.by,
        connected_at=last.at,
        state=state,
        says=_said(state, row),
        remedy=REFUSED_COMPANY[row.gate].remedy if row and state == "refused" else REMEDIES.get(state),
        refresh_expires_at=None if ended or row is None else row.refresh_expires_at,
        hard_expires_at=None if ended or row is None else row.hard_expires_at,
        last_sync=synced.last_sync if synced else None,
        next_sync=synced.next_sync if synced and not ended else None,
        reads_this_month=reads_of_month(connection, last.realm, now),
    )


def measure(connection: sa.Connection, now: datetime) -> None:
    """Set the gauge from the tables of tokens and companies; connections without an alarm have none."""
    _alarm.clear()
    for row in connection.execute(_ROWS.where(tokens.c.disconnected_at.is_(None))):
        state = state_of(row, now)
        if state in ALARMS:
            _alarm.labels(row.workspace, row.realm, state).set(1)


def state_of(row: Any, now: datetime) -> ConnectionState:
    """Return the state of a row of tokens, with the gate of its company."""
    if row.disconnected_at is not None:
        return "disconnected"
    ends = [row.refresh_expires_at, *([row.hard_expires_at] if row.hard_expires_at else [])]
    if row.expired or row.alarm == EXPIRED or min(ends) <= now:
        return "expired"
    if row.gate is not None:
        return "refused"
    return "expiring" if due_alarm(row.refresh_expires_at, row.hard_expires_at, now) else "connected"


def _said(state: ConnectionState, row: Any) -> str:
    if state == "refused":
        return REFUSED_COMPANY[row.gate].reason_with({})
    if state == "expiring":
        ends = min(row.refresh_expires_at, row.hard_expires_at or row.refresh_expires_at)
        return f"QuickBooks is connected until {ends:%Y-%m-%d %H:%M} UTC, and no longer."
    return SAYS[state]
