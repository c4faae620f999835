"""Merging: duplicates become one entry, which takes over all that refers to them."""

from typing import Any

import pytest

from tests.worker.sandbox.app import App, fault, invoice, line
from worker.sandbox import accountant
from worker.sandbox.faults import Fault


def merge(app: App, entity: str, gone: str, stays: str) -> dict[str, Any]:
    """Merge two entries as the accountant does."""
    return accountant.merge(app.company, entity, gone, stays, app.clock.now())


def test_the_invoices_of_a_merged_customer_are_the_others(app: App) -> None:
    for customer in ("1", "2"):
        app.made("Invoice", invoice(CustomerRef={"value": customer}))
    below = app.made("Customer", {"DisplayName": "Kitchen", "ParentRef": {"value": "1"}, "Job": True})
    merged = merge(app, "Customer", "1", "2")
    assert (merged["Id"], merged["SyncToken"], merged["Balance"]) == ("2", "1", 200)
    assert fault(app.call("GET", "customer/1")) == "610"
    assert app.rows(r"SELECT * FROM Customer WHERE DisplayName = 'Amy\'s Bird Sanctuary'") == []
    found = app.rows("SELECT * FROM Invoice")
    assert {each["CustomerRef"]["name"] for each in found} == {"Cool Cars"}
    assert {each["SyncToken"] for each in found} == {"0"}
    moved = app.rows(f"SELECT * FROM Customer WHERE Id = '{below['Id']}'")  # noqa: S608 - an Id of our own
    assert moved[0]["FullyQualifiedName"] == "Cool Cars:Kitchen"
    app.made("Customer", {"DisplayName": "Amy's Bird Sanctuary"})


def test_a_merge_is_one_change_of_the_entry_that_stays(app: App) -> None:
    app.made("Invoice", invoice())
    position = len(app.company.journal)
    merge(app, "Customer", "1", "2")
    [change] = app.company.journal.after(position)
    assert (change.operation, change.identifier, change.deleted_id) == ("Merge", "2", "1")
    app.sandbox.change_traits(app.company.realm, {"merges_change_transactions": True})
    position = len(app.company.journal)
    new = app.made("Customer", {"DisplayName": "Third"})
    merge(app, "Customer", "2", new["Id"])
    assert [(each.operation, each.entity) for each in app.company.journal.after(position)] == [
        ("Create", "Customer"),
        ("Update", "Invoice"),
        ("Merge", "Customer"),
    ]


def test_the_lines_of_a_merged_item_are_the_others(app: App) -> None:
    made = app.made("Invoice", invoice(line(ItemRef={"value": "1"}), line(ItemRef={"value": "2"})))
    merge(app, "Item", "2", "1")
    [found] = app.rows("SELECT * FROM Invoice")
    assert [each["SalesItemLineDetail"]["ItemRef"]["value"] for each in found["Line"][:2]] == ["1", "1"]
    assert found["TotalAmt"] == made["TotalAmt"]
    items = {posting.item for _, posting in app.company.ledger.postings() if posting.item}
    assert items == {"1"}


def test_lines_without_an_item_have_the_first_service_that_is_left(app: App) -> None:
    merge(app, "Item", "1", "2")
    made = app.made("Invoice", invoice())
    assert made["Line"][0]["SalesItemLineDetail"]["ItemRef"] == {"value": "2", "name": "Hours"}
    app.made("Customer", {"DisplayName": "Old friend", "Balance": 5})


@pytest.mark.parametrize("case", ["itself", "below", "currency", "type", "unknown"])
def test_entries_that_do_not_become_one(uk: App, case: str) -> None:
    below = uk.made("Customer", {"DisplayName": "B", "ParentRef": {"value": "1"}, "Job": True})["Id"]
    euro = uk.made("Customer", {"DisplayName": "C", "CurrencyRef": {"value": "EUR"}})["Id"]
    category = uk.made("Item", {"Name": "Hardware", "Type": "Category"})["Id"]
    pairs = {
        "itself": ("Customer", "1", "1"),
        "below": ("Customer", "1", below),
        "currency": ("Customer", "1", euro),
        "type": ("Item", "1", category),
        "unknown": ("Customer", "1", "99"),
    }
    with pytest.raises(Fault) as refused:
        merge(uk, *pairs[case])
    assert refused.value.code == ("2500" if case == "unknown" else "6000")


def test_transactions_do_not_become_one(app: App) -> None:
    first, second = (app.made("Invoice", invoice())["Id"] for _ in range(2))
    before = app.company.books()
    with pytest.raises(Fault, match="not supported"):
        merge(app, "Invoice", first, second)
    assert app.company.books() == before


def test_balances_of_customers_below_count_with_those_above(app: App) -> None:
    kitchen = app.made("Customer", {"DisplayName": "Kitchen", "ParentRef": {"value": "1"}, "Job": True})
    sink = {"DisplayName": "Sink", "ParentRef": {"value": kitchen["Id"]}, "Job": True}
    app.made("Invoice", invoice(CustomerRef={"value": app.made("Customer", sink)["Id"]}))
    app.made("Invoice", invoice())
    found = {each["DisplayName"]: each for each in app.rows("SELECT * FROM Customer")}
    assert (found["Amy's Bird Sanctuary"]["Balance"], found["Amy's Bird Sanctuary"]["BalanceWithJobs"]) == (
        100,
        200,
    )
    assert (found["Kitchen"]["Balance"], found["Kitchen"]["BalanceWithJobs"]) == (0, 100)
    assert found["Sink"]["Level"] == 2
