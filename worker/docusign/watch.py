"""Watch whether DocuSign's messages are accepted: a change of the state becomes an event, a refused message never does."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from msgspec import Struct

from events import leases
from events.contract import catalog, json
from events.contract.docusign import RECEPTION_PROBLEMS, DocusignReceptionChanged, params_of
from events.contract.envelope import Event, own_event
from events.contract.gates import Action, filled
from events.log import log
from events.log.tables import log as events_table
from projections.deals import deals
from worker.docusign import reception
from worker.docusign.reception import REFUSALS, Count
from worker.docusign.state import GOOD, judge
from worker.runtime.repeating import Retry, repeat
from worker.services import Services
from worker.workspaces.docusign_keys import docusign_keys
from worker.workspaces.tenants import workspaces

SOURCE = "urn:coeffection:docusign"
LOOK_SECONDS = 5.0
# Anybody can send to the door, and each change reaches every deal that waits for a signature.
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


class LastReport(Struct, frozen=True):
    """The last event about a workspace, and when the last of the hour's allowed events was appended."""

    fact: DocusignReceptionChanged = GOOD
    position: int = 0
    twelfth_at: datetime | None = None


class Refusals(Struct, frozen=True):
    """Messages that were refused for one reason.

    Attributes:
        reason: The code of the reason.
        messages: The number of messages.
        first_at: When the first one came.
        last_at: When the last one came.
        since: Since when they are refused; none if that has ended.
    """

    reason: str
    messages: int
    first_at: datetime
    last_at: datetime
    since: datetime | None


class Reception(Struct, frozen=True):
    """The reception of DocuSign's messages, as people see it.

    Attributes:
        workspace: The workspace.
        state: `good` if messages are accepted; otherwise `refusing`, `incomplete` or `silent`.
        reason: The code of the problem.
        since: Since when the problem exists.
        says: A sentence about the state.
        remedy: A sentence: what a person has to do.
        action: The remedy as a code.
        keys: The number of keys that DocuSign may sign with.
        last_accepted_at: When a message was last accepted.
        last_refused_at: When a message was last refused.
        last_refused_because: The code of that refusal's reason.
        taken: The number of messages by outcome.
        refused: The refused messages by reason, the latest first.
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
    """Append an event when the reception of a workspace changes, until `stopping` is set."""

    async def turn() -> bool:
        now = services.clock.now()
        found = await services.database.read(changes, now)
        if found:
            await services.database.transaction(_tell, found, now)
            services.wake.all()
        return False

    await repeat(
        turn,
        Retry("docusign.retry", LOOK_SECONDS),
        clock=services.clock,
        stopping=stopping,
    )


def _tell(connection: sa.Connection, found: Sequence[Event], now: datetime) -> None:
    # Another process may have appended the same change, or a slightly later state: the log then has one of the two.
    log.append(connection, found, now)


def changes(connection: sa.Connection, now: datetime) -> Sequence[Event]:
    """Return an event for each workspace whose reception differs from its last event.

    Its ID derives from the last event, so that concurrent processes append it once.
    """
    counts = reception.read(connection)
    keys = {row[0]: row[1] for row in connection.execute(_KEYS)}
    out = {row[0]: row[1] for row in connection.execute(_OUT_SINCE)}
    reports = {
        row.workspace: LastReport(
            json.decode(row.data, DocusignReceptionChanged), row.position, row.twelfth_at
        )
        for row in connection.execute(_TOLD)
    }
    found_changes = []
    for name in sorted({*counts, *keys, *reports}):
        before = reports.get(name, LastReport())
        found = judge(counts.get(name, {}), keys=keys.get(name, 0), out_since=out.get(name), now=now)
        if found != before.fact and _may_be_appended(found, before, now):
            found_changes.append(_event(name, found, before, now))
    return found_changes


def shown(connection: sa.Connection, workspace: str, now: datetime) -> Reception:
    """Return the reception of one workspace."""
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
    says = filled(trouble.sentence, params_of(found)) if trouble else "messages from DocuSign are accepted."
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


def _may_be_appended(found: DocusignReceptionChanged, before: LastReport, now: datetime) -> bool:
    """Return whether a change may be appended: a change to `good` always, others only so often in an hour."""
    silent_until = None if before.twelfth_at is None else before.twelfth_at + _HOUR
    return found == GOOD or not leases.is_active(silent_until, _HOUR, now)


def _event(workspace: str, found: DocusignReceptionChanged, before: LastReport, now: datetime) -> Event:
    return own_event(
        catalog.DOCUSIGN_RECEPTION_CHANGED,
        found,
        workspace=workspace,
        source=SOURCE,
        time=now,
        id=f"after {before.position}",
    )
