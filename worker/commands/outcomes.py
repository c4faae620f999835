"""The events that record the outcome of a command, made by pure functions from QuickBooks' answers."""

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
from worker.commands.kinds.all import WRITES

SOURCE = "urn:coeffection:dispatcher"


def succeeded(command: Claimed, entity: Entity, now: datetime, *, adopted: bool) -> Event:
    """Return the event that QuickBooks has created or updated the command's object.

    Raises:
        OutcomeUnknown: QuickBooks returned the object, but its fields can't be read.
    """
    kind = WRITES[command.key.kind]
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
    """Return the event that QuickBooks definitely refused the command, with the gate at which the deal now stands."""
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
    """Return the event that the outcome is unknown: the request had no answer, or look-ups have none."""
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
    """Return the event that QuickBooks refuses every request for the company, with the gate at which its deals stand."""
    return _of_company(
        command, catalog.COMPANY_REFUSED, CompanyRefused(command.realm, now, gate, message), now
    )


def company_served(command: Claimed, now: datetime) -> Event:
    """Return the event that QuickBooks serves the company again."""
    return _of_company(command, catalog.COMPANY_SERVED, CompanyServed(command.realm, now), now)


def connection_expired(command: Claimed, now: datetime, reason: str) -> Event:
    """Return the event that the connection's tokens have expired or were revoked."""
    return _of_company(
        command, catalog.CONNECTION_EXPIRED, ConnectionExpired(command.realm, now, reason), now
    )


def _of_company(command: Claimed, event_type: str, fact: Fact, now: datetime) -> Event:
    """Return an event about the command's company; its ID makes it happen at most once an attempt."""
    return own_event(
        event_type,
        fact,
        workspace=command.key.workspace,
        source=SOURCE,
        time=now,
        id=f"{command.request_id}:{event_type.removeprefix(catalog.PREFIX)}:{command.attempts}",
    )


def event_of(command: Claimed, event_type: str, fact: Fact, now: datetime) -> Event:
    """Return an event of the dispatcher about a command, with the command's cause as its cause."""
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
