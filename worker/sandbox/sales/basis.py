"""The basis of every transaction: a date in open books, a customer, a currency with its rate, accounts, a number."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from worker.sandbox import faults
from worker.sandbox.books import exchange
from worker.sandbox.books.closing import check_open
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Draft
from worker.sandbox.schema.kinds import CENT, Fields

RECEIVABLE = frozenset({"Accounts Receivable"})
# The types of the accounts that payments and receipts go to.
MONEY = frozenset({"Bank", "Other Current Asset"})


def dated(company: Company, fields: Fields, draft: Draft) -> Fields:
    """Return a transaction with its date, by default the company's present one, which is in open books.

    Raises:
        Fault: 6210 if its books are closed, or those where it was before.
    """
    fields = {**fields, "TxnDate": fields.get("TxnDate") or company.today(draft.act.at).isoformat()}
    check_open(company, fields, draft.before or fields)
    return fields


def day_of(fields: Fields) -> date:
    """Return the date of a transaction."""
    return date.fromisoformat(fields["TxnDate"])


def home(fields: Fields, amount: Decimal) -> Decimal:
    """Return an amount of a transaction in the home currency."""
    rate: Decimal = fields.get("ExchangeRate", Decimal(1))
    return (amount * rate).quantize(CENT, ROUND_HALF_UP)


def total_at_home(company: Company, stored: Fields) -> Fields:
    """Return the total of a transaction in the home currency, which companies with several currencies show."""
    if not company.traits.multicurrency:
        return {}
    return {"HomeTotalAmt": home(stored, stored["TotalAmt"])}


def balance_at_home(company: Company, stored: Fields, owed: Decimal, settled: Decimal) -> Fields:
    """Return the total and the balance of a transaction in the home currency, rounded as in the ledger.

    Args:
        company: The company.
        stored: The transaction.
        owed: What it was open for at first.
        settled: What others settle of it.
    """
    if not company.traits.multicurrency:
        return {}
    return {
        **total_at_home(company, stored),
        "HomeBalance": home(stored, owed) - home(stored, settled),
    }


def check_account(company: Company, reference: Fields | None, types: frozenset[str]) -> None:
    """Refuse an account whose type does not fit.

    Raises:
        Fault: 6000.
    """
    account = company.get("Account", reference["value"]) if reference else None
    if account is not None and account["AccountType"] not in types:
        raise faults.business(f"The type of the account must be {' or '.join(sorted(types))}")


def customer_of(company: Company, fields: Fields, before: Fields | None) -> Fields:
    """Return the customer of a transaction; one that was its customer before may be inactive by now.

    Raises:
        Fault: 2020 if it has none, 2500 or 610 if there is no such customer or an inactive one.
    """
    reference = fields.get("CustomerRef")
    if reference is None:
        raise faults.required("CustomerRef")
    known = before is not None and before.get("CustomerRef") == reference
    found = company.get("Customer", reference["value"]) if known else None
    return found or company.active("Customer", reference["value"])


def in_currency(company: Company, fields: Fields, customer: Fields) -> Fields:
    """Return a transaction with its currency, which is its customer's, and its rate in a company with several.

    Raises:
        Fault: 2020 if a company with several currencies is not told which, 6000 if it is another one.
    """
    currency = fields.get("CurrencyRef")
    if company.traits.multicurrency and currency is None:
        raise faults.required("CurrencyRef")
    home_currency = {"value": company.traits.home_currency}
    billed_in = customer.get("CurrencyRef") or currency or home_currency
    if currency is not None and currency != billed_in:
        raise faults.business(f"The customer is billed in {billed_in['value']}, not in {currency['value']}")
    if not company.traits.multicurrency:
        if billed_in != home_currency and not customer:
            raise faults.business("Multi-currency is not enabled for this company")
        kept = {name: value for name, value in fields.items() if name != "ExchangeRate"}
        return {**kept, "CurrencyRef": billed_in}
    if billed_in == home_currency:
        return {**fields, "CurrencyRef": billed_in, "ExchangeRate": Decimal(1)}
    rate = fields.get("ExchangeRate") or exchange.rate(company, billed_in["value"], day_of(fields))
    return {**fields, "CurrencyRef": billed_in, "ExchangeRate": rate}


def numbered(company: Company, draft: Draft, counter: str | None, entity: str) -> Fields:
    """Return the document number: the request's, the former one, or the next of the counter.

    Raises:
        Fault: 6140 if another transaction of the entity has it.
    """
    before = draft.before
    wanted: Any = draft.fields.get("DocNumber")
    if wanted is None and before is not None and "DocNumber" not in draft.given:
        wanted = before.get("DocNumber")
    if not wanted:
        chosen = company.traits.custom_transaction_numbers and not draft.given.get("AutoDocNumber")
        if before is not None or counter is None or chosen:
            return {"DocNumber": None}
        return {"DocNumber": company.numbers.next(counter)}
    kept = before is not None and before.get("DocNumber") == wanted
    checked = not kept or company.traits.number_checked_on_every_update
    holder = company.numbers.holder(entity, wanted, (before or {}).get("Id"))
    if checked and holder is not None and "allowduplicatedocnum" not in draft.include:
        raise faults.duplicate_number(wanted, holder, entity)
    return {"DocNumber": wanted}
