"""The announcements to the CRM and reporting are compared with the story."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from events.contract import catalog
from worker.demo import announced, story
from worker.demo.announced import CRM, REPORTING, Announcement
from worker.demo.expected import CompanyBooks
from worker.demo.story import Tale, Twist
from worker.sandbox.openings.seeds import KINDS

NOW = datetime(2026, 5, 5, 15, tzinfo=UTC)
COMPANY = CompanyBooks("acme", "9130", KINDS["us"], {}, {}, {}, {}, "Services")
INVOICE = {
    "Id": "7",
    "DocNumber": "1001",
    "CurrencyRef": {"value": "USD"},
    "CustomerRef": {"value": "4"},
    "TotalAmt": Decimal("108.00"),
    "TxnTaxDetail": {"TotalTax": Decimal("8.00")},
    "TxnDate": "2026-05-05",
    "DueDate": "2026-06-04",
}
FIGURES = {
    "part": 0,
    "realm": "9130",
    "invoice_id": "7",
    "doc_number": "1001",
    "currency": "USD",
    "net": "100.00",
    "tax": "8.00",
    "total": "108.00",
    "due_date": "2026-06-04",
}
LINK = "https://qbo.intuit.com/app/invoice?txnId=7&companyId=9130"


def a_tale(twist: Twist) -> Tale:
    return story.tale(1, twist, Random(1), NOW)


def right(tale: Tale) -> list[Announcement]:
    """Return the announcements of a deal that is won by its contract, and invoiced."""
    contract = tale.contracts[-1]
    won = {"deal_id": tale.deal_id, "contract_id": contract.envelope_id, "at": contract.ended_at.isoformat()}
    state = {
        **FIGURES,
        "deal_id": tale.deal_id,
        "account_id": tale.account_id,
        "customer_id": "4",
        "balance": "108.00",
        "status": "outstanding",
        "txn_date": "2026-05-05",
    }
    return [
        Announcement(catalog.DEAL_CLOSED_WON, CRM, won),
        Announcement(catalog.DEAL_INVOICED, CRM, {**FIGURES, "deal_id": tale.deal_id, "link": LINK}),
        Announcement(catalog.INVOICE_STATE, REPORTING, state),
    ]


def held(*gates: str, remedy: str = "Do this") -> Announcement:
    said = [{"gate": gate, "reason": "Because", "remedy": remedy} for gate in gates]
    return Announcement(catalog.DEAL_INVOICE_HELD, CRM, {"deal_id": "D-001", "part": 0, "gates": said})


def problems(tale: Tale, said: list[Announcement], invoice: dict[str, Any] | None) -> list[str]:
    return list(announced.problems(tale, COMPANY, invoice, said))


def test_a_tale_that_is_right_has_no_problem() -> None:
    tale = a_tale("none")
    assert problems(tale, right(tale), INVOICE) == []
    assert problems(tale, [held("account_not_mapped"), *right(tale)], INVOICE) == []


@pytest.mark.parametrize("place", [1, 2])
@pytest.mark.parametrize("field", [*FIGURES, "link", "account_id", "customer_id", "status", "txn_date"])
def test_a_wrong_figure_is_found(place: int, field: str) -> None:
    tale = a_tale("none")
    said = right(tale)
    if field not in said[place].data:
        return
    said[place] = replace(said[place], data={**said[place].data, field: "0"})
    assert any(f"gets {field} 0" in problem for problem in problems(tale, said, INVOICE))


def test_repeated_missing_and_misdirected_announcements_are_found() -> None:
    tale = a_tale("none")
    said = right(tale)
    for place in range(3):
        assert problems(tale, [*said, said[place]], INVOICE)
        assert problems(tale, [*said[:place], *said[place + 1 :]], INVOICE)
        elsewhere = replace(said[place], topic="crm.account-updates.v1")
        assert problems(tale, [*said[:place], elsewhere, *said[place + 1 :]], INVOICE)
    assert problems(tale, [*said, held("paused")], INVOICE) == [
        "it is announced as held after it was announced as invoiced"
    ]
    assert problems(tale, said, None)


def test_a_deal_is_announced_as_won_by_its_own_contract_at_its_own_instant() -> None:
    tale = a_tale("none")
    won, *others = right(tale)
    for other in ({"contract_id": "another"}, {"at": "2026-05-05T00:00:00Z"}):
        assert problems(tale, [replace(won, data=won.data | other), *others], INVOICE)


@pytest.mark.parametrize("twist", ["declined", "quote_changed", "draft"])
def test_a_held_deal_is_announced_with_its_gate_and_remedy(twist: Twist) -> None:
    tale = a_tale(twist)
    won = right(tale)[:1] if twist == "quote_changed" else []
    if twist == "draft":
        assert problems(tale, won, None) == []
        assert problems(tale, [held("not_won")], None)
        return
    assert problems(tale, [*won, held("paused"), held(*tale.gates)], None) == []
    assert problems(tale, won, None)
    assert problems(tale, [*won, held(*tale.gates), held("paused")], None)
    assert problems(tale, [*won, held(*tale.gates, remedy="")], None)
