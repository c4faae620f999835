"""The postings of sales forms: income and tax on one side, the customer or the money on the other."""

from collections.abc import Iterator
from decimal import Decimal

from worker.sandbox.books.company import Company
from worker.sandbox.books.ledger import Posting
from worker.sandbox.sales.form import day_of, home
from worker.sandbox.sales.lines import sold
from worker.sandbox.schema.kinds import Fields


def selling(company: Company, fields: Fields, sign: int) -> Iterator[Posting]:
    """Yield the postings of a form to income, discounts and tax.

    Args:
        company: The company.
        fields: The form.
        sign: 1 for a sale, -1 for one that is taken back.
    """
    day = day_of(fields)
    for line in sold(fields["Line"]):
        detail = line["SalesItemLineDetail"]
        account = (
            detail.get("ItemAccountRef", {}).get("value") or company.account("SalesOfProductIncome")["Id"]
        )
        yield Posting(
            account,
            -sign * home(fields, line["Amount"]),
            day,
            item=detail["ItemRef"]["value"],
            class_id=(detail.get("ClassRef") or {}).get("value"),
        )
    for line in fields["Line"]:
        if line["DetailType"] == "DiscountLineDetail":
            account = line["DiscountLineDetail"]["DiscountAccountRef"]["value"]
            yield Posting(account, sign * home(fields, line["Amount"]), day)
    tax = fields["TxnTaxDetail"].get("TotalTax", Decimal(0))
    if tax:
        yield Posting(company.account("GlobalTaxPayable")["Id"], -sign * home(fields, tax), day)


def receivable(company: Company, fields: Fields, sign: int) -> Iterator[Posting]:
    """Yield the postings of a form that a customer owes for, or is owed for."""
    chosen = fields.get("ARAccountRef")
    yield from balanced(
        company,
        fields,
        list(selling(company, fields, sign)),
        Posting(
            chosen["value"] if chosen else company.account("AccountsReceivable")["Id"],
            sign * home(fields, fields["TotalAmt"]),
            day_of(fields),
            customer=fields["CustomerRef"]["value"],
            amount=sign * fields["TotalAmt"],
        ),
    )


def balanced(company: Company, fields: Fields, ours: list[Posting], other: Posting) -> Iterator[Posting]:
    """Yield postings with their counterpart; exchange to the home currency can leave cents over."""
    yield from ours
    yield other
    left = other.home + sum((posting.home for posting in ours), Decimal(0))
    if left:
        yield Posting(company.account("ExchangeGainOrLoss")["Id"], -left, day_of(fields))
