"""Explain why a deal has an invoice or not: its gates now, and the events that led to them."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.contract.envelope import Recorded
from events.contract.gates import Action
from events.log import dead_letters, log
from projections import queries
from projections.queries import DealsWanted, Key, Row
from worker.commands.entities import sent
from worker.commands.table import commands
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.deal.state import WHOLE, Deal, named_by
from worker.quote_to_cash.deal.won import awaits_signature
from worker.quote_to_cash.gates import Checked
from worker.quote_to_cash.in_step.notes import differences_of
from worker.quote_to_cash.inquiry import Inquiry
from worker.quote_to_cash.nearest import nearest, sentence
from worker.quote_to_cash.referred import referred
from worker.quote_to_cash.sentences import spoken_row
from worker.quote_to_cash.store import StateStore
from worker.quote_to_cash.view import DOCUSIGN
from worker.quote_to_cash.walk import gates_of

EVENTS_MAX = 500  # the last events of each stream: they explain its present state
_WITH_NOTES = {catalog.INVOICE_COMMANDED, catalog.CUSTOMER_COMMANDED, catalog.ITEM_COMMANDED}


class ExplainedGate(Struct, frozen=True):
    """A gate of the deal.

    Attributes:
        gate: The gate's code.
        met: Whether the gate is met.
        reason: Why the gate is unmet, in a sentence.
        remedy: A sentence: what a person can do to open the gate.
        event: The ID of the last event that could have changed the gate.
        action: The remedy as a code.
        about: The subjects of that action, such as `account/A-9`, if not the deal.
        case: The code of the cause, where the gate has several.
        params: The values that the reason names, by name.
    """

    gate: str
    met: bool
    reason: str | None
    remedy: str | None
    event: str | None
    action: Action | None = None
    about: tuple[str, ...] = ()
    case: str | None = None
    params: dict[str, str] = {}


class ExplainedEvent(Struct, frozen=True):
    """An event that the deal's gates depend on.

    Attributes:
        position: Its position in the log.
        id: Its ID, unique for its source.
        type: Its type, which gives the schema of its data.
        source: Its producer.
        stream: Its subject, such as `deal/D-17`.
        time: Its instant.
        data: Its data.
    """

    position: int
    id: str
    type: str
    source: str
    stream: str
    time: datetime
    data: Any


class Refused(Struct, frozen=True):
    """A dead letter of the deal.

    Attributes:
        number: The dead letter's number.
        reason: Why the message is unusable, as a code.
        detail: Why it is unusable, in a sentence.
        remedy: A sentence: what a person has to do.
        field: The invalid field, if there is one.
        origin: The source of the message, such as `http`.
        seen: How often the message arrived.
        first_seen_at: When it first arrived.
        last_seen_at: When it last arrived.
    """

    number: int
    reason: str
    detail: str
    remedy: str
    field: str | None
    origin: str
    seen: int
    first_seen_at: datetime
    last_seen_at: datetime


class Explanation(Struct, frozen=True):
    """Everything about one deal's invoice.

    Attributes:
        deal: The deal's ID in the CRM.
        stage: Its stage, from quote to payment; `unknown` if every message about it was unusable.
        first_unmet: The code of the first unmet gate; none once the invoice exists.
        gates: Every gate, in the order in which they are checked.
        events: The events that the gates depend on.
        invoice: The invoice's ID in QuickBooks.
        notes: The changes that QuickBooks' limits required: texts that were cut, left out or rewritten; and fields of the
            account and its customer that wait for a person.
        sent: The last request to QuickBooks, or the next one, as QuickBooks' JSON; none once the invoice exists.
        dead_letters: The deal's dead letters, newest first.
        nearest: The known IDs nearest to this one, if the CRM has not sent the deal.
    """

    deal: str
    stage: str
    first_unmet: str | None
    gates: tuple[ExplainedGate, ...]
    events: tuple[ExplainedEvent, ...]
    invoice: str | None
    notes: tuple[str, ...]
    sent: dict[str, Any] | None = None
    dead_letters: tuple[Refused, ...] = ()
    nearest: tuple[str, ...] = ()


def list_deals(
    connection: sa.Connection,
    workspace: str,
    limit: int = queries.ROWS_MAX,
    wanted: DealsWanted = DealsWanted(),  # noqa: B008 - it is frozen
    after: Key | None = None,
) -> list[Row]:
    """Return the deals of a workspace as people see them, with the sentences of their unmet gates."""
    return [spoken_row(row) for row in queries.list_deals(connection, workspace, limit, wanted, after)]


def explain(connection: sa.Connection, workspace: str, deal_id: str) -> Explanation | None:
    """Explain a deal; None if no event and no dead letter names it."""
    view = StateStore(connection, workspace)
    deal = view.get(Deal, deal_id)
    chain = _chain(connection, view, deal_id, deal)
    known = any(recorded.event.stream == f"deal/{deal_id}" for recorded in chain)
    refused = _refused(connection, workspace, deal_id)
    if not known:
        return _unusable(deal_id, refused) if refused else None
    gates = gates_of(Inquiry(view, deal_id))
    found = () if deal.latest is not None else nearest(connection, workspace, deal_id)
    explained = tuple(_explained(gate, chain, found) for gate in gates)
    invoice = deal.part(WHOLE).invoice
    unmet = next((gate.code for gate in gates if not gate.met), None)
    return Explanation(
        deal=deal_id,
        stage=deal.stage,
        first_unmet=None if invoice else unmet,
        gates=explained,
        events=tuple(_told(recorded) for recorded in chain),
        invoice=invoice.invoice_id if invoice else None,
        sent=_sent(connection, deal),
        notes=tuple(
            dict.fromkeys((*(note for each in chain for note in _notes(each)), *_differences(view, deal)))
        ),
        dead_letters=refused,
        nearest=found,
    )


def _explained(gate: Checked, chain: list[Recorded], found: tuple[str, ...]) -> ExplainedGate:
    more = sentence(found) if gate.case == "deal_not_arrived" else ""
    return ExplainedGate(
        gate=gate.code,
        met=gate.met,
        reason=None if gate.met else gate.reason + more,
        remedy=None if gate.met else gate.remedy,
        event=_mover(chain, gate.gate.depends_on),
        action=None if gate.met else gate.action,
        about=gate.about,
        case=gate.case,
        params=gate.params,
    )


def _unusable(deal_id: str, refused: tuple[Refused, ...]) -> Explanation:
    """Explain a deal of which every message was unusable: the last one is the reason why it has no quote."""
    last = refused[0]
    reason = f"Every message about the deal was unusable: {last.detail}."
    gate = ExplainedGate(gate="quote_missing", met=False, reason=reason, remedy=last.remedy, event=None)
    return Explanation(
        deal=deal_id,
        stage="unknown",
        first_unmet=gate.gate,
        gates=(gate,),
        events=(),
        invoice=None,
        notes=(),
        dead_letters=refused,
    )


def _refused(connection: sa.Connection, workspace: str, deal_id: str) -> tuple[Refused, ...]:
    letters = dead_letters.of_deal(connection, workspace, deal_id)
    return tuple(Refused(**{name: row[name] for name in Refused.__struct_fields__}) for row in letters)


def _sent(connection: sa.Connection, deal: Deal) -> dict[str, Any] | None:
    part = deal.part(WHOLE)
    if part.invoice is not None or part.attempt is None:
        return None
    body = connection.scalar(
        sa.select(sa.func.coalesce(commands.c.sent_body, commands.c.body)).where(
            commands.c.request_id == part.attempt.request_id
        )
    )
    return sent(body) if body else None


def _chain(connection: sa.Connection, view: StateStore, deal_id: str, deal: Deal) -> list[Recorded]:
    streams, workspace = [f"deal/{deal_id}", "workspace"], view.workspace_name
    if awaits_signature(deal, view.get(WorkspaceState).settings):
        streams.append(DOCUSIGN)
    streams += [f"invoice/{each.realm}/{each.invoice_id}" for each in deal.invoices]
    if deal.latest is not None:
        streams += [*named_by(deal.latest), *referred(view, deal.latest)]
    found = [
        recorded for stream in streams for recorded in log.last(connection, workspace, stream, EVENTS_MAX)
    ]
    commanded = (r.event for r in found if r.event.type == catalog.INVOICE_COMMANDED)
    causes = {event.extensions["causationid"] for event in commanded}
    found += log.named(connection, workspace, catalog.SYNC_CLOCK, causes)
    if catalog.SYNC_CLOCK in deal.waits_on:
        found += log.last(connection, workspace, catalog.SYNC_CLOCK, 1)
    by_position = {recorded.position: recorded for recorded in found}
    return [by_position[position] for position in sorted(by_position)]


def _notes(recorded: Recorded) -> Iterator[str]:
    event = recorded.event
    if event.type in _WITH_NOTES:
        yield from (f"{event.stream}: {note}" for note in event.payload.notes)


def _differences(view: StateStore, deal: Deal) -> Iterator[str]:
    if deal.latest is not None:
        yield from differences_of(view, deal.latest.account_id, deal.latest.currency)


def _mover(chain: list[Recorded], kinds: Collection[str]) -> str | None:
    moved = [r.event.id for r in chain if r.event.stream.partition("/")[0] in kinds]
    return moved[-1] if moved else None


def _told(recorded: Recorded) -> ExplainedEvent:
    event = recorded.event
    return ExplainedEvent(
        position=recorded.position,
        id=event.id,
        type=event.type,
        source=event.source,
        stream=event.stream,
        time=event.time,
        data=event.payload,
    )
