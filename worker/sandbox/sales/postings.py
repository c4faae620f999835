"""The postings of sales forms: income and tax on one side, the customer or the money on the other."""

from collections.abc import Iterator
from decimal import Decimal

from worker.sandbox.books.company import Company
from worker.sandbox.books.ledger import Key, Posting
from worker.sandbox.sales.basis import day_of, home
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


def receivable(company: Company, fields: Fields, sign: int) -> list[Posting]:
    """Return the postings of a form that a customer owes for, or is owed for; a deposit on it is paid at once."""
    ours = list(selling(company, fields, sign))
    deposit = fields.get("Deposit", Decimal(0))
    if deposit:
        ours.append(Posting(money_account(company, fields), sign * home(fields, deposit), day_of(fields)))
    owed = sign * (fields["TotalAmt"] - deposit)
    return balanced(company, fields, [*ours, on_receivable(company, fields, owed)])


def received(company: Company, fields: Fields, sign: int) -> list[Posting]:
    """Return the postings of a form that is paid at once, or paid back."""
    money = sign * home(fields, fields["TotalAmt"])
    other = Posting(money_account(company, fields), money, day_of(fields))
    return balanced(company, fields, [*selling(company, fields, sign), other])


def on_receivable(company: Company, fields: Fields, amount: Decimal) -> Posting:
    """Return the posting of an amount that the customer of a transaction owes, or is owed if it is negative."""
    chosen = fields.get("ARAccountRef")
    return Posting(
        chosen["value"] if chosen else company.account("AccountsReceivable")["Id"],
        home(fields, amount),
        day_of(fields),
        customer=fields["CustomerRef"]["value"],
        amount=amount,
    )


def carried(company: Company, target: Key, by: Key) -> Decimal:
    """Return what another transaction settles of a target in the home currency, at the rate of the target.

    It is rounded so that the parts of all that settle a target add up to the whole, to the cent.
    """
    fields = company.objects[target[0]][target[1]]
    before = Decimal(0)
    for key, amount in company.ledger.settling(target).items():
        if key == by:
            return home(fields, before + amount) - home(fields, before)
        before += amount
    return Decimal(0)


def money_account(company: Company, fields: Fields) -> str:
    """Return the Id of the account that the money of a transaction goes to: its own, else Undeposited Funds."""
    chosen = fields.get("DepositToAccountRef")
    return str(chosen["value"] if chosen else company.account("UndepositedFunds")["Id"])


def balanced(company: Company, fields: Fields, postings: list[Posting]) -> list[Posting]:
    """Return the postings of a transaction, with the gain or loss that its exchange to the home currency leaves over.

    In the home currency nothing is left over; the ledger refuses postings that do not add up.
    """
    left = sum((posting.home for posting in postings), Decimal(0))
    if not left or fields["CurrencyRef"]["value"] == company.traits.home_currency:
        return postings
    return [*postings, Posting(company.account("ExchangeGainOrLoss")["Id"], -left, day_of(fields))]
