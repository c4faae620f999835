"""Values that differ in form alone say the same; values that differ in more do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contract.crm import AccountUpdated, Address
from events.contract.in_step import FieldName
from events.contract.quickbooks import CustomerObserved
from worker.quote_to_cash.in_step.meaning import is_cut, same
from worker.quote_to_cash.in_step.values import FIELDS, crm_value, fitted, quickbooks_value

STREET = Address("1 Main St.", "Suite 5", "Springfield", "IL", "62701", "US")
CUSTOMER = CustomerObserved("1111", "7", display_name="Acme", currency="USD")


@pytest.mark.parametrize(
    ("field", "some", "other"),
    [
        ("name", "Acme Ltd", "ACME  Limited"),
        ("name", "Müller GmbH", "Müller Gmbh."),
        ("name", "☃", "☃ "),
        ("email", "Billing@Acme.example", "billing@acme.example"),
        ("email", "a@x.example, b@x.example", "b@x.example;a@x.example"),
        ("phone", "+1 (555) 123-4567", "555.123.4567"),
        ("phone", "020 7946 0000", "+44 20 7946 0000"),
        ("phone", "555-123-4567 ext. 12", "555 123 4567"),
    ],
)
def test_the_form_of_a_text_is_no_difference(field: FieldName, some: str, other: str) -> None:
    assert same(field, some, other)
    assert same(field, other, some)


@pytest.mark.parametrize(
    ("field", "some", "other"),
    [
        ("name", "Acme Ltd", "Acme Inc"),
        ("name", "Acme", "Acme Holdings"),
        ("name", "Алиса", "Alisa"),
        ("email", "a@x.example", "b@x.example"),
        ("email", "a@x.example", None),
        ("phone", "212-555-0100", "312-555-0100"),
        ("phone", "0100", "212-555-0100"),
        ("phone", "1-800-FLOWERS", "1-800-MATTRES"),
    ],
)
def test_other_texts_differ(field: FieldName, some: str, other: str | None) -> None:
    assert not same(field, some, other)
    assert not same(field, other, some)


def test_the_form_of_an_address_is_no_difference_and_neither_is_a_missing_country() -> None:
    other = Address("1 MAIN ST", None, "springfield", "il", "62701", None)
    assert same("billing_address", STREET, Address("1 Main St, Suite 5", None, "Springfield", "IL", "62701"))
    assert same(
        "billing_address", STREET, Address("1 main st", "suite 5", "Springfield", "IL", "627 01", "USA")
    )
    assert not same("billing_address", STREET, other)
    assert not same("billing_address", STREET, None)
    assert not same(
        "billing_address", Address(city="Paris", country="FR"), Address(city="Paris", country="US")
    )


def test_a_long_beginning_is_a_cut_text_and_a_short_one_is_another() -> None:
    whole = "Acme International Trading Company of Springfield"
    assert is_cut(whole[:30], whole)
    assert not is_cut("Acme", whole)
    assert not is_cut(whole, whole[:30])
    assert is_cut(Address(whole[:25], city="Paris"), Address(whole, city="Paris"))
    assert not is_cut(Address(whole[:25], city="Rome"), Address(whole, city="Paris"))


@given(st.sampled_from(FIELDS), st.text(), st.text())
def test_any_text_is_compared_both_ways_alike(field: FieldName, some: str, other: str) -> None:
    assert same(field, some, some)
    assert same(field, some, other) == same(field, other, some)


def test_quickbooks_own_additions_to_a_name_are_none_of_the_crm_s() -> None:
    euros = CustomerObserved("1111", "8", display_name="Acme (EUR)", currency="EUR")
    deleted = CustomerObserved("1111", "8", display_name="Acme (deleted)", currency="EUR")
    assert quickbooks_value(euros, "name") == quickbooks_value(deleted, "name") == "Acme"
    assert quickbooks_value(CUSTOMER, "name") == "Acme"
    account = AccountUpdated("A-1", 1, "Acme (EUR)")
    assert fitted(account, "name", euros).value == "Acme"
    assert fitted(account, "name", CUSTOMER).value == "Acme (EUR)"


def test_a_value_is_fitted_to_quickbooks_limits_or_says_why_it_can_t() -> None:
    address = Address("a\nb\nc\nd\ne\nf", city="  Paris ")
    account = AccountUpdated("A-1", 1, " : ", email="nobody", phone="5" * 40, billing_address=address)
    found = {field: fitted(account, field, CUSTOMER) for field in FIELDS}
    assert [field for field in FIELDS if found[field].unfit] == ["name", "email", "phone"]
    assert found["billing_address"].value == Address("a", "b, c, d, e", "Paris")
    assert "after 5 lines" in found["billing_address"].notes[0]
    assert found["shipping_address"].value is None
    blank = AccountUpdated("A-1", 1, "Acme", email=" ", billing_address=Address(city=" "))
    assert [crm_value(blank, field) for field in FIELDS] == ["Acme", None, None, None, None]
