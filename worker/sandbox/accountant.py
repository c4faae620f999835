"""The hands of a company's accountant: writes by people in QuickBooks itself, past the app's API."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from worker.sandbox import faults
from worker.sandbox.books import merging, writing
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.books.ledger import Key
from worker.sandbox.books.settling import open_amount
from worker.sandbox.sales.taxes import without_tax
from worker.sandbox.schema.kinds import Fields

ACCOUNTANT = "2"
_BAD_DEBTS = {"Name": "Bad debts", "AccountType": "Expense", "AccountSubType": "BadDebts"}


def create(company: Company, entity: str, fields: Mapping[str, Any], now: datetime) -> Fields:
    """Create an object; return it as QuickBooks shows it.

    Raises:
        Fault: QuickBooks refuses it.
    """
    described = company.entities[entity]
    return company.shown(described, writing.create(company, described, fields, Act(now, ACCOUNTANT)))


def change(
    company: Company, entity: str, identifier: str, changes: Mapping[str, Any], now: datetime
) -> Fields:
    """Change some properties of an object, and erase those that are None; return it.

    Raises:
        Fault: QuickBooks refuses it.
    """
    described = company.entities[entity]
    erased = {name: "" for name, value in changes.items() if value is None}
    data = {**changes, **erased, **_present(company, entity, identifier), "sparse": True}
    return company.shown(described, writing.update(company, described, data, Act(now, ACCOUNTANT)))


def void(company: Company, entity: str, identifier: str, now: datetime) -> Fields:
    """Void a transaction; return it.

    Raises:
        Fault: QuickBooks refuses it.
    """
    described = company.entities[entity]
    data = _present(company, entity, identifier)
    return company.shown(described, writing.void(company, described, data, Act(now, ACCOUNTANT)))


def delete(company: Company, entity: str, identifier: str, now: datetime) -> None:
    """Delete a transaction.

    Raises:
        Fault: QuickBooks refuses it.
    """
    data = _present(company, entity, identifier)
    writing.delete(company, company.entities[entity], data, Act(now, ACCOUNTANT))


def merge(company: Company, entity: str, gone: str, stays: str, now: datetime) -> Fields:
    """Merge an entry of a list into another one, which takes over all that refers to it; return that one.

    Raises:
        Fault: QuickBooks refuses it.
    """
    merged = merging.merge(company, entity, gone, stays, Act(now, ACCOUNTANT))
    return company.shown(company.entities[entity], merged)


def receive_payment(
    company: Company, customer: str, amount: Decimal, invoices: Mapping[str, Decimal], now: datetime
) -> Fields:
    """Receive a payment of a customer for invoices; the rest of it is not applied. Return it.

    Args:
        company: The company.
        customer: The Id of the customer.
        amount: The amount of the payment.
        invoices: What each invoice gets of it, by their Ids.
        now: The instant.

    Raises:
        Fault: QuickBooks refuses it.
    """
    fields = {**_of(company, customer), "TotalAmt": amount, "Line": _lines("Invoice", invoices)}
    return create(company, "Payment", fields, now)


def move_payment(company: Company, payment: str, invoices: Mapping[str, Decimal], now: datetime) -> Fields:
    """Apply a payment to other invoices than before; return it.

    Raises:
        Fault: QuickBooks refuses it.
    """
    return change(company, "Payment", payment, {"Line": _lines("Invoice", invoices)}, now)


def credit(company: Company, invoice: str, amount: Decimal, now: datetime) -> Fields:
    """Write a credit memo without tax, and apply it to an invoice as far as that is open; return the credit memo.

    Raises:
        Fault: QuickBooks refuses it.
    """
    customer = company.existing("Invoice", invoice)["CustomerRef"]["value"]
    line = {"DetailType": "SalesItemLineDetail", "Amount": amount, "SalesItemLineDetail": {}}
    fields = {**_of(company, customer), **without_tax(company), "Line": [line]}
    memo = create(company, "CreditMemo", fields, now)
    _apply(company, invoice, ("CreditMemo", memo["Id"]), amount, now)
    return company.shown(company.entities["CreditMemo"], company.objects["CreditMemo"][memo["Id"]])


def write_off(company: Company, invoice: str, now: datetime) -> Fields:
    """Write off the open amount of an invoice as a bad debt, by a journal entry; return the journal entry.

    Raises:
        Fault: QuickBooks refuses it.
    """
    fields = company.existing("Invoice", invoice)
    customer, amount = fields["CustomerRef"]["value"], open_amount(company, ("Invoice", invoice))
    if not amount:
        raise faults.business("Nothing of the invoice is open")
    found = company.names.find("Account", "Bad debts")
    expense = found[1] if found else _made(company, "Account", _BAD_DEBTS, now)
    receivable = next(each.account for each in company.ledger.of(("Invoice", invoice)) if each.customer)
    lines = [
        _entry("Debit", expense, amount),
        _entry("Credit", receivable, amount, {"Type": "Customer", "EntityRef": {"value": customer}}),
    ]
    currency: Fields = {name: fields[name] for name in ("CurrencyRef", "ExchangeRate") if name in fields}
    entry = _made(company, "JournalEntry", {**currency, "Line": lines}, now)
    _apply(company, invoice, ("JournalEntry", entry), amount, now)
    return company.shown(company.entities["JournalEntry"], company.objects["JournalEntry"][entry])


def _of(company: Company, customer: str) -> Fields:
    """Return the customer of a transaction, and its currency."""
    currency = company.active("Customer", customer)["CurrencyRef"]
    return {"CustomerRef": {"value": customer}, "CurrencyRef": currency}


def _lines(kind: str, amounts: Mapping[str, Decimal]) -> list[Fields]:
    """Write the lines of a payment."""
    return [
        {"Amount": amount, "LinkedTxn": [{"TxnId": identifier, "TxnType": kind}]}
        for identifier, amount in amounts.items()
    ]


def _entry(side: str, account: str, amount: Decimal, person: Fields | None = None) -> Fields:
    """Write a line of a journal entry."""
    detail = {"PostingType": side, "AccountRef": {"value": account}, "Entity": person}
    return {"DetailType": "JournalEntryLineDetail", "Amount": amount, "JournalEntryLineDetail": detail}


def _apply(company: Company, invoice: str, credited: Key, amount: Decimal, now: datetime) -> None:
    """Apply a credit to an invoice as far as that is open, with a payment of nothing."""
    kind, identifier = credited
    amount = min(amount, open_amount(company, ("Invoice", invoice)))
    if not amount:
        return
    customer = company.objects["Invoice"][invoice]["CustomerRef"]["value"]
    lines = [*_lines("Invoice", {invoice: amount}), *_lines(kind, {identifier: amount})]
    create(company, "Payment", {**_of(company, customer), "TotalAmt": Decimal(0), "Line": lines}, now)


def _made(company: Company, entity: str, fields: Mapping[str, Any], now: datetime) -> str:
    return str(create(company, entity, fields, now)["Id"])


def _present(company: Company, entity: str, identifier: str) -> Fields:
    """Return the Id and the sync token of an object; without an object the token is empty."""
    stored = company.get(entity, identifier) or {"Id": identifier, "SyncToken": ""}
    return {"Id": stored["Id"], "SyncToken": stored["SyncToken"]}
