"""What became of a command, as an event: from QuickBooks' own words, purely."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from events.contract import catalog
from events.contract.administration import ConnectionExpired
from events.contract.currencies import in_currency
from events.contract.envelope import Event, own_event
from events.contract.quickbooks import (
    CommandKind,
    CommandRejected,
    CommandUncertain,
    CompanyRefused,
    CompanyServed,
    CustomerCreated,
    Holder,
    InvoiceCreated,
    ItemCreated,
)
from events.contract.values import Fact
from events.errors import InvalidEvent
from worker.commands.claims import Claimed
from worker.quickbooks.errors import OutcomeUnknown

SOURCE = "urn:coeffection:dispatcher"
ENTITY = {"create_invoice": "Invoice", "create_customer": "Customer", "create_item": "Item"}

Entity = dict[str, Any]


def created(command: Claimed, entity: Entity, now: datetime, *, adopted: bool) -> Event:
    """Say that QuickBooks holds what the command wished for.

    Raises:
        OutcomeUnknown: It holds something, but what it says of it can't be understood.
    """
    with understood(ENTITY[command.key.kind]):
        event_type, fact = _CREATED[command.key.kind](command, entity, adopted)
        return event_of(command, event_type, fact, now)


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Make what is odd in an answer one that says nothing: it stops one command, and no other.

    Raises:
        OutcomeUnknown: Something that is always there was missing, or was something else.
    """
    try:
        yield
    except (InvalidEvent, KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        said = error.detail if isinstance(error, InvalidEvent) else repr(error)
        raise OutcomeUnknown(f"QuickBooks' answer about {what} could not be read: {said}") from error


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


def sent(body: str) -> Entity:
    """Read a frozen body."""
    read: Entity = _decoder.decode(body)
    return read


def _customer(command: Claimed, entity: Entity, adopted: bool) -> tuple[str, Fact]:
    fact = CustomerCreated(
        account_id=catalog.key_of(command.key.subject),
        realm=command.realm,
        request_id=command.request_id,
        customer_id=entity["Id"],
        display_name=entity["DisplayName"],
        currency=reference(entity, "CurrencyRef"),
        adopted=adopted,
    )
    return catalog.CUSTOMER_CREATED, fact


def _item(command: Claimed, entity: Entity, adopted: bool) -> tuple[str, Fact]:
    fact = ItemCreated(
        product_id=catalog.key_of(command.key.subject),
        realm=command.realm,
        request_id=command.request_id,
        item_id=entity["Id"],
        name=entity["Name"],
        type=entity["Type"],
        adopted=adopted,
    )
    return catalog.ITEM_CREATED, fact


def _invoice(command: Claimed, entity: Entity, adopted: bool) -> tuple[str, Fact]:
    total = Decimal(entity["TotalAmt"])
    tax = Decimal(entity.get("TxnTaxDetail", {}).get("TotalTax") or 0)
    net = total - tax
    expected = net_of(sent(command.body))
    currency = reference(entity, "CurrencyRef") or ""
    fact = InvoiceCreated(
        deal_id=catalog.key_of(command.key.subject),
        part=command.key.part,
        generation=command.key.generation,
        realm=command.realm,
        request_id=command.request_id,
        invoice_id=entity["Id"],
        customer_id=reference(entity, "CustomerRef") or "",
        currency=currency,
        net=in_currency(net, currency),
        tax=in_currency(tax, currency),
        total=in_currency(total, currency),
        balance=in_currency(Decimal(entity.get("Balance", total)), currency),
        txn_date=date.fromisoformat(entity["TxnDate"]),
        due_date=date.fromisoformat(entity["DueDate"]) if entity.get("DueDate") else None,
        doc_number=entity.get("DocNumber") or None,
        adopted=adopted,
        expected=in_currency(expected, currency) if expected != net else None,
    )
    return catalog.INVOICE_CREATED, fact


def net_of(body: Entity) -> Decimal:
    """Add up an invoice before tax: its lines less its discount."""
    signs = {"SalesItemLineDetail": 1, "DiscountLineDetail": -1}
    amounts = (signs.get(line["DetailType"], 0) * Decimal(line["Amount"]) for line in body["Line"])
    return sum(amounts, Decimal(0))


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


def reference(entity: Entity, name: str) -> str | None:
    """Return the id that a reference of QuickBooks' holds."""
    found = entity.get(name)
    return str(found["value"]) if isinstance(found, dict) and found.get("value") else None


_decoder = msgspec.json.Decoder(float_hook=Decimal)
_CREATED: dict[CommandKind, Callable[[Claimed, Entity, bool], tuple[str, Fact]]] = {
    "create_invoice": _invoice,
    "create_customer": _customer,
    "create_item": _item,
}
