"""Look-ups: search QuickBooks for the object that an earlier attempt may have created or updated.

Only an answer shows that there is no such object. QuickBooks may refuse a query for reasons of its own, such as
another invoice's bad e-mail address; so after several refusals, the look-up also uses other forms of queries.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from events.leases import CLOCK_SKEW_MAX
from worker.commands import updates
from worker.commands.claimed import Claimed
from worker.commands.entities import Entity, sent, understood
from worker.commands.kinds.all import CREATES, UPDATES
from worker.commands.kinds.kind import Form, Trace
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import OBJECT_NOT_FOUND, OutcomeUnknown, Rejected

OTHER_FORMS_AFTER = 3


async def find(client: QuickBooksClient, command: Claimed) -> Entity | None:
    """Return the object that this command, or an earlier generation of it, created; None if QuickBooks has none.

    Of an update, return the object if it was applied, None if it still can be.

    Raises:
        Overtaken: The command is an update that can't be applied any more.
        QuickBooksError: QuickBooks did not answer every query, so the object may exist or not.
    """
    if command.key.kind in UPDATES:
        return await updates.find(client, command)
    own = _trace(command, command.body, command.cause_at)
    traces = (own, *(_trace(command, earlier.body, earlier.cause_at) for earlier in command.earlier))
    if command.named_id is not None:
        named = await _named_by_a_person(client, command, command.named_id, traces)
        if named is not None:
            return named
    for trace in traces:
        found = await _find(client, command, trace)
        if found is not None:
            return found
    return None


def _trace(command: Claimed, body: str, since: datetime) -> Trace:
    first_sent_at = command.first_sent_at
    return Trace(
        sent(body), since, (first_sent_at or since) - CLOCK_SKEW_MAX, was_sent=first_sent_at is not None
    )


async def _named_by_a_person(
    client: QuickBooksClient, command: Claimed, named_id: str, traces: Sequence[Trace]
) -> Entity | None:
    """Return the object that a person named, if QuickBooks has it and this command or an earlier generation created it."""
    kind = CREATES[command.key.kind]
    try:
        entity = await client.read(command.realm, kind.entity, named_id)
    except (Rejected, OutcomeUnknown):
        return None  # the look-up continues without the ID that the person named
    return entity if any(kind.is_ours(command, entity, trace) for trace in traces) else None


async def _find(client: QuickBooksClient, command: Claimed, trace: Trace) -> Entity | None:
    kind = CREATES[command.key.kind]
    refused: Rejected | OutcomeUnknown | None = None
    others = kind.other_forms(trace) if command.look_ups >= OTHER_FORMS_AFTER else ()
    for form in (*kind.forms(trace), *others):
        try:
            async for entity in _asked(client, command.realm, kind.entity, form):
                with understood(kind.entity):
                    ours = kind.is_ours(command, entity, trace)
                if ours:
                    return entity
        except (Rejected, OutcomeUnknown) as error:
            refused = refused or error
            continue
        if form.tells_absence:
            return None
    raise refused or OutcomeUnknown("Nothing that was asked tells whether it is there")


async def _asked(client: QuickBooksClient, realm: str, entity: str, form: Form) -> AsyncIterator[Entity]:
    """Send the queries of a form, and yield the objects of their answers.

    Raises:
        QuickBooksError: A request had no answer, or was refused. Objects that were found before it are yielded first.
    """
    refused: Rejected | None = None
    for where in form.queries:
        if not form.one_by_one:
            async for page in client.query_pages(realm, entity, where):
                for found in page:
                    yield found
            continue
        async for page in client.query_pages(realm, entity, where, fields=("Id",)):
            for row in page:
                try:
                    yield await client.read(realm, entity, row["Id"])
                except Rejected as error:
                    refused = refused if error.code == OBJECT_NOT_FOUND else error
    if refused is not None:
        raise refused
