"""Deposits: payments and receipts that go from Undeposited Funds to a bank account, and other money with them."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import TRANSACTION, Draft, Entity
from worker.sandbox.books.ledger import NOTHING, Application, Key, Posting
from worker.sandbox.sales import basis, links
from worker.sandbox.sales.lines import TAX_CODE
from worker.sandbox.sales.links import LINKED
from worker.sandbox.sales.numbering import numbered
from worker.sandbox.sales.postings import balanced, money_account
from worker.sandbox.schema.common import ATTACHABLES, described
from worker.sandbox.schema.kinds import (
    Anything,
    Cents,
    Choice,
    CurrencyCode,
    Day,
    Fields,
    Number,
    Property,
    Ref,
    Several,
    Text,
    Whole,
    group,
)

_DETAIL = group(
    Property("AccountRef", Ref(("Account",), "Accounts")),
    Property("Entity", Ref(("Customer", "Vendor", "Employee"))),
    Property("PaymentMethodRef", Ref(("PaymentMethod",), "PaymentMethods", named=False)),
    Property("CheckNum", Text(21)),
    Property("TxnType", Text()),
    Property("ClassRef", Ref(("Class",), "Klasses")),
    Property("TaxCodeRef", TAX_CODE),
    Property("TaxApplicableOn", Choice(("Sales", "Purchase"))),
)
_LINES = Several(
    group(
        Property("Id", Text()),
        Property("LineNum", Whole()),
        Property("Description", Text(4000)),
        Property("Amount", Cents()),
        Property("DetailType", Choice(("DepositLineDetail",))),
        Property("DepositLineDetail", _DETAIL),
        Property("LinkedTxn", Several(LINKED)),
        Property("CustomExtensions", Several(Anything())),
        Property("CustomField", Several(Anything())),
    ),
    10_000,
)
_CASH_BACK = group(
    Property("AccountRef", Ref(("Account",), "Accounts")),
    Property("Amount", Cents(0)),
    Property("Memo", Text(4000)),
)
_PROPERTIES = described(
    Property("DepositToAccountRef", Ref(("Account",), "Accounts"), filterable=True),
    Property("Line", _LINES),
    Property("CashBack", _CASH_BACK),
    Property("TxnDate", Day(), filterable=True),
    Property("DocNumber", Text(21), filterable=True),
    Property("PrivateNote", Text(4000)),
    Property("CurrencyRef", CurrencyCode(), filterable=True),
    Property("ExchangeRate", Number(0)),
    Property("TotalAmt", Number(), read_only=True, filterable=True),
    Property("HomeTotalAmt", Number(), read_only=True),
    Property("DepartmentRef", Ref(("Department",), "Depts"), filterable=True),
    Property("GlobalTaxCalculation", Choice(("TaxExcluded", "TaxInclusive", "NotApplicable"))),
    Property("TxnTaxDetail", Anything()),
    Property("TxnSource", Text()),
    Property("TxnStatus", Text()),
    Property("TransactionLocationType", Text()),
    Property("LinkedTxn", Several(LINKED), read_only=True),
    ATTACHABLES,
)
_DEPOSITED = frozenset({"Payment", "SalesReceipt"})


def compose(company: Company, draft: Draft) -> Fields:
    """Check a deposit, line by line, and add it up.

    Raises:
        Fault: 2020 without an account or a line; 6000 for a payment that is not there to be deposited.
    """
    fields, before = draft.fields, draft.before
    if fields.get("DepositToAccountRef") is None:
        raise faults.required("DepositToAccountRef")
    basis.check_account(company, fields["DepositToAccountRef"], basis.MONEY)
    fields = basis.in_currency(company, basis.dated(company, fields, draft), {})
    if not fields.get("Line"):
        raise faults.required("Line")
    own = ("Deposit", before["Id"]) if before is not None else None
    lines = [_line(company, line, fields, own) for line in fields["Line"]]
    deposited = [each.target for each in applications({"Line": lines})]
    if len(deposited) != len(set(deposited)):
        raise faults.business("A payment can be deposited once only")
    back = fields.get("CashBack") or {}
    if back and back.get("AccountRef") is None:
        raise faults.required("AccountRef")
    basis.check_account(company, back.get("AccountRef"), basis.MONEY)
    total = sum((line["Amount"] for line in lines), NOTHING) - back.get("Amount", NOTHING)
    if total < 0:
        raise faults.business("The total of a deposit cannot be less than 0")
    return {"TxnTaxDetail": {}, **fields, "Line": _numbered(lines, before), "TotalAmt": total}


def postings(company: Company, fields: Fields) -> Iterable[Posting]:
    """Debit the bank, credit Undeposited Funds and the accounts of the other lines."""
    day = basis.day_of(fields)
    money = basis.home(fields, fields["TotalAmt"])
    other = Posting(fields["DepositToAccountRef"]["value"], money, day)
    return balanced(company, fields, [*_credits(company, fields), other])


def applications(fields: Fields) -> list[Application]:
    """Deposit the payments of the lines, whole."""
    return [
        Application((link["TxnType"], link["TxnId"]), line["Amount"])
        for line in fields["Line"]
        for link in line.get("LinkedTxn", ())
    ]


def derived(company: Company, stored: Fields) -> Fields:
    """Calculate the total in the home currency."""
    return basis.total_at_home(company, stored)


def _numbered(lines: list[Fields], before: Fields | None) -> list[Fields]:
    """Return the lines with Ids, which those that are linked to a payment do not have; these come first."""
    deposited = [line for line in lines if line.get("LinkedTxn")]
    return [*deposited, *numbered((line for line in lines if not line.get("LinkedTxn")), before)]


def _line(company: Company, line: Fields, deposit: Fields, own: Key | None) -> Fields:
    """Return a line, checked: a payment that is deposited, or money for an account."""
    if line.get("Amount") is None:
        raise faults.required("Amount")
    if line.get("LinkedTxn"):
        key, found = links.only(company, line, _DEPOSITED, "Deposit")
        _check_waiting(company, key, found, own)
        if line["Amount"] != found["TotalAmt"] or found["CurrencyRef"] != deposit["CurrencyRef"]:
            raise faults.business(f"{key[0]} {key[1]} can only be deposited as it is")
        link = {"TxnId": key[1], "TxnType": key[0], "TxnLineId": "0"}
        return {"Amount": line["Amount"], "LinkedTxn": [link], **_of_payment(found)}
    detail = line.get("DepositLineDetail") or {}
    if detail.get("AccountRef") is None:
        raise faults.required("AccountRef")
    kind = company.objects["Account"][detail["AccountRef"]["value"]]["AccountType"]
    if kind == "Accounts Receivable":
        payer = company.get("Customer", (detail.get("Entity") or {}).get("value", ""))
        if payer is None:
            raise faults.business(f"When you use {kind}, you must choose a customer in the Name field.")
        if payer["CurrencyRef"] != deposit["CurrencyRef"]:
            raise faults.business("The customer is billed in another currency")
    return {**line, "DetailType": "DepositLineDetail", "DepositLineDetail": detail}


def _of_payment(found: Fields) -> Fields:
    """Return what a line says of its payment: how it was made, and the number of its cheque."""
    names = {"PaymentMethodRef": "PaymentMethodRef", "PaymentRefNum": "CheckNum"}
    detail = {said: found[name] for name, said in names.items() if found.get(name)}
    return {"DepositLineDetail": detail} if detail else {}


def _check_waiting(company: Company, key: Key, found: Fields, own: Key | None) -> None:
    """Refuse a payment that is not in Undeposited Funds, or that is in another deposit already."""
    others = [by for by in company.ledger.settling(key) if by != own]
    waiting = money_account(company, found) == company.account("UndepositedFunds")["Id"]
    if others or not waiting or not found["TotalAmt"]:
        raise faults.business(f"{key[0]} {key[1]} is not in Undeposited Funds")


def _credits(company: Company, fields: Fields) -> Iterator[Posting]:
    day = basis.day_of(fields)
    for line in fields["Line"]:
        links_ = line.get("LinkedTxn")
        if links_:
            paid = company.objects[links_[0]["TxnType"]][links_[0]["TxnId"]]
            yield Posting(money_account(company, paid), -basis.home(paid, paid["TotalAmt"]), day)
            continue
        detail, amount = line["DepositLineDetail"], line["Amount"]
        account = detail["AccountRef"]["value"]
        received = company.objects["Account"][account]["AccountType"] == "Accounts Receivable"
        yield Posting(
            account,
            -basis.home(fields, amount),
            day,
            customer=detail["Entity"]["value"] if received else None,
            amount=-amount if received else NOTHING,
            class_id=(detail.get("ClassRef") or {}).get("value"),
        )
    back = fields.get("CashBack")
    if back:
        amount = back.get("Amount", Decimal(0))
        yield Posting(back["AccountRef"]["value"], basis.home(fields, amount), day)


DEPOSIT = Entity(
    name="Deposit",
    properties=_PROPERTIES,
    ids="transactions",
    operations=TRANSACTION,
    counted=True,
    derived_names=frozenset({"HomeTotalAmt"}),
    compose=compose,
    postings=postings,
    applications=applications,
    derived=derived,
)
