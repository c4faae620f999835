"""For any text in the CRM, QuickBooks accepts the sent part, and a person can see the omitted part."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.contract import json
from events.contract.crm import AccountUpdated, Address, DealUpdated, Quote
from events.contract.quickbooks import CompanyObserved
from tests import stories
from tests.worker.sandbox.app import App, decoded
from worker.commands.identity import marker
from worker.quote_to_cash.customers.body import customer_body
from worker.quote_to_cash.invoice.body import doc_number, invoice_body
from worker.quote_to_cash.invoice.totals import price
from worker.quote_to_cash.items.body import item_body
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.texts import Fitter, cleaned, distinct, length, shortened
from worker.workspaces.settings import Settings

REQUEST = "0f7b3a2e-5e0b-5f0c-9a51-0c7c2cb2f6a1"
COMPANY = CompanyObserved("1", "Craig's", "US", "USD", False, False, (), (), ())
# Every text that the contract allows, and single surrogates, which it may allow one day.
characters = st.characters(exclude_characters="\0") | st.sampled_from(
    "\ud83d\udc4d👍🏽é\u0301 \u200d\ufe0f:\t\r\n,;@.~"
)
texts = st.text(characters, max_size=300) | st.builds(
    lambda text, times: text * times, st.text(characters, min_size=1, max_size=9), st.integers(1, 1500)
)
optional = st.none() | texts
addresses = st.none() | st.fixed_dictionaries(
    dict.fromkeys(("line1", "line2", "city", "region", "postal_code", "country"), optional)
)


def written(body: dict[str, Any]) -> Any:
    return json.parse(json.encode_numbers(body).encode())


def account(**fields: Any) -> AccountUpdated:
    told = {"account_id": "A-1", "revision": 1, "name": "Acme", **fields}
    return json.convert({key: value for key, value in told.items() if value is not None}, AccountUpdated)


def deal() -> DealUpdated:
    return json.convert(stories.deal()["data"], DealUpdated)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(texts, optional, optional, addresses, addresses)
def test_quickbooks_accepts_a_customer_of_any_account(
    name: str, email: str | None, phone: str | None, billing: Any, shipping: Any
) -> None:
    told = AccountUpdated(
        account_id="A-1",
        revision=1,
        name=name,
        email=email,
        phone=phone,
        billing_address=Address(**billing) if billing else None,
        shipping_address=Address(**shipping) if shipping else None,
    )
    composed = customer_body(told, REQUEST)
    app = App("us")
    made = app.made("Customer", written(composed.body))
    assert made["Notes"].endswith(marker(REQUEST))
    for field, value in written(composed.body).items():
        found = {**made[field], "Id": None} if isinstance(made[field], dict) else made[field]
        sent = {**value, "Id": None} if isinstance(value, dict) else value
        assert found == sent, "it is stored as it was sent, an address with an Id"
    assert composed == customer_body(told, REQUEST)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(optional, optional)
def test_quickbooks_accepts_an_item_of_any_product_name(name: str | None, sku: str | None) -> None:
    app = App("us")
    account_id = next(str(each["Id"]) for each in app.company.every("Account") if each["Name"] == "Services")
    composed = item_body("P-1", Product(name=name, sku=sku), account_id)
    made = app.made("Item", written(composed.body))
    assert made["Name"] == composed.body["Name"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(optional, texts, optional, st.text(characters, min_size=1, max_size=128), texts, optional)
@example("x" * 3999, "n", None, "D-1", "n", None)
@example("{deal_name}" * 270, "{deal_name}" * 45, "{po_number}", "D-{deal_id}", "n", None)
@example("👍" * 2000, "n", None, "D-1", "n", None)
@example("{deal_name}", f"{marker('another')} \n", None, "D-1", "n", None)
@example(" ", " ", " ", " ", "n", None)
def test_the_note_ends_with_the_whole_mark_after_any_memo_and_names(
    memo: str | None, name: str, po_number: str | None, deal_id: str, line_name: str, description: str | None
) -> None:
    quote = json.convert(stories.QUOTE, Quote)
    quote = replace(quote, lines=(replace(quote.lines[0], name=line_name, description=description),))
    told = replace(deal(), name=name, po_number=po_number, deal_id=deal_id, quote=quote)
    priced = price(quote, "USD")
    assert priced is not None
    composed = invoice_body(
        told,
        quote,
        priced,
        customer_id="1",
        items={"P-1": "1"},
        company=COMPANY,
        settings=Settings() if memo is None else Settings(memo=memo),
        part=0,
        generation=1,
        request=REQUEST,
    )
    note = composed.body["PrivateNote"]
    assert note.endswith(marker(REQUEST))
    assert length(note) <= 4000
    assert note.count("[q2c:") == 1, "no other invoice is found by what a memo says"
    made = decoded(App("us").call("POST", "invoice", written(composed.body)))["Invoice"]
    assert made["PrivateNote"] == note
    assert made["Line"][0].get("Description") == composed.body["Line"][0].get("Description")


@given(st.text(characters, min_size=1, max_size=128), st.integers(0, 99), st.integers(1, 99))
def test_a_number_has_at_most_21_characters_and_is_always_the_same(
    deal_id: str, part: int, generation: int
) -> None:
    number = doc_number(cleaned(deal_id), part, generation)
    assert length(number) <= 21
    assert number == doc_number(cleaned(deal_id), part, generation)


@given(texts, st.integers(10, 100))
def test_a_cut_text_is_a_beginning_without_halves_of_characters(text: str, most: int) -> None:
    whole = cleaned(text)
    cut = shortened(whole, most)
    assert whole.startswith(cut)
    assert length(cut) <= most
    assert cut == cut.rstrip()
    assert length(distinct(whole, most)) <= most
    assert cleaned(whole) == whole


def test_names_that_begin_alike_stay_two() -> None:
    one, other = (Fitter().name("The name", "x" * 600 + end, 500, "-") for end in ("1", "2"))
    assert one != other
    assert len(one) == len(other) == 500


EMAILS = [
    ("ap@acme.example", "ap@acme.example", 0),
    ("ap@acme.example; cfo@acme.example", "ap@acme.example,cfo@acme.example", 0),
    ("ap@acme.example cfo@acme.example\nap@acme.example", "ap@acme.example,cfo@acme.example", 0),
    ("Ann Lee <ann@acme.example>", "ann@acme.example", 0),
    ("mailto:ann@acme.example", "ann@acme.example", 0),
    ("n/a", "", 1),
    ("ann@acme", "", 1),
    ("ann@@acme.example", "", 1),
    ("ann.@acme.example, bo@acme.example.", "", 1),
    ("jürgen@acme.example", "", 1),
    (f"{'x' * 92}@b.example", "", 1),
    (f"{'x' * 80}@b.example;{'y' * 80}@b.example;c@d.example", f"{'x' * 80}@b.example", 1),
    (", ;", "", 0),
]


@pytest.mark.parametrize(("told", "sent", "notes"), EMAILS)
def test_the_addresses_in_an_email_field_are_sent_if_they_fit(told: str, sent: str, notes: int) -> None:
    composed = customer_body(account(email=told), REQUEST)
    assert composed.body.get("PrimaryEmailAddr", {}).get("Address", "") == sent
    assert len(composed.notes) == notes


PHONES = [
    ("+1 555 0100", "+1 555 0100"),
    ("+1 555 0100 (office) / +1 555 0199 (mobile)", "+1 555 0100 (office)"),
    ("call reception and ask for the billing desk, +1 555 0100", "+1 555 0100"),
    ("9" * 31, ""),
]


@pytest.mark.parametrize(("told", "sent"), PHONES)
def test_a_telephone_number_is_never_cut(told: str, sent: str) -> None:
    composed = customer_body(account(phone=told), REQUEST)
    assert composed.body.get("PrimaryPhone", {}).get("FreeFormNumber", "") == sent
    assert len(composed.notes) == (told != sent)


def test_an_address_is_spread_over_five_lines_and_a_postal_code_is_whole_or_absent() -> None:
    told = {"line1": "Floor 3\r\nTower B", "line2": "x" * 700, "city": "c" * 300, "postal_code": "9" * 31}
    composed = customer_body(account(billing_address=told), REQUEST)
    assert composed.body["BillAddr"] == {
        "Line1": "Floor 3",
        "Line2": "Tower B",
        "Line3": "x" * 500,
        "Line4": "x" * 200,
        "City": "c" * 255,
    }
    assert composed.notes == (
        "Billing address, city was cut to 255 of 300 characters.",
        "Billing address, postal code was left out: it has 31 characters, and QuickBooks takes 30.",
    )


def test_an_account_without_a_usable_name_is_named_by_its_id() -> None:
    composed = customer_body(account(name=" : \t"), REQUEST)
    assert composed.body["DisplayName"] == "Account A-1"
    assert composed.notes == ("The name is 'Account A-1': the CRM gave none.",)
