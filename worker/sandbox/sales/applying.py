"""Payments and credits that QuickBooks applies to a new invoice by itself, where the company wants that."""

from collections.abc import Iterator
from decimal import Decimal

from worker.sandbox.books import settling, writing
from worker.sandbox.books.closing import is_closed
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Draft
from worker.sandbox.books.ledger import Key
from worker.sandbox.schema.kinds import Fields


def to_new_invoice(company: Company, draft: Draft, invoice: Fields) -> None:
    """Apply open credit memos, then unapplied payments, the oldest first."""
    target = ("Invoice", invoice["Id"])
    if company.traits.auto_apply_credit:
        for memo in _oldest_first(company, "CreditMemo", invoice):
            _apply_credit(company, draft, invoice, ("CreditMemo", memo["Id"]))
    if company.traits.auto_apply_payments:
        for payment in _oldest_first(company, "Payment", invoice):
            _apply_payment(company, draft, payment, target)


def _oldest_first(company: Company, entity: str, invoice: Fields) -> Iterator[Fields]:
    """Yield a customer's transactions, those in the closed books left out."""
    found = (
        each
        for each in company.objects[entity].values()
        if each["CustomerRef"] == invoice["CustomerRef"] and not is_closed(company, each)
    )
    yield from sorted(found, key=lambda each: (each["TxnDate"], int(each["Id"])))


def _apply_credit(company: Company, draft: Draft, invoice: Fields, memo: Key) -> None:
    """Apply a credit memo with a payment of nothing, as people do."""
    target = ("Invoice", invoice["Id"])
    amount = min(settling.open_amount(company, target), settling.open_amount(company, memo))
    if amount <= 0:
        return
    fields = {
        "CustomerRef": invoice["CustomerRef"],
        "CurrencyRef": invoice["CurrencyRef"],
        "TxnDate": invoice["TxnDate"],
        "TotalAmt": Decimal(0),
        "Line": [_line(target, amount), _line(memo, amount)],
    }
    if "ExchangeRate" in invoice:
        fields["ExchangeRate"] = invoice["ExchangeRate"]
    writing.create(company, company.entities["Payment"], fields, draft.act)


def _apply_payment(company: Company, draft: Draft, payment: Fields, target: Key) -> None:
    """Apply the unapplied part of a payment; a deposited payment stays as it is."""
    described = company.entities["Payment"]
    left = company.shown(described, payment)["UnappliedAmt"]
    amount = min(settling.open_amount(company, target), left)
    if amount <= 0 or settling.is_deposited(company, ("Payment", payment["Id"])):
        return
    fields = {
        "Id": payment["Id"],
        "SyncToken": payment["SyncToken"],
        "sparse": True,
        "Line": [*payment["Line"], _line(target, amount)],
    }
    writing.update(company, described, fields, draft.act)


def _line(target: Key, amount: Decimal) -> Fields:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": target[1], "TxnType": target[0]}]}
