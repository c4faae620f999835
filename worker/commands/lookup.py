"""Looking in QuickBooks for what an earlier attempt may have made.

Only an answer says that something is not there. QuickBooks may refuse a query for reasons of its own, such as
another invoice's bad e-mail address; so what is refused again and again is asked in other forms.
"""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from events.leases import CLOCK_SKEW_MAX
from worker.commands.claims import Claimed
from worker.commands.identity import marker, request_id
from worker.commands.outcomes import ENTITY, Entity, reference, sent, understood
from worker.quickbooks import queries
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import OBJECT_NOT_FOUND, OutcomeUnknown, Rejected
from worker.quickbooks.queries import Condition

OTHER_FORMS_AFTER = 3
# How many generations beyond the present one an earlier life, which a restored store does not know, may have got.
GENERATIONS_AHEAD = 10
_NAME = {"create_customer": "DisplayName", "create_item": "Name"}


class Trace(Struct, frozen=True):
    """What a request may have left in the books: what it sent, and as of when it may be there."""

    body: Entity
    since: datetime


class Form(Struct, frozen=True):
    """A way to ask for a trace.

    Attributes:
        where: What the objects are to meet.
        tells_absence: Whether an object that this finds nothing of is not there; else it may just be named anew.
        one_by_one: Whether only ids are asked for, and each object is read by its own.
    """

    where: tuple[Condition, ...]
    tells_absence: bool = True
    one_by_one: bool = False


async def find(client: QuickBooksClient, command: Claimed) -> Entity | None:
    """Return the object that this command, or one of an earlier generation, made; None if QuickBooks has none.

    An invoice is found by its number or by customer and date, and is ours only by its mark; so is a
    customer. An item has no room for a mark: it is ours if it has the name and account that we sent and
    came into being after it was wished for.

    Raises:
        QuickBooksError: It can't be told, since QuickBooks did not answer all that was asked.
    """
    if command.named_id is not None and (named := await named_by_a_person(client, command)) is not None:
        return named
    own = Trace(sent(command.body), command.cause_at)
    for trace in (own, *(Trace(sent(earlier.body), earlier.cause_at) for earlier in command.earlier)):
        found = await _find(client, command, trace)
        if found is not None:
            return found
    return None


async def named_by_a_person(client: QuickBooksClient, command: Claimed) -> Entity | None:
    """Return the invoice that a person named, if it is there and ours."""
    try:
        entity = await client.read(command.realm, ENTITY[command.key.kind], command.named_id or "")
    except (Rejected, OutcomeUnknown):
        return None  # their word alone finds nothing; what was asked without it is asked all the same
    bodies = [sent(body) for body in (command.body, *(earlier.body for earlier in command.earlier))]
    return entity if any(is_ours(command, entity, body) for body in bodies) else None


def is_ours(command: Claimed, entity: Entity, body: Entity) -> bool:
    """Say whether an object carries the mark of any generation of the very same key, and is for the same customer.

    One of another generation that was voided since is in nobody's way.
    """
    note = str(entity.get("PrivateNote" if command.key.kind == "create_invoice" else "Notes") or "")
    if marker(command.request_id) not in note and (
        not any(mark in note for mark in _marks_of_others(command)) or _is_voided(entity, note)
    ):
        return False
    same_customer = reference(entity, "CustomerRef") == reference(body, "CustomerRef")
    return command.key.kind != "create_invoice" or same_customer


def _marks_of_others(command: Claimed) -> list[str]:
    last = command.key.generation + GENERATIONS_AHEAD
    return [marker(request_id(command.realm, command.key.of(number))) for number in range(1, last + 1)]


def _is_voided(entity: Entity, note: str) -> bool:
    return "Void" in note and not entity.get("TotalAmt")


async def _find(client: QuickBooksClient, command: Claimed, trace: Trace) -> Entity | None:
    refused: Rejected | OutcomeUnknown | None = None
    usual, others = _forms(command, trace), _other_forms(command, trace)
    for form in (*usual, *(others if command.look_ups >= OTHER_FORMS_AFTER else ())):
        try:
            async for entity in _asked(client, command, form):
                with understood(ENTITY[command.key.kind]):
                    ours = _made_by(command, entity, trace)
                if ours:
                    return entity
        except (Rejected, OutcomeUnknown) as error:
            refused = refused or error
            continue
        if form.tells_absence:
            return None
    raise refused or OutcomeUnknown("Nothing that was asked tells whether it is there")


async def _asked(client: QuickBooksClient, command: Claimed, form: Form) -> AsyncIterator[Entity]:
    """Ask in a form.

    Raises:
        QuickBooksError: Not everything was answered; what was came before.
    """
    kind = ENTITY[command.key.kind]
    if not form.one_by_one:
        async for page in client.query_pages(command.realm, kind, form.where):
            for entity in page:
                yield entity
        return
    refused: Rejected | None = None
    async for page in client.query_pages(command.realm, kind, form.where, fields=("Id",)):
        for row in page:
            try:
                yield await client.read(command.realm, kind, row["Id"])
            except Rejected as error:
                refused = refused if error.code == OBJECT_NOT_FOUND else error
    if refused is not None:
        raise refused


def _forms(command: Claimed, trace: Trace) -> Sequence[Form]:
    body = trace.body
    if name := _NAME.get(command.key.kind):
        return (Form(((name, "=", body[name]),)),)
    earliest = min(body.get("TxnDate", _day(trace.since)), _day(trace.since - timedelta(days=1)))
    by_date = Form((_customer(body), ("TxnDate", ">=", earliest)))
    if "DocNumber" in body:
        return (Form((("DocNumber", "=", body["DocNumber"]),), tells_absence=False), by_date)
    return (by_date,)


def _other_forms(command: Claimed, trace: Trace) -> Sequence[Form]:
    """Ask for less: fewer objects that could spoil the answer, no characters that the language may not have."""
    body = trace.body
    if name := _NAME.get(command.key.kind):
        made_since = _earliest(command, trace).isoformat(timespec="seconds")
        recent = Form((("MetaData.CreateTime", ">=", made_since),))
        pattern = queries.pattern(body[name])
        like = Form(((name, "LIKE", pattern),)) if re.search("[A-Za-z0-9]", pattern) else recent
        return (like, recent)
    if "TxnDate" not in body:
        return ()
    on_the_day = (_customer(body), ("TxnDate", "=", body["TxnDate"]))
    return (Form(on_the_day), Form(on_the_day, one_by_one=True))


def _customer(body: Entity) -> Condition:
    return ("CustomerRef", "=", body["CustomerRef"]["value"])


def _day(instant: datetime) -> str:
    return instant.date().isoformat()


def _made_by(command: Claimed, entity: Entity, trace: Trace) -> bool:
    if command.key.kind != "create_item":
        return is_ours(command, entity, trace.body)
    body = trace.body
    same = (
        str(entity.get("Name")).casefold() == body["Name"].casefold()
        and entity.get("Type") == body["Type"]
        and reference(entity, "IncomeAccountRef") == reference(body, "IncomeAccountRef")
    )
    made_at = datetime.fromisoformat(entity["MetaData"]["CreateTime"]).astimezone(UTC)
    return same and made_at >= _earliest(command, trace)


def _earliest(command: Claimed, trace: Trace) -> datetime:
    """Return since when it may be there: we sent it, or an earlier life did as soon as it was wished for."""
    return (command.first_sent_at or trace.since) - CLOCK_SKEW_MAX
