"""Journal entries: debits and credits of accounts, as accountants write them."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import TRANSACTION, Draft, Entity
from worker.sandbox.books.ledger import NOTHING, Posting
from worker.sandbox.sales import basis
from worker.sandbox.sales.lines import TAX_CODE
from worker.sandbox.sales.links import LINKED
from worker.sandbox.sales.numbering import identified
from worker.sandbox.sales.postings import balanced
from worker.sandbox.schema.common import ATTACHABLES, described
from worker.sandbox.schema.kinds import (
    Anything,
    Cents,
    Choice,
    CurrencyCode,
    Day,
    Fields,
    Flag,
    Number,
    Property,
    Ref,
    Several,
    Text,
    Whole,
    group,
)

_PEOPLE = ("Customer", "Vendor", "Employee")
_DETAIL = group(
    Property("PostingType", Choice(("Debit", "Credit"))),
    Property("AccountRef", Ref(("Account",), "Accounts")),
    Property("Entity", group(Property("Type", Choice(_PEOPLE)), Property("EntityRef", Ref(_PEOPLE)))),
    Property("ClassRef", Ref(("Class",), "Klasses")),
    Property("DepartmentRef", Ref(("Department",), "Depts")),
    Property("TaxCodeRef", TAX_CODE),
    Property("TaxApplicableOn", Choice(("Sales", "Purchase"))),
    Property("TaxAmount", Cents()),
    Property("BillableStatus", Choice(("Billable", "NotBillable", "HasBeenBilled"))),
    Property("JournalCodeRef", Ref(())),
)
_LINES = Several(
    group(
        Property("Id", Text()),
        Property("LineNum", Whole()),
        Property("Description", Text(4000)),
        Property("Amount", Cents(0)),
        Property("DetailType", Choice(("JournalEntryLineDetail", "DescriptionOnly"))),
        Property("JournalEntryLineDetail", _DETAIL),
        Property("LinkedTxn", Several(LINKED), read_only=True),
        Property("CustomExtensions", Several(Anything())),
        Property("CustomField", Several(Anything())),
    ),
    10_000,
)
_PROPERTIES = described(
    Property("Line", _LINES),
    Property("TxnDate", Day(), filterable=True),
    Property("DocNumber", Text(21), filterable=True, blank=True),
    Property("PrivateNote", Text(4000)),
    Property("Adjustment", Flag(), filterable=True, default=False),
    Property("CurrencyRef", CurrencyCode(), filterable=True),
    Property("ExchangeRate", Number(0)),
    Property("TotalAmt", Number(), read_only=True, filterable=True),
    Property("HomeTotalAmt", Number(), read_only=True),
    Property("TxnTaxDetail", Anything()),
    Property("GlobalTaxCalculation", Choice(("TaxExcluded", "TaxInclusive", "NotApplicable"))),
    Property("JournalCodeRef", Ref(())),
    Property("TaxRateRef", Ref(("TaxRate",), "TaxRates")),
    Property("TransactionLocationType", Text()),
    Property("TxnSource", Text()),
    Property("LinkedTxn", Several(LINKED), read_only=True),
    ATTACHABLES,
)
# An account of these types is posted to with a person's name.
_NAMED = {"Accounts Receivable": "Customer", "Accounts Payable": "Vendor"}


def compose(company: Company, draft: Draft) -> Fields:
    """Check that debits equal credits, and that receivables and payables have a name.

    Raises:
        Fault: 2020 for a missing part, 6000 if it is out of balance.
    """
    fields = basis.in_currency(company, basis.dated(company, draft.fields, draft), {})
    if not fields.get("Line"):
        raise faults.required("Line")
    for line in fields["Line"]:
        _check(company, line, fields["CurrencyRef"])
    if sum((_signed(line) for line in _posted(fields)), NOTHING):
        raise faults.business("Debits must equal credits")
    return {
        "TxnTaxDetail": {},
        **fields,
        "Line": identified(fields["Line"], draft.before, first=0),
        "TotalAmt": Decimal(0),
        **basis.numbered(company, draft, None, "JournalEntry"),
    }


def postings(company: Company, fields: Fields) -> Iterable[Posting]:
    """Post each line."""
    day = basis.day_of(fields)
    return balanced(company, fields, [_posting(company, line, fields, day) for line in _posted(fields)])


def _check(company: Company, line: Fields, currency: Fields) -> None:
    """Check one line."""
    if line.get("DetailType") is None:
        raise faults.required("DetailType")
    if line["DetailType"] == "DescriptionOnly":
        return
    detail = line.get("JournalEntryLineDetail") or {}
    for of, name in ((line, "Amount"), (detail, "PostingType"), (detail, "AccountRef")):
        if of.get(name) is None:
            raise faults.required(name)
    kind = company.objects["Account"][detail["AccountRef"]["value"]]["AccountType"]
    person = detail.get("Entity") or {}
    if person:
        _check_person(company, person)
    wanted = _NAMED.get(kind)
    if wanted is not None and person.get("Type") != wanted:
        raise faults.business(f"When you use {kind}, you must choose a {wanted.lower()} in the Name field.")
    if wanted == "Customer":
        customer = company.objects["Customer"][person["EntityRef"]["value"]]
        if customer["CurrencyRef"] != currency:
            raise faults.business("The customer is billed in another currency")


def _check_person(company: Company, person: Fields) -> None:
    for name in ("Type", "EntityRef"):
        if person.get(name) is None:
            raise faults.required(name)
    identifier = person["EntityRef"]["value"]
    if company.get(person["Type"], identifier) is None:
        raise faults.invalid_reference("Names", identifier)


def _posted(fields: Fields) -> Iterator[Fields]:
    return (line for line in fields["Line"] if line["DetailType"] == "JournalEntryLineDetail")


def _signed(line: Fields) -> Decimal:
    debit = line["JournalEntryLineDetail"]["PostingType"] == "Debit"
    amount: Decimal = line["Amount"]
    return amount if debit else -amount


def _posting(company: Company, line: Fields, fields: Fields, day: date) -> Posting:
    detail, amount = line["JournalEntryLineDetail"], _signed(line)
    account = detail["AccountRef"]["value"]
    received = company.objects["Account"][account]["AccountType"] == "Accounts Receivable"
    return Posting(
        account,
        basis.home(fields, amount),
        day,
        customer=detail["Entity"]["EntityRef"]["value"] if received else None,
        amount=amount if received else NOTHING,
        class_id=(detail.get("ClassRef") or {}).get("value"),
    )


JOURNAL_ENTRY = Entity(
    name="JournalEntry",
    properties=_PROPERTIES,
    ids="transactions",
    operations=TRANSACTION,
    counted=True,
    compose=compose,
    postings=postings,
)
