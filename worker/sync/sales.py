"""The kept fields of transactions with customers: invoices, payments, credit memos, sales and refund receipts."""

from collections.abc import Iterator, Mapping
from typing import Any

from events.contract.observed import (
    Applied,
    CreditMemoObserved,
    InvoiceObserved,
    PaymentObserved,
    RefundReceiptObserved,
    SalesReceiptObserved,
)
from events.contract.values import Amount
from worker.commands.entities import reference
from worker.commands.fields import Row, amount, day, optional_amount, optional_day, sync_token, text

# QuickBooks writes so into the private note of a voided transaction, in the company's language.
VOIDED = "Voided"


def invoice(realm: str, row: Row) -> InvoiceObserved:
    """Return the kept fields of an invoice."""
    return InvoiceObserved(
        invoice_id=row["Id"],
        tax=_tax(row),
        balance=amount(row, "Balance"),
        doc_number=text(row, "DocNumber"),
        due_date=optional_day(row, "DueDate"),
        **_sale(realm, row),
    )


def credit_memo(realm: str, row: Row) -> CreditMemoObserved:
    """Return the kept fields of a credit memo."""
    return CreditMemoObserved(
        credit_memo_id=row["Id"],
        tax=_tax(row),
        remaining=amount(row, "RemainingCredit"),
        doc_number=text(row, "DocNumber"),
        **_sale(realm, row),
    )


def sales_receipt(realm: str, row: Row) -> SalesReceiptObserved:
    """Return the kept fields of a sales receipt."""
    return SalesReceiptObserved(
        sales_receipt_id=row["Id"], tax=_tax(row), doc_number=text(row, "DocNumber"), **_sale(realm, row)
    )


def refund_receipt(realm: str, row: Row) -> RefundReceiptObserved:
    """Return the kept fields of a refund receipt."""
    return RefundReceiptObserved(
        refund_receipt_id=row["Id"], tax=_tax(row), doc_number=text(row, "DocNumber"), **_sale(realm, row)
    )


def payment(realm: str, row: Row) -> PaymentObserved:
    """Return the kept fields of a payment, with the transactions that it is applied to in the order of its lines."""
    return PaymentObserved(
        payment_id=row["Id"],
        unapplied=amount(row, "UnappliedAmt"),
        applied=tuple(_applied(row)),
        **_sale(realm, row),
    )


def _sale(realm: str, row: Row) -> dict[str, Any]:
    total = amount(row, "TotalAmt")
    currency = reference(dict(row), "CurrencyRef")
    if currency is None:
        raise KeyError("CurrencyRef")
    return {
        "realm": realm,
        "sync_token": sync_token(row),
        "customer_id": reference(dict(row), "CustomerRef"),
        "currency": currency,
        "exchange_rate": optional_amount(row, "ExchangeRate"),
        "txn_date": day(row, "TxnDate"),
        "total": total,
        "voided": total == 0 and VOIDED in (row.get("PrivateNote") or ""),
    }


def _tax(row: Row) -> Amount:
    """Return the tax of a transaction; 0 without the field, which QuickBooks omits where there is no tax."""
    detail = row.get("TxnTaxDetail")
    found = optional_amount(detail, "TotalTax") if isinstance(detail, Mapping) else None
    return found or Amount(0)


def _applied(row: Row) -> Iterator[Applied]:
    for line in row.get("Line", ()):
        for link in line.get("LinkedTxn", ()):
            yield Applied(link["TxnType"], link["TxnId"], amount(line, "Amount"))
