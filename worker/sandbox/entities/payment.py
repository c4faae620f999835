"""Payments: money of a customer, applied to invoices; without money, they apply credit memos to invoices."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books import settling
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import TRANSACTION, Draft, Entity
from worker.sandbox.books.ledger import NOTHING, Application, Key, Posting
from worker.sandbox.sales import basis, links
from worker.sandbox.sales.links import LINKED
from worker.sandbox.sales.postings import balanced, carried, money_account, on_receivable
from worker.sandbox.schema.common import ATTACHABLES, described
from worker.sandbox.schema.kinds import (
    Anything,
    Cents,
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

_LINES = Several(
    group(
        Property("Amount", Cents(0)),
        Property("LinkedTxn", Several(LINKED)),
        Property("LineEx", Anything(), read_only=True),
        Property("Id", Text()),
        Property("LineNum", Whole()),
        Property("Description", Text(4000)),
        Property("DetailType", Text()),
        Property("CustomExtensions", Several(Anything())),
        Property("CustomField", Several(Anything())),
    ),
    10_000,
)
_PROPERTIES = described(
    Property("CustomerRef", Ref(("Customer",)), filterable=True),
    Property("TotalAmt", Cents(0), filterable=True),
    Property("UnappliedAmt", Number(), read_only=True),
    Property("Line", _LINES),
    Property("TxnDate", Day(), filterable=True),
    Property("PaymentRefNum", Text(21), filterable=True),
    Property("PaymentMethodRef", Ref(("PaymentMethod",), "PaymentMethods", named=False)),
    Property("DepositToAccountRef", Ref(("Account",), "Accounts", named=False)),
    Property("ARAccountRef", Ref(("Account",), "Accounts")),
    Property("CurrencyRef", CurrencyCode(), filterable=True),
    Property("ExchangeRate", Number(0)),
    Property("HomeTotalAmt", Number(), read_only=True),
    Property("PrivateNote", Text(4000)),
    Property("ProcessPayment", Flag(), default=False),
    Property("CreditCardPayment", Anything()),
    Property("CheckPayment", Anything()),
    Property("PaymentType", Text()),
    Property("TxnSource", Text()),
    Property("TxnStatus", Text()),
    Property("TransactionLocationType", Text()),
    Property("TaxExemptionRef", Ref(())),
    Property("LinkedTxn", Several(LINKED), read_only=True),
    ATTACHABLES,
)
# The transactions that a payment can be applied to: what customers owe, and credits that pay for it.
_SETTLED = frozenset({"Invoice", "CreditMemo", "JournalEntry", "Deposit"})


def compose(company: Company, draft: Draft) -> Fields:
    """Check a payment, line by line: nothing is applied beyond what is open, or beyond the payment.

    Raises:
        Fault: 6000 without an amount, or for too much of it; 2500 for a line that is linked to nothing.
    """
    fields, before = draft.fields, draft.before
    customer = basis.customer_of(company, fields, before)
    if fields.get("TotalAmt") is None:
        raise faults.business("You must set a transaction amount")
    basis.check_account(company, fields.get("ARAccountRef"), basis.RECEIVABLE)
    basis.check_account(company, fields.get("DepositToAccountRef"), basis.MONEY)
    fields = basis.in_currency(company, basis.dated(company, fields, draft), customer)
    same = before is not None and before["CustomerRef"] == fields["CustomerRef"]
    known = _applied(before["Line"]).keys() if before is not None and same else frozenset()
    lines = [_line(company, line, fields, known) for line in fields.get("Line", ())]
    applied = _applied(line for line in lines if line["Amount"])
    own = ("Payment", before["Id"]) if before is not None else None
    for target, amount in applied.items():
        if amount > settling.open_amount(company, target, without=own):
            raise faults.business(f"The amount for {target[0]} {target[1]} is more than its open balance")
    if _unapplied(company, fields["TotalAmt"], applied) < 0:
        raise faults.business("The amounts of the lines are more than the payment")
    return {
        **fields,
        "Line": [line for line in lines if line["Amount"]],
        "DepositToAccountRef": {"value": money_account(company, fields)},
    }


def postings(company: Company, fields: Fields) -> Iterable[Posting]:
    """Debit the money, credit the customers; exchange differences between the day of an invoice and this one remain."""
    applied = _applied(fields["Line"])
    ours = list(_settled(company, ("Payment", fields["Id"]), applied, basis.day_of(fields)))
    ours.append(on_receivable(company, fields, -_unapplied(company, fields["TotalAmt"], applied)))
    money = basis.home(fields, fields["TotalAmt"])
    ours.append(Posting(money_account(company, fields), money, basis.day_of(fields)))
    return balanced(company, fields, ours)


def applications(fields: Fields) -> Iterable[Application]:
    """Settle the transactions of the lines."""
    return [Application(target, amount) for target, amount in _applied(fields["Line"]).items()]


def derived(company: Company, stored: Fields) -> Fields:
    """Calculate the part that is not applied, and add to each line what QuickBooks says of its transaction."""
    unapplied = _unapplied(company, stored["TotalAmt"], _applied(stored["Line"]))
    return {
        "UnappliedAmt": unapplied,
        "Line": [{**line, "LineEx": _extension(company, line)} for line in stored["Line"]],
        "LinkedTxn": links.shown(company, "Payment", stored) or None,
        # Without money there is no account that it goes to.
        **({} if stored["TotalAmt"] else {"DepositToAccountRef": None}),
        **basis.total_at_home(company, stored),
    }


def void(fields: Fields) -> Fields:
    """Return a voided payment: no amount, applied to nothing."""
    return {**fields, "TotalAmt": Decimal(0), "Line": []}


def _line(company: Company, line: Fields, payment: Fields, known: Collection[Key]) -> Fields:
    """Return the parts of a line that are stored: the amount, and the link to a transaction.

    Raises:
        Fault: 2020 if one of them is missing, 2500 or 6000 if the transaction does not fit the payment.
    """
    if line.get("Amount") is None:
        raise faults.required("Amount")
    target, found = links.only(company, line, _SETTLED, "Payment")
    if target not in known:
        _check_fits(company, target, found, payment)
    return {"Amount": line["Amount"], "LinkedTxn": [{"TxnId": target[1], "TxnType": target[0]}]}


def _check_fits(company: Company, target: Key, found: Fields, payment: Fields) -> None:
    """Refuse to apply a payment to a transaction of somebody else, or in another currency."""
    owing = settling.customers(company.ledger.of(target))
    if found.get("CustomerRef"):
        owing |= {found["CustomerRef"]["value"]}
    payer = payment["CustomerRef"]["value"]
    if len(owing) != 1 or not all(links.within(company, each, payer) for each in owing):
        raise faults.business(f"{target[0]} {target[1]} is not of the payment's customer, or of its jobs")
    if found["CurrencyRef"] != payment["CurrencyRef"]:
        raise faults.business(f"{target[0]} {target[1]} is not in the currency of the payment")


def _applied(lines: Iterable[Fields]) -> dict[Key, Decimal]:
    """Add up the amounts of the lines for each transaction."""
    found: dict[Key, Decimal] = {}
    for line in lines:
        [link] = line["LinkedTxn"]
        target = (link["TxnType"], link["TxnId"])
        found[target] = found.get(target, NOTHING) + line["Amount"]
    return found


def _unapplied(company: Company, total: Decimal, applied: Mapping[Key, Decimal]) -> Decimal:
    return total - sum((_sign(company, target) * amount for target, amount in applied.items()), NOTHING)


def _sign(company: Company, target: Key) -> int:
    """Return 1 for a transaction that a customer owes for, -1 for a credit."""
    return -1 if settling.owed(company.ledger.of(target)) < 0 else 1


def _settled(company: Company, payment: Key, applied: Mapping[Key, Decimal], day: date) -> Iterator[Posting]:
    """Yield the postings to accounts receivable for each transaction, at the rate of that transaction."""
    for target, amount in applied.items():
        owing = next(each for each in company.ledger.of(target) if each.customer is not None)
        sign = _sign(company, target)
        home = sign * carried(company, target, payment)
        yield Posting(owing.account, -home, day, customer=owing.customer, amount=-sign * amount)


def _extension(company: Company, line: Fields) -> Fields:
    """Write the clutter that QuickBooks puts into the lines of a payment."""
    [link] = line["LinkedTxn"]
    target = (link["TxnType"], link["TxnId"])
    number = company.objects[target[0]][target[1]].get("DocNumber")
    before = settling.open_amount(company, target) + line["Amount"]
    values = {"txnId": target[1], "txnOpenBalance": f"{before:.2f}", "txnReferenceNumber": number}
    return {
        "any": [
            {
                "name": "{http://schema.intuit.com/finance/v3}NameValue",
                "declaredType": "com.intuit.schema.finance.v3.NameValue",
                "scope": "javax.xml.bind.JAXBElement$GlobalScope",
                "value": {"Name": name, "Value": value},
                "nil": False,
                "globalScope": True,
                "typeSubstituted": False,
            }
            for name, value in values.items()
            if value is not None
        ]
    }


PAYMENT = Entity(
    name="Payment",
    properties=_PROPERTIES,
    ids="transactions",
    operations=TRANSACTION | {"void", "send", "pdf"},
    derived_names=frozenset({"UnappliedAmt", "Line", "LinkedTxn", "DepositToAccountRef", "HomeTotalAmt"}),
    compose=compose,
    postings=postings,
    applications=applications,
    derived=derived,
    void=void,
)
