"""Readings: read a company, a customer or an item in QuickBooks, and record it as an event for decisions."""

from datetime import datetime

from events.clock import Clock
from events.contract import catalog
from events.contract.envelope import Event, own_event
from events.contract.quickbooks import ReadingFailed
from worker.commands import outcomes, transitions
from worker.commands.claimed import Claimed
from worker.commands.entities import understood
from worker.commands.kinds.all import READINGS
from worker.commands.transitions import Transition
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import QuickBooksError, Rejected

TOLD_FROM_ATTEMPT = 4


async def read(client: QuickBooksClient, command: Claimed, clock: Clock) -> Event:
    """Read the object of a command; return the event, also if QuickBooks answered that it has no such object.

    Raises:
        QuickBooksError: There was no answer, or one that can't be read.
    """
    kind = READINGS[command.key.kind]
    answer = await kind.ask(client, command)
    now = clock.now()
    with understood(kind.label):
        return outcomes.event_of(command, kind.event, kind.fact(command, answer, now), now)


def again(command: Claimed, error: QuickBooksError, at: datetime, now: datetime) -> Transition:
    """Release a reading to be tried again at `at`, and record its failure at attempts 1, 2, 4, 8 and so on.

    A refusal is recorded from the first attempt, since it may last; any other error from attempt 4.
    """
    refused = isinstance(error, Rejected)
    is_told = command.attempts.bit_count() == 1 and (refused or command.attempts >= TOLD_FROM_ATTEMPT)
    message = error.explanation if isinstance(error, Rejected) else str(error)
    event = _failed(command, message, now) if is_told else None
    return transitions.not_sent(command, at, message, now, look_ups=command.look_ups + 1, event=event)


def _failed(command: Claimed, message: str, now: datetime) -> Event:
    fact = ReadingFailed(command.realm, command.key.kind, command.key.subject, message)
    return own_event(
        catalog.READING_FAILED,
        fact,
        workspace=command.key.workspace,
        source=outcomes.SOURCE,
        time=now,
        id=f"{command.request_id}:reading.failed.v1:{command.attempts}",
    )
