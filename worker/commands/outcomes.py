"""What became of a command, as an event: from QuickBooks' own words, purely."""

from datetime import datetime

import msgspec

from events.contract import catalog
from events.contract.administration import ConnectionExpired
from events.contract.envelope import Event, own_event
from events.contract.quickbooks import (
    CommandRejected,
    CommandUncertain,
    CompanyRefused,
    CompanyServed,
    Holder,
)
from events.contract.values import Fact
from worker.commands.claimed import Claimed
from worker.commands.entities import Entity, understood
from worker.commands.kinds.all import CREATES

SOURCE = "urn:coeffection:dispatcher"


def created(command: Claimed, entity: Entity, now: datetime, *, adopted: bool) -> Event:
    """Say that QuickBooks holds what the command wished for.

    Raises:
        OutcomeUnknown: It holds something, but what it says of it can't be understood.
    """
    kind = CREATES[command.key.kind]
    with understood(kind.entity):
        return event_of(command, kind.event, kind.fact(command, entity, adopted), now)


def rejected(
    command: Claimed,
    now: datetime,
    *,
    gate: str,
    message: str,
    code: str | None = None,
    intuit_tid: str | None = None,
    holder: Holder | None = None,
) -> Event:
    """Say that QuickBooks definitely refused, and at which gate the deal now stands."""
    fact = CommandRejected(
        subject=command.key.subject,
        kind=command.key.kind,
        part=command.key.part,
        generation=command.key.generation,
        realm=command.realm,
        request_id=command.request_id,
        gate=gate,
        message=message,
        code=code,
        intuit_tid=intuit_tid,
        holder=holder,
    )
    return event_of(command, catalog.COMMAND_REJECTED, fact, now)


def uncertain(command: Claimed, now: datetime, message: str, *, look_up_refused: bool = False) -> Event:
    """Say that no answer came, or that QuickBooks would not say whether it has it."""
    fact = CommandUncertain(
        subject=command.key.subject,
        kind=command.key.kind,
        part=command.key.part,
        generation=command.key.generation,
        realm=command.realm,
        request_id=command.request_id,
        message=message,
        look_up_refused=look_up_refused,
    )
    return event_of(command, catalog.COMMAND_UNCERTAIN, fact, now)


def company_refused(command: Claimed, now: datetime, *, gate: str, message: str) -> Event:
    """Say that QuickBooks refuses the whole company, and at which gate everything of it stands."""
    return _of_company(
        command, catalog.COMPANY_REFUSED, CompanyRefused(command.realm, now, gate, message), now
    )


def company_served(command: Claimed, now: datetime) -> Event:
    """Say that QuickBooks serves the company again."""
    return _of_company(command, catalog.COMPANY_SERVED, CompanyServed(command.realm, now), now)


def connection_expired(command: Claimed, now: datetime, reason: str) -> Event:
    """Say that our tokens are no longer good."""
    return _of_company(
        command, catalog.CONNECTION_EXPIRED, ConnectionExpired(command.realm, now, reason), now
    )


def _of_company(command: Claimed, event_type: str, fact: Fact, now: datetime) -> Event:
    """Say something of a company that an attempt met; each attempt says it once."""
    return own_event(
        event_type,
        fact,
        workspace=command.key.workspace,
        source=SOURCE,
        time=now,
        id=f"{command.request_id}:{event_type.removeprefix(catalog.PREFIX)}:{command.attempts}",
    )


def event_of(command: Claimed, event_type: str, fact: Fact, now: datetime) -> Event:
    """Make an event of the dispatcher's about a command, caused by what caused that."""
    suffix = f":{command.attempts}" if event_type == catalog.COMMAND_UNCERTAIN else ""
    event = own_event(
        event_type,
        fact,
        workspace=command.key.workspace,
        source=SOURCE,
        time=now,
        id=f"{command.request_id}:{event_type.removeprefix(catalog.PREFIX)}{suffix}",
    )
    return msgspec.structs.replace(event, extensions={**event.extensions, "causationid": command.cause_id})
