"""The properties that answers have.

They are those of recorded answers of a US company in 2026, of a Canadian one in 2016, and of lists in 2013 to 2020; where
nothing was recorded, those of the samples in Intuit's reference.
"""

from typing import Any

import pytest

from tests.worker.sandbox.app import App, decoded, discount, invoice, line
from tests.worker.sandbox.transactions import account, entry, now, paid, payment

OBJECT = frozenset({"Id", "SyncToken", "MetaData", "domain", "sparse"})


def names(text: str) -> frozenset[str]:
    """Return the properties of an object: some of its own, and those that every object has."""
    return OBJECT | set(text.split())


FORM = names(
    "CustomerRef TxnDate DocNumber CurrencyRef Line TxnTaxDetail TotalAmt ShipFromAddr FreeFormAddress CustomField "
    "ApplyTaxAfterDiscount PrintStatus EmailStatus"
)
_PEOPLE = "DisplayName Active Balance CurrencyRef PrintOnCheckName"
_CUSTOMER = (
    "BalanceWithJobs Taxable Job BillWithParent PreferredDeliveryMethod IsProject FullyQualifiedName "
    "DefaultTaxCodeRef"
)
# What QuickBooks adds to an object that is created with as little as it takes, beside what every object has.
MINIMAL: dict[str, tuple[dict[str, Any], str]] = {
    "Class": ({"Name": "K"}, "Name Active SubClass FullyQualifiedName"),
    "Customer": ({"DisplayName": "New"}, f"{_PEOPLE} {_CUSTOMER}"),
    "Department": ({"Name": "D"}, "Name Active SubDepartment FullyQualifiedName"),
    "Employee": (
        {"GivenName": "Ann", "FamilyName": "Lee"},
        "GivenName FamilyName DisplayName PrintOnCheckName Active BillableTime",
    ),
    "PaymentMethod": ({"Name": "P"}, "Name Active Type"),
    "TaxAgency": ({"DisplayName": "T"}, "DisplayName TaxTrackedOnSales TaxTrackedOnPurchases"),
    "Term": ({"Name": "T", "DueDays": 5}, "Name Active Type DueDays DiscountPercent"),
    "Vendor": ({"DisplayName": "New"}, f"{_PEOPLE} BillRate CostRate Vendor1099 V4IDPseudonym"),
}


@pytest.mark.parametrize("entity", sorted(MINIMAL))
def test_entries_of_lists_have_what_quickbooks_adds(app: App, entity: str) -> None:
    fields, added = MINIMAL[entity]
    assert app.made(entity, fields).keys() == names(added)


def test_accounts_lack_the_time_of_the_last_change_when_they_are_created(app: App) -> None:
    made = app.made("Account", {"Name": "Cash", "AccountType": "Bank"})
    added = "Active SubAccount FullyQualifiedName Classification AccountSubType CurrencyRef CurrentBalance"
    assert made.keys() == names(f"Name AccountType {added} CurrentBalanceWithSubAccounts")
    assert (made["MetaData"].keys(), made["AccountSubType"]) == ({"CreateTime"}, "CashOnHand")
    below = {"Name": "Till", "AccountType": "Bank", "SubAccount": True, "ParentRef": {"value": made["Id"]}}
    assert app.made("Account", below).keys() == made.keys() | {"ParentRef"}
    [found] = app.rows("SELECT * FROM Account WHERE Name = 'Cash'")
    assert found["MetaData"].keys() == {"CreateTime", "LastUpdatedTime"}


def test_items_have_what_fits_their_type_and_place(app: App) -> None:
    income = account(app, "SalesOfProductIncome")
    service = app.made("Item", {"Name": "S", "Type": "Service", "IncomeAccountRef": income})
    added = "Active FullyQualifiedName Taxable UnitPrice PurchaseCost TrackQtyOnHand DeferredRevenue"
    assert service.keys() == names(f"Name Type IncomeAccountRef {added}")
    category = app.made("Item", {"Name": "Trees", "Type": "Category"})
    assert category.keys() == names("Name Type Active FullyQualifiedName")
    place = {"SubItem": True, "ParentRef": {"value": category["Id"]}}
    below = app.made("Item", {"Name": "Cedar", "Type": "Category", **place})
    assert below.keys() == category.keys() | {"SubItem", "ParentRef", "Level"}


FORMS = {
    "CreditMemo": "RemainingCredit Balance",
    "Estimate": "TxnStatus",
    "Invoice": "AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment AllowOnlineACHPayment LinkedTxn DueDate "
    "Balance",
    "SalesReceipt": "Balance DepositToAccountRef",
}


@pytest.mark.parametrize("entity", sorted(FORMS))
def test_sales_forms_have_what_quickbooks_adds(app: App, entity: str) -> None:
    made = app.made(entity, invoice())
    assert made.keys() == FORM | set(FORMS[entity].split())
    assert (made["CustomField"], made["TxnTaxDetail"]) == ([], {"TotalTax": 0})
    assert made["ShipFromAddr"].keys() == {"Id", "Line1", "Line2"}
    assert made["ShipFromAddr"]["Line2"] == "Mountain View, CA  94043"


def test_a_refund_receipt_has_no_status_of_an_email(app: App) -> None:
    made = app.made("RefundReceipt", invoice(DepositToAccountRef=account(app, "Checking")))
    assert made.keys() == FORM - {"EmailStatus"} | {"Balance", "DepositToAccountRef"}


def test_forms_outside_the_us_say_how_tax_is_meant(uk: App) -> None:
    coded = line(100, TaxCodeRef={"value": "1"})
    made = uk.made("Invoice", invoice(coded, CurrencyRef={"value": "GBP"}, ApplyTaxAfterDiscount=True))
    american = App().made("Invoice", invoice()).keys()
    of_both = {"GlobalTaxCalculation", "ExchangeRate", "HomeTotalAmt", "HomeBalance"}
    assert made.keys() == american - {"ApplyTaxAfterDiscount", "ShipFromAddr"} | of_both


def test_lines_are_numbered_with_those_of_bundles_before_the_subtotal_and_the_discount(app: App) -> None:
    part = {"ItemRef": {"value": "1"}, "Qty": 1}
    bundle = {"Name": "B", "Type": "Group", "ItemGroupDetail": {"ItemGroupLine": [part, part]}}
    group = {"GroupItemRef": {"value": app.made("Item", bundle)["Id"]}}
    text = {"DetailType": "DescriptionOnly", "Description": "As agreed"}
    less = discount(percent=10)
    grouped = {"DetailType": "GroupLineDetail", "GroupLineDetail": group}
    made = app.made("Invoice", invoice(line(100), less, grouped, text))
    sold, bundled, said, subtotal, taken = made["Line"]
    inside = bundled["GroupLineDetail"]["Line"]
    numbered = (sold, bundled, *inside, said)
    assert [(each["Id"], each["LineNum"]) for each in numbered] == [(str(n), n) for n in range(1, 6)]
    assert all(each["CustomExtensions"] == [] for each in numbered)
    assert said["DescriptionLineDetail"] == {}
    assert subtotal.keys() == {"Amount", "DetailType", "SubTotalLineDetail"}
    assert taken.keys() == {"Amount", "DetailType", "DiscountLineDetail"}
    assert sold["SalesItemLineDetail"]["TaxCodeRef"] == {"value": "NON"}
    again = app.made("Invoice", {**made, "sparse": True})
    assert again == made, "an invoice that is read and written back stays as it is"


def test_payments_say_where_money_goes_if_there_is_money(app: App) -> None:
    added = "CustomerRef TotalAmt UnappliedAmt ProcessPayment TxnDate CurrencyRef Line DepositToAccountRef"
    made = app.made("Payment", payment(100))
    assert made.keys() == names(added)
    assert made["Line"] == []
    billed, memo = app.made("Invoice", invoice()), app.made("CreditMemo", invoice())
    nothing = app.made("Payment", payment(0, paid(billed["Id"], 5), paid(memo["Id"], 5, "CreditMemo")))
    assert nothing.keys() == made.keys() - {"DepositToAccountRef"}
    assert nothing["Line"][0].keys() == {"Amount", "LinkedTxn", "LineEx"}


def test_deposits_and_journal_entries_have_an_empty_tax_detail(app: App) -> None:
    bank, income = account(app, "Checking"), account(app, "SalesOfProductIncome")
    other = {"Amount": 7, "DetailType": "DepositLineDetail", "DepositLineDetail": {"AccountRef": income}}
    received = app.made("Payment", payment(100, PaymentRefNum="17"))
    lines = [other, paid(received["Id"], 100, "Payment")]
    made = app.made("Deposit", {"DepositToAccountRef": bank, "Line": lines})
    assert made.keys() == names("DepositToAccountRef TotalAmt TxnDate CurrencyRef Line TxnTaxDetail")
    first, second = made["Line"]
    assert first.keys() == {"Amount", "LinkedTxn", "DepositLineDetail"}
    assert first["DepositLineDetail"] == {"CheckNum": "17"}
    assert second.keys() == {*other, "Id", "LineNum", "CustomExtensions"}
    made = app.made("JournalEntry", {"Line": [entry("Debit", 5, bank), entry("Credit", 5, income)]})
    assert made.keys() == names("Adjustment TotalAmt TxnDate CurrencyRef Line TxnTaxDetail")
    assert made["TxnTaxDetail"] == {}
    assert made["Line"][0].keys() == {*entry("Debit", 5, bank), "Id", "CustomExtensions"}


def test_answers_of_one_operation_lack_what_others_have(app: App) -> None:
    customer = app.made("Customer", {"DisplayName": "New"})
    read = decoded(app.call("GET", f"customer/{customer['Id']}"))["Customer"]
    [row] = app.rows("SELECT * FROM Customer WHERE DisplayName = 'New'")
    assert read.keys() == customer.keys() | {"V4IDPseudonym"}
    assert row.keys() == read.keys() - {"DefaultTaxCodeRef"} | {"ClientEntityId"}
    [row] = app.rows("SELECT *, DefaultTaxCodeRef FROM Customer WHERE DisplayName = 'New'")
    assert "DefaultTaxCodeRef" in row, "a query can name it"
    vendor = app.made("Vendor", {"DisplayName": "V"})
    [row] = app.rows("SELECT * FROM Vendor WHERE DisplayName = 'V'")
    assert row.keys() == vendor.keys() - {"BillRate", "CostRate"}
    [item, *_] = app.rows("SELECT * FROM Item")
    read = decoded(app.call("GET", f"item/{item['Id']}"))["Item"]
    assert item.keys() == read.keys() - {"DeferredRevenue"}


def test_invoices_alone_say_who_changed_them_except_when_they_are_sent(app: App) -> None:
    made = app.made("Invoice", invoice(BillEmail={"Address": "a@b.example"}, EmailStatus="NeedToSend"))
    assert made["DeliveryInfo"] == {"DeliveryType": "Email"}
    times = {"CreateTime", "LastUpdatedTime"}
    assert made["MetaData"].keys() == times | {"LastModifiedByRef"}
    sent = decoded(app.call("POST", f"invoice/{made['Id']}/send"))["Invoice"]
    assert (sent["MetaData"].keys(), made.keys() - sent.keys()) == (times, {"FreeFormAddress"})
    for entity, fields in (("Customer", {"DisplayName": "New"}), ("Payment", payment(5))):
        assert app.made(entity, fields)["MetaData"].keys() == times


def test_addresses_have_ids_and_invoices_those_of_their_customers(app: App) -> None:
    address = {"Line1": "1 Main Street"}
    customer = app.made("Customer", {"DisplayName": "New", "BillAddr": address, "ShipAddr": address})
    bill, ship = customer["BillAddr"], customer["ShipAddr"]
    assert (bill, ship) == ({"Id": "2", **address}, {"Id": "3", **address})
    to = {"CustomerRef": {"value": customer["Id"]}}
    made = app.made("Invoice", invoice(**to))
    assert (made["BillAddr"], made["ShipAddr"], made["FreeFormAddress"]) == (bill, ship, True)
    assert app.made("Invoice", {**made, "sparse": True}) == made
    moved = app.made("Invoice", now(made, BillAddr={"Line1": "2 Main Street"}))
    assert moved["BillAddr"]["Id"] not in {"2", "3"}, "the customer's stays as it is"
    whole = {name: value for name, value in moved.items() if not name.endswith("Addr")}
    whole = app.made("Invoice", whole | {"sparse": False})
    assert (whole["BillAddr"], whole["ShipFromAddr"]) == (bill, made["ShipFromAddr"]), (
        "a full update has them again"
    )
    moved = app.made("Customer", now(customer, BillAddr={"Line1": "2 Main Street"}))
    assert moved["BillAddr"] == {"Id": "2", "Line1": "2 Main Street"}


def test_some_references_say_names_and_others_do_not(app: App) -> None:
    above = app.made("Customer", {"DisplayName": "Above", "SalesTermRef": {"value": "3"}})
    job = {"DisplayName": "Job", "Job": True, "ParentRef": {"value": above["Id"]}}
    below = app.made("Customer", job)
    assert (below["ParentRef"], above["SalesTermRef"]) == ({"value": above["Id"]}, {"value": "3"})
    taxed = line(100, TaxCodeRef={"value": "TAX"})
    made = app.made(
        "Invoice", invoice(taxed, CustomerRef={"value": below["Id"]}, SalesTermRef={"value": "3"})
    )
    assert made["CustomerRef"] == {"value": below["Id"], "name": "Job"}, "without the customer above it"
    assert made["SalesTermRef"] == {"value": "3", "name": "Net 30"}
    assert made["TxnTaxDetail"]["TxnTaxCodeRef"] == {"value": "2"}
    assert made["TxnTaxDetail"].keys() == {"TxnTaxCodeRef", "TotalTax", "TaxLine"}


@pytest.mark.parametrize(
    ("entity", "others"),
    [
        ("Invoice", {"startPosition", "totalCount"}),
        ("TaxCode", {"startPosition", "totalCount"}),
        ("Customer", {"startPosition"}),
        ("Preferences", set[str]()),
        ("CompanyInfo", set[str]()),
    ],
)
def test_answers_of_queries_say_how_much_they_hold(app: App, entity: str, others: set[str]) -> None:
    app.made("Invoice", invoice())
    response = decoded(app.call("GET", "query", query=f"SELECT * FROM {entity}"))["QueryResponse"]  # noqa: S608 - of the list above
    assert response.keys() == {entity, "maxResults"} | others


def test_the_codes_of_lines_in_the_us_are_hardly_objects(app: App) -> None:
    taxable, *_, numbered = app.rows("SELECT * FROM TaxCode")
    pseudo = {"Id", "Name", "Description", "Taxable", "TaxGroup", "MetaData"}
    assert taxable.keys() == pseudo
    of_codes = {"Active", "Hidden", "SalesTaxRateList", "PurchaseTaxRateList", "TaxCodeConfigType"}
    assert numbered.keys() == OBJECT | pseudo | of_codes


def test_exchange_rates_have_no_id(uk: App) -> None:
    found = decoded(uk.call("GET", "exchangerate", sourcecurrencycode="EUR"))["ExchangeRate"]
    said = {"SourceCurrencyCode", "TargetCurrencyCode", "AsOfDate", "Rate"}
    assert found.keys() == OBJECT - {"Id"} | said
    assert found["MetaData"].keys() == {"LastUpdatedTime"}


def test_printed_names_are_those_of_companies_then_of_people(app: App) -> None:
    parts = {"GivenName": "Ann", "FamilyName": "Lee"}
    people: tuple[dict[str, str], ...] = ({}, parts, {**parts, "CompanyName": "Lee & Co"})
    made = [app.made("Customer", {"DisplayName": f"C{n}", **each}) for n, each in enumerate(people)]
    assert [each["PrintOnCheckName"] for each in made] == ["C0", "Ann Lee", "Lee & Co"]
