"""The body of a sparse update of a customer: what it changes, what it erases, and what it leaves alone."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.contract import json
from events.contract.crm import Address
from events.contract.in_step import FieldName
from tests.worker.sandbox.app import App
from worker.quote_to_cash.customers.body import update_body

ADDRESS = {
    "Line1": "1 Main St",
    "Line2": "Floor 2",
    "City": "Austin",
    "CountrySubDivisionCode": "TX",
    "PostalCode": "78701",
    "Country": "USA",
}
MADE: dict[str, Any] = {
    "DisplayName": "Acme",
    "CompanyName": "Acme",
    "PrimaryEmailAddr": {"Address": "ap@acme.example"},
    "PrimaryPhone": {"FreeFormNumber": "+1 555 0100"},
    "BillAddr": ADDRESS,
    "ShipAddr": ADDRESS,
    "Notes": "as it was",
}
PROPERTIES: dict[FieldName, str] = {
    "name": "DisplayName",
    "email": "PrimaryEmailAddr",
    "phone": "PrimaryPhone",
    "billing_address": "BillAddr",
    "shipping_address": "ShipAddr",
}
texts = st.text(max_size=600)
values: dict[FieldName, st.SearchStrategy[Any]] = {
    "name": texts,
    "email": st.none() | texts | st.emails(),
    "phone": st.none() | texts,
    "billing_address": st.none()
    | st.builds(Address, **dict.fromkeys(Address.__struct_fields__, st.none() | texts)),
    "shipping_address": st.none() | st.builds(Address, line1=texts),
}


def body(changed: dict[FieldName, Any], **more: bool) -> dict[str, Any]:
    return update_body("58", 3, changed, **more).body


def updated(changed: dict[FieldName, Any], **traits: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a customer of the sandbox before and after an update."""
    app = App("us")
    app.sandbox.change_traits(app.company.realm, traits)
    before = app.made("Customer", MADE)
    composed = update_body(before["Id"], int(before["SyncToken"]), changed)
    return before, app.made("Customer", json.parse(json.encode_numbers(composed.body).encode()))


def texts_of(customer: dict[str, Any], name: str) -> dict[str, str]:
    return {each: text for each, text in customer.get(name, {}).items() if each != "Id"}


def test_a_body_names_the_version_and_changes_only_what_was_asked() -> None:
    assert body({"name": "Acme  Global"}) == {
        "Id": "58",
        "SyncToken": "3",
        "sparse": True,
        "DisplayName": "Acme Global",
    }
    assert body({"email": "a@x.example; b@x.example", "phone": "+1 555"}) == {
        "Id": "58",
        "SyncToken": "3",
        "sparse": True,
        "PrimaryEmailAddr": {"Address": "a@x.example,b@x.example"},
        "PrimaryPhone": {"FreeFormNumber": "+1 555"},
    }


def test_an_address_is_sent_with_all_its_members() -> None:
    sent = body({"billing_address": Address(line1="2 High St\nYard", city="London")})["BillAddr"]
    assert sent == {
        "Line1": "2 High St",
        "Line2": "Yard",
        **dict.fromkeys(("Line3", "Line4", "Line5", "CountrySubDivisionCode", "PostalCode", "Country"), ""),
        "City": "London",
    }


def test_a_companys_name_follows_where_it_is_the_customers_too() -> None:
    changed: dict[FieldName, Any] = {"name": "x" * 200}
    assert "CompanyName" not in body(changed)
    assert body(changed, renames_company=True)["CompanyName"] == "x" * 100
    assert "CompanyName" not in body({"email": None}, renames_company=True)


@pytest.mark.parametrize("field", [field for field in PROPERTIES if field != "name"])
@pytest.mark.parametrize("value", [None, "", " "])
@pytest.mark.parametrize("merges", [False, True])
def test_an_emptied_field_is_erased_and_the_others_stay(
    field: FieldName, value: str | None, merges: bool
) -> None:
    if field.endswith("address"):
        value = None
    before, after = updated({field: value}, sparse_merges_parts=merges)
    erased = PROPERTIES[field]
    assert texts_of(after, erased) == {}
    kept = [name for name in MADE if name != erased]
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", ":"), ("email", "n/a"), ("phone", "9" * 31), ("name", None)],
)
def test_a_text_that_quickbooks_cannot_have_erases_nothing(field: FieldName, value: str | None) -> None:
    assert body({field: value}) == {"Id": "58", "SyncToken": "3", "sparse": True}
    assert update_body("58", 3, {field: value}).notes != ()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.fixed_dictionaries({}, optional=values), st.booleans())
def test_quickbooks_takes_any_changed_fields_and_stores_them_as_sent(
    changed: dict[FieldName, Any], merges: bool
) -> None:
    before, after = updated(changed, sparse_merges_parts=merges)
    sent = body(changed)
    for name in PROPERTIES.values():
        if isinstance(sent.get(name), dict):
            assert texts_of(after, name) == {each: text for each, text in sent[name].items() if text}
        else:
            assert after[name] == sent.get(name, before[name])
