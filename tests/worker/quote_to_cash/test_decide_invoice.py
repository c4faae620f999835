"""An invoice and its announcements, field by field, for various settings and companies."""

import itertools
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from events.contract import catalog
from events.contract.quickbooks import Named
from events.contract.values import Amount
from tests import stories
from tests.worker.quote_to_cash.given import (
    NOW,
    REALM,
    Decider,
    chosen,
    connected,
    customer_asked,
    customer_created,
    customer_seen,
    given,
    ignored,
    invoice_created,
    item_asked,
    mapped,
    mapped_product,
    observed,
    ordered,
    ready,
    referred,
    unignored,
)
from worker.commands.identity import marker

UK: dict[str, Any] = {
    "country": "GB",
    "home_currency": "GBP",
    "multicurrency": True,
    "tax_codes": (Named("2", "20.0% S"), Named("5", "0.0% Z")),
}


def company(settings: dict[str, str] | None = None, **traits: Any) -> list[Any]:
    """Like `ready`, with other traits of the company and a customer in its home currency."""
    home = traits.get("home_currency", "USD")
    wanted = {"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"} | (settings or {})
    seen = customer_seen(currency=home, reading=9)
    return [chosen(**wanted), connected(), observed(**traits), *referred(), seen]


def quote(**fields: Any) -> dict[str, Any]:
    return {**stories.QUOTE, **fields}


def line(**fields: Any) -> dict[str, Any]:
    return {**stories.LINE, **fields}


def body(decider: Decider) -> dict[str, Any]:
    [only] = decider.bodies()
    return only


@pytest.mark.parametrize("terms", ["Net 30", "net 30", "3"])
def test_terms_are_the_companys_own_by_name_or_id(terms: str) -> None:
    decider = given(*ready(terms=terms), *stories.signed_deal())
    assert body(decider)["SalesTermRef"] == {"value": "3"}


def test_without_a_setting_quickbooks_chooses_the_terms() -> None:
    assert "SalesTermRef" not in body(given(*ready(), *stories.signed_deal()))


def test_terms_that_the_company_does_not_have_hold_until_it_has_them() -> None:
    decider = given(*ready(terms="Net 7"), *stories.signed_deal())
    assert (decider.stands_at(), decider.commanded()) == ("term_not_found", [])
    decider.when(observed(terms=(Named("9", "Net 7"),)))
    assert body(decider)["SalesTermRef"] == {"value": "9"}


@pytest.mark.parametrize(
    ("taxable", "mode", "code"),
    [(True, "exclusive", "TAX"), (False, "exclusive", "NON"), (True, "none", "NON")],
)
def test_in_the_us_a_line_is_taxed_or_not(*, taxable: bool, mode: str, code: str) -> None:
    wanted = quote(tax_mode=mode, lines=[line(taxable=taxable)])
    sent = body(given(*ready(), *stories.signed_deal(quote=wanted)))
    assert sent["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] == {"value": code}
    assert "GlobalTaxCalculation" not in sent


def test_elsewhere_each_line_has_a_tax_code_of_the_companys() -> None:
    lines = [line(tax_code="20.0% s"), line(line_id="2", tax_code="0.0% Z", unit_price="1", quantity="1")]
    wanted = quote(lines=lines, total="600.94")
    sent = body(given(*company(**UK), *stories.signed_deal(currency="GBP", quote=wanted)))
    codes = [row["SalesItemLineDetail"]["TaxCodeRef"]["value"] for row in sent["Line"]]
    assert (codes, sent["GlobalTaxCalculation"]) == (["2", "5"], "TaxExcluded")


def test_elsewhere_without_tax_means_without_tax_codes() -> None:
    wanted = quote(tax_mode="none", lines=[line(tax_code="20.0% S")])
    sent = body(given(*company(**UK), *stories.signed_deal(currency="GBP", quote=wanted)))
    assert "TaxCodeRef" not in sent["Line"][0]["SalesItemLineDetail"]
    assert sent["GlobalTaxCalculation"] == "NotApplicable"


@pytest.mark.parametrize("code", [None, "standard"])
def test_elsewhere_a_line_whose_tax_is_not_known_holds(code: str | None) -> None:
    wanted = quote(lines=[line(tax_code="20.0% S"), line(line_id="2", tax_code=code)], total="1199.88")
    decider = given(*company(**UK), *stories.signed_deal(currency="GBP", quote=wanted))
    assert (decider.stands_at(), decider.commanded()) == ("tax_code_not_mapped", [])


def test_prices_with_tax_in_them_are_not_invoiced_as_if_they_had_none() -> None:
    decider = given(*ready(), *stories.signed_deal(quote=quote(tax_mode="inclusive")))
    assert (decider.stands_at(), decider.commanded()) == ("tax_mode_not_supported", [])


def test_a_billing_schedule_is_not_invoiced_as_if_there_were_none() -> None:
    schedule = [{"entry": 1, "on": "signature", "percent": "50"}]
    decider = given(*ready(), *stories.signed_deal(billing_schedule=schedule), ordered())
    assert (decider.stands_at(), decider.commanded()) == ("schedule_not_supported", [])


CURRENCIES = [
    ("its own", {}, "USD", "USD", None, False),
    ("another, which it does not sell in", {}, "EUR", "EUR", "currency_not_enabled", False),
    ("another, which it sells in", {"multicurrency": True}, "EUR", "EUR", None, True),
    ("its own, where it sells in others", {"multicurrency": True}, "USD", "USD", None, True),
    ("not the customer's", {"multicurrency": True}, "EUR", "USD", "customer_currency_differs", False),
    ("not the customer's either", {"multicurrency": True}, "USD", "EUR", "customer_currency_differs", False),
]


@pytest.mark.parametrize(
    ("traits", "currency", "billed_in", "gate", "said"),
    [case[1:] for case in CURRENCIES],
    ids=[c[0] for c in CURRENCIES],
)
def test_a_deals_currency_is_that_of_company_and_customer(
    traits: dict[str, Any], currency: str, billed_in: str, gate: str | None, *, said: bool
) -> None:
    seen = customer_seen(currency=billed_in, reading=9)
    decider = given(*company(**traits), seen, *stories.signed_deal(currency=currency))
    if gate:
        assert (decider.stands_at(), decider.commanded()) == (gate, [])
    else:
        assert body(decider).get("CurrencyRef") == ({"value": currency} if said else None)


def test_an_invoice_has_a_number_of_ours_where_the_company_asks_for_one() -> None:
    numbered = given(*company(custom_transaction_numbers=True), *stories.signed_deal())
    assert body(numbered)["DocNumber"] == "D-1"
    assert "DocNumber" not in body(given(*ready(), *stories.signed_deal()))


def test_the_note_is_the_memo_and_the_mark() -> None:
    decider = given(
        *ready(memo="PO {po_number} of {deal_name}, {deal_id}"), *stories.signed_deal(po_number="PO-8")
    )
    [command] = decider.commanded()
    assert body(decider)["PrivateNote"] == f"PO PO-8 of Acme renewal, D-1 [q2c:{command.request_id}]"


def test_no_text_of_a_deals_holds_another_deals_mark() -> None:
    [other] = given(*ready(), *stories.signed_deal("D-2")).commanded()
    stolen = f"As agreed in [q2c:{other.request_id}]"
    decider = given(*ready(memo="{deal_name}"), *stories.signed_deal(name=stolen))
    [command] = decider.commanded()
    note = body(decider)["PrivateNote"]
    assert marker(other.request_id) not in note
    assert note.endswith(f" {marker(command.request_id)}")


def test_the_invoice_is_for_the_mapped_customer_and_items() -> None:
    lines = [line(), line(line_id="2", product_id="P-2", quantity="1", unit_price="1")]
    more: list[Any] = [
        mapped_product("P-2", "66"),
        *stories.signed_deal(quote=quote(lines=lines, total="600.94")),
    ]
    sent = body(given(*ready(), mapped("A-1", "88"), mapped("A-2", "99"), *more))
    items = [row["SalesItemLineDetail"]["ItemRef"]["value"] for row in sent["Line"]]
    assert (sent["CustomerRef"], items) == ({"value": "88"}, ["5", "66"])


def test_the_commanded_invoice_is_recorded_as_it_was_sent() -> None:
    discounted = quote(discount={"amount": "99.94"}, total="500.00")
    decider = given(*ready(), *stories.signed_deal(quote=discounted), ordered(), ordered())
    [fact], [command], sent = decider.facts(catalog.INVOICE_COMMANDED), decider.commanded(), body(decider)
    amounts = [row["Amount"] for row in sent["Line"]]
    assert (fact.net, amounts) == (Decimal("500.00"), [Decimal("599.94"), Decimal("99.94")])
    assert (fact.deal_id, fact.account_id, fact.customer_id, fact.currency) == ("D-1", "A-1", "7", "USD")
    assert (fact.realm, fact.request_id, fact.generation) == (REALM, command.request_id, 1)


FIGURES = {
    "invoice_id": "145",
    "customer_id": "7",
    "currency": "CAD",
    "net": Amount("100.01"),
    "tax": Amount("13.02"),
    "total": Amount("113.03"),
    "balance": Amount("50.04"),
    "txn_date": date(2026, 5, 5),
    "due_date": date(2026, 6, 4),
    "doc_number": "1007",
}


def told(event_type: str, **changes: Any) -> dict[str, Any]:
    """Return the announcements of an invoice whose figures all differ."""
    decider = given(*ready(), *stories.signed_deal())
    decider.when(invoice_created(decider.commanded()[0], **FIGURES | changes))
    [fact] = decider.facts(event_type)
    return msgspec.structs.asdict(fact)


def test_the_crm_is_told_quickbooks_own_figures() -> None:
    names = ("invoice_id", "currency", "net", "tax", "total", "due_date", "doc_number")
    assert told(catalog.DEAL_INVOICED) == {
        "deal_id": "D-1",
        "part": 0,
        "realm": REALM,
        "link": f"https://qbo.intuit.com/app/invoice?txnId=145&companyId={REALM}",
        **{name: FIGURES[name] for name in names},
    }


def test_reporting_is_told_quickbooks_own_figures() -> None:
    assert told(catalog.INVOICE_STATE) == {
        "deal_id": "D-1",
        "part": 0,
        "realm": REALM,
        "generation": 1,
        "account_id": "A-1",
        "status": "outstanding",
        **FIGURES,
    }


@pytest.mark.parametrize(("balance", "status"), [("0", "paid"), ("0.00", "paid"), ("0.01", "outstanding")])
def test_the_balance_tells_whether_an_invoice_is_paid(balance: str, status: str) -> None:
    assert told(catalog.INVOICE_STATE, balance=Amount(balance))["status"] == status


def test_of_a_signed_deal_the_crm_is_told_which_contract_won_it_and_when() -> None:
    [won] = given(*ready(), *stories.signed_deal()).facts(catalog.DEAL_CLOSED_WON)
    assert (won.deal_id, won.contract_id, won.at.isoformat()) == ("D-1", "C-D-1", "2026-05-03T00:00:00+00:00")


NAMED = [stories.account(revision=n, name=f"Name {n}", email=f"{n}@acme.example") for n in (1, 2, 3)]


@pytest.mark.parametrize("order", [*itertools.permutations(NAMED)])
def test_a_customer_is_created_from_the_accounts_last_revision_in_any_order_of_arrival(
    order: tuple[Any, ...],
) -> None:
    decider = given(connected(), observed(), *order, customer_asked())
    [sent] = decider.bodies("create_customer")
    assert (sent["DisplayName"], sent["PrimaryEmailAddr"]) == ("Name 3", {"Address": "3@acme.example"})


@pytest.mark.parametrize(
    ("since", "invoiced"),
    [
        ([], "58"),
        ([mapped("A-1", "7")], "7"),
        ([mapped("A-1", "7", currency="EUR")], "58"),
        ([mapped("A-1", "7"), customer_asked("A-1", instead_of="7")], "58"),
        ([ignored(), unignored()], "58"),
    ],
    ids=["alone", "mapped since", "mapped in euros", "asked again", "no longer ignored"],
)
def test_the_created_customer_is_invoiced_unless_the_account_was_mapped_since(
    since: list[Any], invoiced: str
) -> None:
    unmapped = [event for event in ready() if event.type != catalog.ACCOUNT_MAPPED]
    decider = given(*unmapped, stories.account(), customer_asked())
    [command] = decider.commanded("create_customer")
    decider.when(*since, customer_created(command, "58"), *stories.signed_deal())
    assert body(decider)["CustomerRef"] == {"value": invoiced}
    told = {each.currency: each.customer_id for each in decider.facts(catalog.CUSTOMER_LINKED)}
    assert told.get("USD", told.get(None)) == invoiced, "the CRM is told the same"


def test_an_account_that_is_ignored_while_its_customer_is_being_created_gets_none() -> None:
    unmapped = [event for event in ready() if event.type != catalog.ACCOUNT_MAPPED]
    decider = given(*unmapped, stories.account(), customer_asked())
    [command] = decider.commanded("create_customer")
    decider.when(ignored(), customer_created(command, "58"), *stories.signed_deal())
    assert decider.stands_at() == "account_not_mapped"
    assert decider.facts(catalog.CUSTOMER_LINKED) == []


def test_ignoring_an_account_withdraws_the_request_for_its_customer() -> None:
    decider = given(stories.account(), customer_asked(), ignored(), connected(), observed())
    assert decider.commanded("create_customer") == []
    assert len(decider.when(unignored(), customer_asked()).commanded("create_customer")) == 1


def test_an_item_earns_into_the_account_that_was_chosen() -> None:
    chosen_account = chosen(income_account="services")
    decider = given(chosen_account, connected(), observed(), stories.deal(), item_asked())
    [sent] = decider.bodies("create_item")
    assert (sent["Name"], sent["Sku"], sent["IncomeAccountRef"]) == ("Platform seat", "SEAT", {"value": "79"})


def test_a_decision_is_dated_by_its_cause() -> None:
    decider = given(*ready(), *stories.signed_deal(), chosen(memo="-"))
    assert NOW not in {event.time for event in decider.events if event.type == catalog.INVOICE_COMMANDED}


PAUSED: list[Any] = [*ready(paused="true"), *stories.signed_deal()]


def test_a_paused_workspace_commands_nothing_until_it_is_resumed() -> None:
    decider = given(*PAUSED)
    assert (decider.stands_at(), decider.commanded()) == ("paused", [])
    assert len(decider.when(chosen(paused="false")).commanded()) == 1


def test_lines_that_do_not_add_up_are_not_invoiced() -> None:
    for total in ("599.97", "599.91", "599.945"):
        decider = given(*ready(), *stories.signed_deal(quote=quote(total=total)), ordered())
        assert (decider.stands_at(), decider.commanded()) == ("quote_total_differs", []), total
