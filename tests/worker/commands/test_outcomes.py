"""The outcome of a command records QuickBooks' invoice, customer or item field by field."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from events.contract.quickbooks import CommandKind
from tests.worker.commands.given import claimed_of
from worker.commands import outcomes
from worker.commands.claimed import Claimed
from worker.commands.identity import CommandKey
from worker.commands.kinds.all import CREATES

NOW = datetime.fromisoformat("2026-06-30T12:00:00+00:00")
BODY = """{"CustomerRef":{"value":"58"},"Line":[
 {"DetailType":"SalesItemLineDetail","Amount":110.00,"SalesItemLineDetail":{}},
 {"DetailType":"SalesItemLineDetail","Amount":0.01,"SalesItemLineDetail":{}},
 {"DetailType":"DiscountLineDetail","Amount":10.00,"DiscountLineDetail":{}}]}"""
INVOICE: dict[str, Any] = {
    "Id": "145",
    "DocNumber": "1007",
    "TxnDate": "2026-05-05",
    "DueDate": "2026-06-04",
    "CustomerRef": {"value": "58", "name": "Acme"},
    "CurrencyRef": {"value": "CAD"},
    "TotalAmt": Decimal("113.03"),
    "Balance": Decimal("50.04"),
    "TxnTaxDetail": {"TotalTax": Decimal("13.02")},
}


def command(kind: CommandKind = "create_invoice") -> Claimed:
    of = CREATES[kind]
    key = CommandKey("acme", of.subject("D-1"), of.name, 0, 3)
    return msgspec.structs.replace(claimed_of("46", 1), key=key, body=BODY)


def recorded(
    entity: dict[str, Any], kind: CommandKind = "create_invoice", *, adopted: bool = False
) -> dict[str, Any]:
    event = outcomes.succeeded(command(kind), entity, NOW, adopted=adopted)
    return msgspec.structs.asdict(event.payload)


def test_an_invoice_is_recorded_with_quickbooks_own_figures() -> None:
    assert recorded(INVOICE, adopted=True) == {
        "deal_id": "D-1",
        "part": 0,
        "generation": 3,
        "realm": "46",
        "request_id": command().request_id,
        "invoice_id": "145",
        "customer_id": "58",
        "currency": "CAD",
        "net": Decimal("100.01"),
        "tax": Decimal("13.02"),
        "total": Decimal("113.03"),
        "balance": Decimal("50.04"),
        "txn_date": date(2026, 5, 5),
        "due_date": date(2026, 6, 4),
        "doc_number": "1007",
        "adopted": True,
        "expected": None,
    }


@pytest.mark.parametrize(
    ("left_out", "field", "value"),
    [
        ("DueDate", "due_date", None),
        ("DocNumber", "doc_number", None),
        ("Balance", "balance", Decimal("113.03")),
        ("TxnTaxDetail", "tax", Decimal(0)),
        ("TxnTaxDetail", "net", Decimal("113.03")),
    ],
)
def test_a_field_that_quickbooks_leaves_out_has_its_default(left_out: str, field: str, value: object) -> None:
    entity = {name: value for name, value in INVOICE.items() if name != left_out}
    assert recorded(entity)[field] == value


@pytest.mark.parametrize("total", ["113.02", "113.04"])
def test_another_amount_than_was_decided_is_recorded_beside_it(total: str) -> None:
    found = recorded({**INVOICE, "TotalAmt": Decimal(total)})
    assert (found["expected"], found["net"]) == (Decimal("100.01"), Decimal(total) - Decimal("13.02"))


def test_a_customer_is_recorded_with_its_currency() -> None:
    entity = {"Id": "58", "DisplayName": "Acme", "CurrencyRef": {"value": "EUR"}}
    found = recorded(entity, "create_customer")
    assert (found["customer_id"], found["display_name"], found["currency"]) == ("58", "Acme", "EUR")


def test_an_item_is_recorded_with_its_type() -> None:
    found = recorded({"Id": "19", "Name": "Seat", "Type": "Service"}, "create_item")
    assert (found["item_id"], found["name"], found["type"]) == ("19", "Seat", "Service")


def test_an_outcome_is_named_by_its_command_and_said_once() -> None:
    one, again = (outcomes.succeeded(command(), INVOICE, NOW, adopted=adopted) for adopted in (False, True))
    assert one.id == again.id
    assert one.id == f"{command().request_id}:invoice.created.v1"
