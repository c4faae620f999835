"""What became of a command, as an event: from QuickBooks' own words, purely."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from events import catalog
from events.envelope import Event, own_event
from events.quickbooks import (
    CommandRejected,
    CommandUncertain,
    CustomerCreated,
    InvoiceCreated,
    ItemCreated,
)
from events.values import Amount, Fact
from worker.commands.claims import Claimed
from worker.commands.identity import marker

SOURCE = "urn:coeffection:dispatcher"
ENTITY = {"create_invoice": "Invoice", "create_customer": "Customer", "create_item": "Item"}

Entity = dict[str, Any]


def created(command: Claimed, entity: Entity, now: datetime, *, adopted: bool) -> Event:
    """Say that QuickBooks holds what the command wished for."""
    if command.key.kind == "create_invoice":
        return event_of(command, catalog.INVOICE_CREATED, _invoice(command, entity, adopted=adopted), now)
    if command.key.kind == "create_customer":
        customer = CustomerCreated(
            account_id=command.key.subject,
            realm=command.realm,
            request_id=command.request_id,
            customer_id=entity["Id"],
            display_name=entity["DisplayName"],
            currency=reference(entity, "CurrencyRef"),
            adopted=adopted,
        )
        return event_of(command, catalog.CUSTOMER_CREATED, customer, now)
    item = ItemCreated(
        product_id=command.key.subject,
        realm=command.realm,
        request_id=command.request_id,
        item_id=entity["Id"],
        name=entity["Name"],
        type=entity["Type"],
        adopted=adopted,
    )
    return event_of(command, catalog.ITEM_CREATED, item, now)


def rejected(
    command: Claimed,
    now: datetime,
    *,
    gate: str,
    message: str,
    code: str | None = None,
    intuit_tid: str | None = None,
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
    )
    return event_of(command, catalog.COMMAND_REJECTED, fact, now)


def uncertain(command: Claimed, now: datetime, message: str) -> Event:
    """Say that no answer came."""
    fact = CommandUncertain(
        subject=command.key.subject,
        kind=command.key.kind,
        part=command.key.part,
        generation=command.key.generation,
        realm=command.realm,
        request_id=command.request_id,
        message=message,
    )
    return event_of(command, catalog.COMMAND_UNCERTAIN, fact, now)


def is_ours(command: Claimed, entity: Entity) -> bool:
    """Say whether an object carries our mark: of the very same key, and for the same customer."""
    note = "PrivateNote" if command.key.kind == "create_invoice" else "Notes"
    if marker(command.request_id) not in str(entity.get(note) or ""):
        return False
    return command.key.kind != "create_invoice" or reference(entity, "CustomerRef") == reference(
        sent(command), "CustomerRef"
    )


def sent(command: Claimed) -> Entity:
    """Return the frozen body."""
    body: Entity = _decoder.decode(command.body)
    return body


def _invoice(command: Claimed, entity: Entity, *, adopted: bool) -> InvoiceCreated:
    total = Decimal(entity["TotalAmt"])
    tax = Decimal(entity.get("TxnTaxDetail", {}).get("TotalTax") or 0)
    net = total - tax
    expected = net_of(sent(command))
    return InvoiceCreated(
        deal_id=command.key.subject,
        part=command.key.part,
        generation=command.key.generation,
        realm=command.realm,
        request_id=command.request_id,
        invoice_id=entity["Id"],
        customer_id=reference(entity, "CustomerRef") or "",
        currency=reference(entity, "CurrencyRef") or "",
        net=Amount(net),
        tax=Amount(tax),
        total=Amount(total),
        balance=Amount(Decimal(entity.get("Balance", total))),
        txn_date=date.fromisoformat(entity["TxnDate"]),
        due_date=date.fromisoformat(entity["DueDate"]) if entity.get("DueDate") else None,
        doc_number=entity.get("DocNumber") or None,
        adopted=adopted,
        expected=Amount(expected) if expected != net else None,
    )


def net_of(body: Entity) -> Decimal:
    """Add up an invoice before tax: its lines less its discount."""
    signs = {"SalesItemLineDetail": 1, "DiscountLineDetail": -1}
    amounts = (signs.get(line["DetailType"], 0) * Decimal(line["Amount"]) for line in body["Line"])
    return sum(amounts, Decimal(0))


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
