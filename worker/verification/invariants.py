"""I1 to I9: the invariants of a database, one function each; a violation is a sentence.

Each is a plain function of a connection and changes nothing. If QuickBooks' own books were read, I1 and I4 compare with
them too; for a company that could not be read, they report that it is not checked.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.contract.envelope import Recorded
from events.log import log, subscriptions
from events.log.tables import dead_letters
from events.log.tables import log as events
from projections.deals import DEALS, deals
from projections.invoices import INVOICES, invoices
from worker.commands.freezing import can_be_dated
from worker.commands.identity import CommandKey, request_id
from worker.commands.kinds.all import READINGS, UPDATES, WRITES
from worker.commands.table import commands, is_open, its_company, realms
from worker.quote_to_cash import manager as quote_to_cash
from worker.quote_to_cash import reconsiderations
from worker.quote_to_cash.decide import read_of
from worker.quote_to_cash.inquiry import Inquiry
from worker.quote_to_cash.store import StateStore
from worker.quote_to_cash.view import WORKSPACE
from worker.quote_to_cash.walk import unmet_and_keys
from worker.services import SUBSCRIPTIONS
from worker.verification.books import Books, compared, marked_twice, unchecked
from worker.verification.scratch import differences, refolded
from worker.verification.unanswered import unanswered
from worker.verification.versions import unrecorded_versions

PAGE_EVENTS = 500
STUCK_AFTER = timedelta(hours=1)
_SUCCESSES = {kind.event for kind in WRITES.values()}


class StoreSnapshot(Struct, frozen=True):
    """A snapshot of the database with the data to compare it with.

    Attributes:
        connection: One snapshot of the database.
        now: The instant of the check.
        books: QuickBooks' own books, as far as they could be read.
        scratch: The result of folding the log again.
    """

    connection: sa.Connection
    now: datetime
    books: Books
    scratch: sa.Connection


class Invariant(Struct, frozen=True):
    """A rule with its name and its sentence; `violations` yields a sentence for each violation."""

    name: str
    says: str
    violations: Callable[[StoreSnapshot], Iterator[str]]


def an_invoice_or_a_reason(view: StoreSnapshot) -> Iterator[str]:
    """I1: each won deal has one live invoice of the right amount, or shows the gate at which it waits."""
    known = list(view.connection.execute(sa.select(invoices)).mappings())
    held = [row for row in known if row["status"] != "voided"]
    counts = Counter((row["workspace"], row["deal"], row["part"]) for row in held)
    for (workspace, deal, part), count in counts.items():
        if count > 1:
            yield f"{workspace}/{deal} part {part} has {count} live invoices"
    yield from _reasons(view, {(row["workspace"], row["deal"]) for row in known})
    yield from _amounts(view)
    by_realm: dict[str, dict[str, sa.RowMapping]] = {}
    for row in held:
        by_realm.setdefault(row["realm"], {})[row["invoice_id"]] = row
    yield from compared(view.books, by_realm)
    yield from unchecked(view.books)


def every_event_once(view: StoreSnapshot) -> Iterator[str]:
    """I2: every identity is in the log once."""
    statement = (
        sa.select(events.c.workspace, events.c.source, events.c.id)
        .group_by(events.c.workspace, events.c.source, events.c.id)
        .having(sa.func.count() > 1)
    )
    for workspace, source, event_id in view.connection.execute(statement):
        yield f"Event {event_id} of {source} is in the log of {workspace} more than once"


def read_models_follow_from_the_log(view: StoreSnapshot) -> Iterator[str]:
    """I3: every read model, and the process manager's state, equals the fold of the log, byte for byte."""
    yield from differences(view.connection, view.scratch)


def commands_and_outcomes_agree(view: StoreSnapshot) -> Iterator[str]:
    """I4: a finished command has one outcome in the log, any other has none; each object has one command."""
    outcomes = Counter(
        recorded.event.payload.request_id
        for recorded in _whole_log(view.connection)
        if recorded.event.type in {*_SUCCESSES, catalog.COMMAND_REJECTED}
    )
    known = set()
    for row in view.connection.execute(sa.select(commands)).mappings():
        known.add(row["request_id"])
        if row["status"] == "superseded" and row["first_sent_at"] is not None:
            yield f"{row['kind']} of {row['subject']} is superseded, and was sent"
        over = row["status"] in {"done", "rejected"} and row["kind"] not in READINGS
        if outcomes[row["request_id"]] != (1 if over else 0):
            count = outcomes[row["request_id"]]
            yield f"{row['kind']} of {row['subject']} is {row['status']} with {count} outcomes in the log"
    for unknown in outcomes.keys() - known:
        yield f"The log has an outcome of {unknown}, which was never commanded"
    yield from marked_twice(view.books)
    yield from unchecked(view.books)


def nothing_is_sent_by_folding(view: StoreSnapshot) -> Iterator[str]:
    """I5: folding the log again makes no command; each follows from its key and its cause, an update from its body too."""
    for row in view.scratch.execute(sa.select(commands)).mappings():
        yield f"Folding the log commanded {row['kind']} of {row['subject']} again"
    causes = set(view.connection.scalars(sa.select(events.c.id)))
    for row in view.connection.execute(sa.select(commands)).mappings():
        key = CommandKey(row["workspace"], row["subject"], row["kind"], row["part"], row["generation"])
        body = row["body"] if row["kind"] in UPDATES else ""
        if request_id(row["realm"], key, body) != row["request_id"]:
            yield f"{row['kind']} of {row['subject']} has a request ID that does not follow from its key"
        if row["cause_id"] not in causes:
            yield f"{row['kind']} of {row['subject']} was caused by {row['cause_id']}, which is not in the log"


def unusable_messages_block_nothing(view: StoreSnapshot) -> Iterator[str]:
    """I6: every event in the log can be read; every other message is a dead letter, whole and with its reason.

    The events are read before any other check.
    """
    for row in view.connection.execute(sa.select(dead_letters)).mappings():
        if not row["reason"] or not row["detail"]:
            yield f"Dead letter {row['number']} has no reason"


def nothing_is_stuck(view: StoreSnapshot) -> Iterator[str]:
    """I7: all due work is done in time."""
    since = view.now - STUCK_AFTER
    checkpoints = subscriptions.checkpoints(view.connection)
    for subscription in SUBSCRIPTIONS:
        waiting = log.read(view.connection, after=checkpoints.get(subscription.name, 0), limit=1)
        if waiting and waiting[0].recorded_at < since:
            yield f"{subscription.name} has not moved beyond position {waiting[0].position - 1} for an hour"
    changed = reconsiderations.reconsiderations
    waiting_for = (
        sa.select(changed.c.workspace, changed.c.key)
        .join(events, events.c.position == changed.c.position)
        .where(events.c.recorded_at < since)
    )
    for workspace, key in view.connection.execute(waiting_for):
        yield f"Deals of {workspace} have waited for an hour to be reconsidered after a change of {key}"
    statement = (
        sa.select(commands)
        .select_from(commands.join(realms, its_company()))
        .where(is_open(), realms.c.connected, ~realms.c.paused, can_be_dated())
        .where(sa.func.coalesce(commands.c.leased_until, commands.c.due_at) < since)
    )
    for row in view.connection.execute(statement).mappings():
        yield f"{row['kind']} of {row['subject']} has been due for an hour: {row['problem'] or row['status']}"
    yield from unanswered(view.connection, view.now)


def reading_skips_nothing(view: StoreSnapshot) -> Iterator[str]:
    """I8: reading the log page by page returns every event once, in the order of positions."""
    seen = [recorded.position for recorded in _whole_log(view.connection)]
    if seen != sorted(set(seen)):
        yield "Reading the log page by page does not follow its positions"
    count = view.connection.scalar(sa.select(sa.func.count()).select_from(events))
    if len(seen) != count:
        yield f"Reading the log page by page shows {len(seen)} of {count} events"


def versions_are_recorded(view: StoreSnapshot) -> Iterator[str]:
    """I9: the log has each version of each observed object once, and the last one is what is observed."""
    yield from unrecorded_versions(view.connection)


INVARIANTS: Sequence[Invariant] = (
    Invariant(
        "I1",
        "Every won deal has one invoice of the right amount, or an unmet gate",
        an_invoice_or_a_reason,
    ),
    Invariant("I2", "Every event is in the log once, unchanged", every_event_once),
    Invariant(
        "I3", "The read models and the process manager's state match the log", read_models_follow_from_the_log
    ),
    Invariant("I4", "Commands, outcomes and books agree", commands_and_outcomes_agree),
    Invariant("I5", "Folding the log again sends nothing to QuickBooks", nothing_is_sent_by_folding),
    Invariant(
        "I6", "Unusable messages are dead letters, and block no event", unusable_messages_block_nothing
    ),
    Invariant("I7", "No due work is left undone", nothing_is_stuck),
    Invariant("I8", "Reading the log skips no event", reading_skips_nothing),
    Invariant("I9", "Each version of an observed object is in the log", versions_are_recorded),
)


def violations(connection: sa.Connection, now: datetime, books: Books) -> dict[str, list[str]]:
    """Check every invariant on one snapshot of a database; return the violations of each, by its name."""
    if unreadable := list(_unreadable(connection)):
        unchecked = ["Not checked: the log can't be read from end to end, see I6"]
        return {invariant.name: unchecked for invariant in INVARIANTS} | {"I6": unreadable}
    with refolded(connection, now) as scratch:
        view = StoreSnapshot(connection, now, books, scratch)
        return {invariant.name: list(invariant.violations(view)) for invariant in INVARIANTS}


def _unreadable(connection: sa.Connection) -> Iterator[str]:
    for recorded in _whole_log(connection):
        try:
            _ = recorded.event.payload
        except Exception as error:  # noqa: BLE001 - any error would stop every subscription
            yield f"The event at position {recorded.position} can't be read: {error}"


def _reasons(view: StoreSnapshot, invoiced: set[tuple[str, str]]) -> Iterator[str]:
    """Compare each deal's shown gate with its actual gate, except for deals whose events are not all decided yet."""
    later = _not_followed(view.connection)
    rows = (
        view.connection.execute(sa.select(deals).order_by(deals.c.workspace, deals.c.deal)).mappings().all()
    )
    for workspace, found in groupby(rows, key=lambda row: row["workspace"]):
        of_workspace = list(found)
        for start in range(0, len(of_workspace), PAGE_EVENTS):
            page = of_workspace[start : start + PAGE_EVENTS]
            store = StateStore(view.connection, workspace)
            streams = [f"deal/{row['deal']}" for row in page]
            store.preload([WORKSPACE, *streams])
            for more in read_of(store, streams):
                store.preload(sorted(more))
            for row in page:
                yield from _reason(store, row, later, is_invoiced=(workspace, row["deal"]) in invoiced)


def _reason(
    store: StateStore, row: sa.RowMapping, later: set[tuple[str, str]], *, is_invoiced: bool
) -> Iterator[str]:
    workspace, name = row["workspace"], row["deal"]
    inquiry = Inquiry(store, name)
    deal = inquiry.deal
    unmet, depends_on = unmet_and_keys(inquiry) if inquiry.part.invoice is None else ([], ())
    keys = {f"deal/{name}", *depends_on, *deal.waits_on}
    if any(key.startswith(f"{WORKSPACE}/") for key in keys):
        keys.add(WORKSPACE)  # the stream of the events that change them
    if later & {(workspace, key) for key in keys}:
        return
    if row["stage"] != deal.stage:
        yield f"{workspace}/{name} is shown in stage {row['stage']}, but is in {deal.stage}"
    gate = unmet[0].code if unmet else None
    if gate != row["gate"]:
        yield f"{workspace}/{name} is shown at {row['gate']}, but waits at {gate}"
    elif gate is None and not is_invoiced:
        yield f"{workspace}/{name} waits on nothing, but has no invoice"


def _not_followed(connection: sa.Connection) -> set[tuple[str, str]]:
    """Return the workspace and stream of every event whose consequences are not yet decided or shown."""
    checkpoints = subscriptions.checkpoints(connection)
    followed = min(
        checkpoints.get(name, 0) for name in (quote_to_cash.NAME, DEALS.versioned, INVOICES.versioned)
    )
    statement = sa.select(events.c.workspace, events.c.stream).where(events.c.position > followed)
    not_decided = {(row.workspace, row.stream) for row in connection.execute(statement.distinct())}
    return not_decided | reconsiderations.pending(connection)


def _amounts(view: StoreSnapshot) -> Iterator[str]:
    """Compare the decided amounts with those of QuickBooks' invoices."""
    wanted: dict[str, Decimal] = {}
    for recorded in _whole_log(view.connection):
        payload = recorded.event.payload
        if recorded.event.type == catalog.INVOICE_COMMANDED:
            wanted[payload.request_id] = payload.net
        elif recorded.event.type == catalog.INVOICE_CREATED and payload.net != wanted.get(payload.request_id):
            yield (
                f"{recorded.event.workspace}/{payload.deal_id}: invoice {payload.invoice_id} is over {payload.net}"
                f" before tax, {wanted.get(payload.request_id)} was decided"
            )


def _whole_log(connection: sa.Connection) -> Iterator[Recorded]:
    position = 0
    while page := log.read(connection, after=position, limit=PAGE_EVENTS):
        yield from page
        position = page[-1].position
