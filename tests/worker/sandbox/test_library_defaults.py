"""Values that client libraries send for properties that nobody set."""

import pytest

from tests.worker.sandbox.app import App, decoded, invoice, line


@pytest.mark.parametrize("unset", [{"Qty": 0, "UnitPrice": 0}, {"TaxInclusiveAmt": 0}])
def test_zeros_beside_an_amount_are_not_meant(app: App, unset: dict[str, int]) -> None:
    made = app.made("Invoice", invoice(line(100, **unset)))
    assert (made["TotalAmt"], made["Line"][0]["Amount"]) == (100, 100)
    assert not unset.keys() & made["Line"][0]["SalesItemLineDetail"].keys()


@pytest.mark.parametrize("detail", [{"Qty": 0, "UnitPrice": 5}, {"Qty": 2, "UnitPrice": 0}])
def test_a_zero_beside_a_quantity_or_a_price_is_meant(app: App, detail: dict[str, int]) -> None:
    assert app.refused("Invoice", invoice(line(100, **detail, TaxInclusiveAmt=0))) == "6070"
    kept = app.made("Invoice", invoice(line(0, **detail)))["Line"][0]["SalesItemLineDetail"]
    assert {name: kept[name] for name in detail} == detail


def test_gross_amounts_of_zero_leave_the_net_ones() -> None:
    uk = App("uk")
    uk.made("Customer", {"DisplayName": "Pay-per-view Plc", "CurrencyRef": {"value": "GBP"}})
    [code] = uk.rows("SELECT Id FROM TaxCode WHERE Name LIKE '20.0%'")
    customer = uk.rows("SELECT Id FROM Customer WHERE DisplayName = 'Pay-per-view Plc'")[0]
    fields = invoice(
        line(100, Qty=1, UnitPrice=100, TaxInclusiveAmt=0, TaxCodeRef={"value": code["Id"]}),
        CustomerRef={"value": customer["Id"]},
        CurrencyRef={"value": "GBP"},
        GlobalTaxCalculation="TaxInclusive",
    )
    assert uk.made("Invoice", fields)["TotalAmt"] == 100


def test_the_type_of_a_reference_is_dropped_where_only_one_is_possible(app: App) -> None:
    reference = {"value": "1", "name": "whatever", "type": "Customer"}
    made = app.made("Invoice", invoice(CustomerRef=reference))
    assert made["CustomerRef"] == {"value": "1", "name": "Amy's Bird Sanctuary"}


def test_objects_without_any_value_are_none(app: App) -> None:
    empty = {"PrimaryEmailAddr": {"Address": ""}, "BillAddr": {"Line1": "", "City": None}, "WebAddr": {}}
    made = app.made("Customer", {"DisplayName": "Acme", **empty})
    assert not empty.keys() & made.keys()
    kept = app.made("Customer", {**made, "BillAddr": {"Line1": "1 Main St"}, "sparse": True})
    changed = {"Id": made["Id"], "SyncToken": kept["SyncToken"], "sparse": True, "BillAddr": {"Line1": ""}}
    assert app.made("Customer", changed)["BillAddr"].keys() == {
        "Id"
    }  # an erased address stays the same object


def test_preferences_that_quickbooks_does_not_say_can_be_sent(app: App) -> None:
    sent = {"SalesFormsPrefs": {"DefaultShippingAccount": False, "EstimateMessage": ""}, "SyncToken": "0"}
    assert "DefaultShippingAccount" not in app.made("Preferences", sent)["SalesFormsPrefs"]


@pytest.mark.parametrize(
    ("fields", "linked"),
    [
        ({"BillEmail": {"Address": "a@b.example"}}, True),
        ({}, False),
        ({"BillEmail": {"Address": "a@b.example"}, "AllowOnlineACHPayment": False}, True),
        (
            {
                "BillEmail": {"Address": "a@b.example"},
                "AllowOnlineACHPayment": False,
                "AllowOnlineCreditCardPayment": False,
            },
            False,
        ),
    ],
)
def test_an_invoice_that_can_be_paid_online_tells_its_link_on_demand(
    app: App, fields: dict[str, object], linked: bool
) -> None:
    made = app.made("Invoice", invoice(**fields))
    read = decoded(app.call("GET", f"invoice/{made['Id']}", include="invoiceLink"))["Invoice"]
    assert ("InvoiceLink" in read) is linked
    assert "InvoiceLink" not in decoded(app.call("GET", f"invoice/{made['Id']}"))["Invoice"]
