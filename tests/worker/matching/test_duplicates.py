"""Customers of one company that are probably one: of the same name, or with the same identifier."""

from itertools import permutations
from typing import Any

import pytest

from worker.matching import duplicates as module
from worker.matching.duplicates import Duplicate, duplicate_of, duplicates
from worker.matching.index import KnownCustomer

NAMES = ("Acme Inc", "Quixote Trading", "ACME, Incorporated", "Kestrel Aviation")


def known(*names: str, **fields: Any) -> list[KnownCustomer]:
    return [KnownCustomer(str(number), name, **fields) for number, name in enumerate(names, start=1)]


def pairs(*customers: KnownCustomer) -> list[tuple[str, str]]:
    return [(each.id, each.other) for each in duplicates(customers)]


def test_names_that_are_equal_in_meaning_are_duplicates_and_the_later_customer_is_told_first() -> None:
    assert duplicates(known(*NAMES)) == [
        Duplicate("3", "ACME, Incorporated", "1", "Acme Inc", 99.9, ("same_name",))
    ]


@pytest.mark.parametrize("other", ["Acme Ltd", "Acme Group", "Acme II", "Acmee Inc"])
def test_another_form_or_word_is_no_duplicate(other: str) -> None:
    assert pairs(*known("Acme Inc", other)) == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"email": "ann@acme.example"}, "same_email"),
        ({"phone": "+1 415 555 0132"}, "same_phone"),
        ({"tax_id": "22AAAAA0000A1Z5"}, "same_tax_id"),
    ],
)
def test_customers_with_the_same_identifier_are_duplicates_whatever_their_names_are(
    fields: dict[str, str], reason: str
) -> None:
    (found,) = duplicates(known("Acme Inc", "Quixote", **fields))
    assert reason in found.reasons


def test_a_domain_alone_is_that_of_sister_companies() -> None:
    one, other = known("Acme Hardware", "Quixote")
    assert (
        pairs(*(KnownCustomer(each.id, each.display_name, website="acme.example") for each in (one, other)))
        == []
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"active": False},
        {"parent_id": "9"},
        {"currency": "EUR"},
        {"tax_id": "27BBBBB1111B2Z6"},
    ],
)
def test_customers_that_differ_on_purpose_are_none(fields: dict[str, Any]) -> None:
    one = KnownCustomer("1", "Acme Inc", currency="USD", tax_id="22AAAAA0000A1Z5")
    other = KnownCustomer("2", "Acme", **{"currency": "USD", **fields})
    assert pairs(one, other) == []
    assert duplicate_of(one, other) is None


def test_the_company_name_counts_and_an_identifier_that_many_share_does_not() -> None:
    assert pairs(KnownCustomer("1", "Acme"), KnownCustomer("2", "Ann Lee", company_name="Acme Corp")) == [
        ("2", "1")
    ]
    assert pairs(*known(*(f"Client {number:02}" for number in range(11)), email="books@keeper.example")) == []


def test_of_many_that_are_the_same_each_is_told_once_in_any_order() -> None:
    same = known("Acme", "Acme Inc", "ACME Inc.", "Quixote")
    for order in permutations(same):
        assert sorted(pairs(*order)) == [("2", "1"), ("3", "1")]
    assert pairs(*known("Acme Inc", "Acme Ltd", "Acme")) == [("3", "1")]


def test_the_time_rises_with_the_customers_and_not_with_their_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    original = duplicate_of

    def counted(one: KnownCustomer, other: KnownCustomer) -> Duplicate | None:
        nonlocal compared
        compared += 1
        return original(one, other)

    monkeypatch.setattr(module, "duplicate_of", counted)
    duplicates(
        [KnownCustomer(str(number), f"Person {number}", company_name="Acme") for number in range(5000)]
    )
    assert compared < 5000, "a name that thousands have is compared a hundred times"
