"""Watching whether DocuSign's messages are taken: a change becomes an event, a message never does."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from msgspec import Struct

from events import leases
from events.contract import catalog, json
from events.contract.docusign import RECEPTION_PROBLEMS, DocusignReceptionChanged, since_when
from events.contract.envelope import Event, own_event
from events.contract.gates import Action
from events.errors import DatabaseUnavailable
from events.log import log
from events.log.tables import log as events_table
from projections.deals import deals
from worker.docusign import reception
from worker.docusign.reception import REFUSALS, Count
from worker.docusign.state import GOOD, judge
from worker.runtime.wake import pause
from worker.services import Services
from worker.workspaces.docusign_keys import docusign_keys
from worker.workspaces.tenants import workspaces

SOURCE = "urn:coeffection:docusign"
LOOK_SECONDS = 5.0
# Anybody may knock, and each change is news to every deal that waits for a signature.
CHANGES_AN_HOUR_MAX = 12
_HOUR = timedelta(hours=1)

_OUT_SINCE = (
    sa.select(deals.c.workspace, sa.func.min(deals.c.sent_at))
    .where(deals.c.stage == "contract_sent")
    .group_by(deals.c.workspace)
)
_KEYS = sa.select(docusign_keys.c.workspace, sa.func.count()).group_by(docusign_keys.c.workspace)
_SAID = events_table.alias("said")
_OF_DOCUSIGN = sa.and_(_SAID.c.workspace == workspaces.c.workspace, _SAID.c.stream == "docusign")
_LAST = sa.select(sa.func.max(_SAID.c.position)).where(_OF_DOCUSIGN).correlate(workspaces).scalar_subquery()
_TWELFTH = (
    sa.select(_SAID.c.recorded_at)
    .where(_OF_DOCUSIGN)
    .order_by(_SAID.c.position.desc())
    .offset(CHANGES_AN_HOUR_MAX - 1)
    .limit(1)
    .correlate(workspaces)
    .scalar_subquery()
)
_TOLD = sa.select(
    events_table.c.workspace, events_table.c.position, events_table.c.data, _TWELFTH.label("twelfth_at")
).select_from(workspaces.join(events_table, events_table.c.position == _LAST))
logger = structlog.get_logger()


class Told(Struct, frozen=True):
    """What the log says last of a workspace, and when it said as much as it may in an hour."""

    fact: DocusignReceptionChanged = GOOD
    position: int = 0
    twelfth_at: datetime | None = None


class Refusals(Struct, frozen=True):
    """Messages that were refused for one reason.

    Attributes:
        reason: Why, as a code.
        messages: How many, in all.
        first_at: When the first one was.
        last_at: When the last one was.
        since: Since when they are refused; none where that is over.
    """

    reason: str
    messages: int
    first_at: datetime
    last_at: datetime
    since: datetime | None


class Reception(Struct, frozen=True):
    """How it stands with DocuSign's messages, as people see it.

    Attributes:
        workspace: Whose messages they are.
        state: `good` where they are taken; else `refusing`, `incomplete` or `silent`.
        reason: Why they are not, as a code.
        since: Since when they are not.
        says: The same in a sentence.
        remedy: What to do, in a sentence.
        action: What to do, as a code.
        keys: How many keys DocuSign may sign with.
        last_accepted_at: When a message was taken last.
        last_refused_at: When one was refused last.
        last_refused_because: Why that one was, as a code.
        taken: How often messages came to what, by the outcome.
        refused: How often they were refused, by the reason, the last one first.
    """

    workspace: str
    state: str
    reason: str | None
    since: datetime | None
    says: str
    remedy: str | None
    action: Action | None
    keys: int
    last_accepted_at: datetime | None
    last_refused_at: datetime | None
    last_refused_because: str | None
    taken: dict[str, Count]
    refused: tuple[Refusals, ...]


async def watch(services: Services, stopping: asyncio.Event) -> None:
    """Say in the log when it stands otherwise in a workspace, until told to stop."""
    while not stopping.is_set():
        now = services.clock.now()
        try:
            found = await services.database.read(changes, now)
            if found:
                await services.database.transaction(_tell, found, now)
                services.wake.all()
        except DatabaseUnavailable as error:
            logger.warning("docusign.retry", problem=str(error))
        await pause(services.clock, stopping, LOOK_SECONDS)


def _tell(connection: sa.Connection, found: Sequence[Event], now: datetime) -> None:
    # Who looked at the same moment may have said it, or have seen a little more: one of both is in the log then.
    log.append(connection, found, now)


def changes(connection: sa.Connection, now: datetime) -> Sequence[Event]:
    """Return an event for each workspace in which it stands otherwise than the log says.

    It is named by what it comes after, so that several who look at the same moment say it once.
    """
    counts = reception.read(connection)
    keys = {row[0]: row[1] for row in connection.execute(_KEYS)}
    out = {row[0]: row[1] for row in connection.execute(_OUT_SINCE)}
    told = {
        row.workspace: Told(json.decode(row.data, DocusignReceptionChanged), row.position, row.twelfth_at)
        for row in connection.execute(_TOLD)
    }
    found_changes = []
    for name in sorted({*counts, *keys, *told}):
        before = told.get(name, Told())
        found = judge(counts.get(name, {}), keys=keys.get(name, 0), out_since=out.get(name), now=now)
        if found != before.fact and _may_be_told(found, before, now):
            found_changes.append(_event(name, found, before, now))
    return found_changes


def shown(connection: sa.Connection, workspace: str, now: datetime) -> Reception:
    """Return how it stands in one workspace."""
    counts = reception.read(connection, workspace).get(workspace, {})
    keys = connection.scalar(
        sa.select(sa.func.count()).select_from(docusign_keys).where(docusign_keys.c.workspace == workspace)
    )
    out = connection.execute(_OUT_SINCE.where(deals.c.workspace == workspace)).first()
    found = judge(counts, keys=keys or 0, out_since=out[1] if out else None, now=now)
    refused = sorted(
        (
            Refusals(reason, count.messages, count.first_at, count.last_at, count.since)
            for reason, count in counts.items()
            if reason in REFUSALS
        ),
        key=lambda refusals: refusals.last_at,
        reverse=True,
    )
    taken = {outcome: count for outcome, count in counts.items() if outcome not in REFUSALS}
    accepted = counts.get(reception.ACCEPTED)
    trouble = RECEPTION_PROBLEMS.get(found.reason or "")
    says = (
        trouble.sentence.format(detail=since_when(found))
        if trouble
        else "messages from DocuSign are accepted."
    )
    return Reception(
        workspace=workspace,
        state=found.state,
        reason=found.reason,
        since=found.since,
        says=says[0].upper() + says[1:],
        remedy=trouble.remedy if trouble else None,
        action=trouble.action if trouble else None,
        keys=keys or 0,
        last_accepted_at=accepted.last_at if accepted else None,
        last_refused_at=refused[0].last_at if refused else None,
        last_refused_because=refused[0].reason if refused else None,
        taken=taken,
        refused=tuple(refused),
    )


def _may_be_told(found: DocusignReceptionChanged, before: Told, now: datetime) -> bool:
    """Say whether it may be said: that all is well always, that it is not only so often."""
    quiet_until = None if before.twelfth_at is None else before.twelfth_at + _HOUR
    return found == GOOD or not leases.is_active(quiet_until, _HOUR, now)


def _event(workspace: str, found: DocusignReceptionChanged, before: Told, now: datetime) -> Event:
    return own_event(
        catalog.DOCUSIGN_RECEPTION_CHANGED,
        found,
        workspace=workspace,
        source=SOURCE,
        time=now,
        id=f"after {before.position}",
    )
