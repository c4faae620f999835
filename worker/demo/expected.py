"""Compare an invoice with its deal's story and QuickBooks' own lists, without using the worker's rules.

Where the worker has a choice, such as the line that gets a cent of rounding, a condition on the choice is checked.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from worker.commands.identity import CommandKey, currency_number, marker, request_id
from worker.commands.kinds import create_customer, create_invoice
from worker.commands.kinds.kind import Kind
from worker.demo.story import Tale
from worker.sandbox.books.traits import Traits
from worker.sandbox.sales.taxes import STATES

Entity = dict[str, Any]
Books = Mapping[str, Sequence[Entity]]

CENT = Decimal("0.01")
# A line's amount is rounded, and gets at most one cent of the lines' rounding error.
AMOUNT_OFF_MAX = Decimal("0.015")
NOTE_CHARACTERS_MAX = 4000
SHIPPING = "SHIPPING_ITEM_ID"
GENERATIONS = range(1, 10)


class CompanyBooks(Struct, frozen=True):
    """A workspace and its QuickBooks company.

    Attributes:
        workspace: The workspace.
        realm: The company.
        traits: The kind of company.
        books: Every object in its books.
        accounts: The CRM's accounts by ID, each at its last revision.
        customers: The customers of the mapped accounts; all others are created.
        items: The items of the mapped products; all others are created.
        income_account: The name of the income account of created items.
    """

    workspace: str
    realm: str
    traits: Traits
    books: Books
    accounts: Mapping[str, dict[str, Any]]
    customers: Mapping[str, str]
    items: Mapping[str, str]
    income_account: str


class AppliedSettings(Struct, frozen=True):
    """The settings when an invoice was made, and the interval in which it was first sent."""

    memo: str | None
    terms: str | None
    time_zone: str | None
    since: datetime
    until: datetime


def marks(company: CompanyBooks, kind: Kind, made_for: str, part: int = 0) -> list[str]:
    """Return the possible marks of an object that was created for a deal or an account."""
    subject = kind.subject(made_for)
    keys = (CommandKey(company.workspace, subject, kind.name, part, number) for number in GENERATIONS)
    return [marker(request_id(company.realm, key)) for key in keys]


def marks_of_customer(company: CompanyBooks, account_id: str) -> list[str]:
    """Return the possible marks of an account's created customer, in any currency."""
    currency = company.accounts[account_id]["currency"]
    at_home = currency == company.traits.home_currency
    return marks(company, create_customer.KIND, account_id, 0 if at_home else currency_number(currency))


def invoices_of(tale: Tale, company: CompanyBooks) -> list[Entity]:
    """Return the invoices of a deal in the books."""
    ours = marks(company, create_invoice.KIND, tale.deal_id)
    return [
        invoice
        for invoice in company.books["Invoice"]
        if any(mark in str(invoice.get("PrivateNote")) for mark in ours)
    ]


def problems(tale: Tale, invoice: Entity, company: CompanyBooks, chosen: AppliedSettings) -> Iterator[str]:
    """Yield the errors of an invoice."""
    quote = tale.quote
    if quote is None:
        yield "an invoice of nothing"
        return
    customer = customer_of(tale.account_id, company)
    exact = {
        "CustomerRef": customer.get("Id"),
        "CurrencyRef": tale.currency,
        "SalesTermRef": _named(company.books["Term"], chosen.terms).get("Id") if chosen.terms else None,
        "GlobalTaxCalculation": _calculation(quote, company.traits),
        "BillAddr": customer.get("BillAddr") or {},
        "TotalAmt": Decimal(quote["total"]) + tax_of(invoice, quote, customer, company),
    }
    found = {name: _plain(invoice.get(name)) for name in exact}
    found["BillAddr"] = invoice.get("BillAddr") or {}
    for name, wanted in exact.items():
        if found[name] != wanted:
            yield f"{name} is {found[name]}, not {wanted}"
    if net(invoice) != tale.total:
        yield f"{net(invoice)} before tax, not {tale.total}"
    yield from _dates(invoice, company, chosen)
    yield from _note(tale, invoice, company, chosen)
    yield from _number(tale, invoice, company)
    yield from _lines(quote, invoice, company)


def customer_of(account_id: str, company: CompanyBooks) -> Entity:
    """Return the customer of an account; empty if there is none."""
    customers = company.books["Customer"]
    if (by_hand := company.customers.get(account_id)) is not None:
        return next((customer for customer in customers if customer["Id"] == by_hand), {})
    ours = marks_of_customer(company, account_id)
    made = [c for c in customers if any(mark in str(c.get("Notes")) for mark in ours)]
    return made[0] if made else {}


def item_of(line: Mapping[str, Any], company: CompanyBooks) -> Entity:
    """Return the item of a line's product; empty if there is none."""
    items = company.books["Item"]
    if (by_hand := company.items.get(line["product_id"])) is not None:
        return next((item for item in items if item["Id"] == by_hand), {})
    return _named(items, line["name"])


def net(invoice: Entity) -> Decimal:
    """Return an invoice's total before tax."""
    tax = (invoice.get("TxnTaxDetail") or {}).get("TotalTax") or 0
    return Decimal(str(invoice["TotalAmt"])) - Decimal(str(tax))


def tax_of(invoice: Entity, quote: Mapping[str, Any], customer: Entity, company: CompanyBooks) -> Decimal:
    """Compute the tax, rounded for each tax code, with the discount spread over the lines by their shares."""
    sold = [line for line in invoice["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    amounts = [Decimal(str(line["Amount"])) for line in sold]
    subtotal = sum(amounts, Decimal(0))
    net = Decimal(quote["total"]) if subtotal else Decimal(1)
    codes = [*(line for line in quote["lines"]), *([None] if quote.get("shipping") else [])]
    taxed: dict[str | None, Decimal] = {}
    for amount, line in zip(amounts, codes, strict=False):
        name = _taxed_by(line, quote, customer, company)
        taxed[name] = taxed.get(name, Decimal(0)) + amount
    taxes = (
        base * _percent(name, company) * net / (100 * (subtotal or 1))
        for name, base in taxed.items()
        if name is not None
    )
    return sum((tax.quantize(CENT, ROUND_HALF_UP) for tax in taxes), Decimal(0))


def _percent(name: str, company: CompanyBooks) -> Decimal:
    """Return the sum of the rates of a tax code, in percent."""
    code = _named(company.books["TaxCode"], name)
    rates = {rate["Id"]: Decimal(str(rate["RateValue"])) for rate in company.books["TaxRate"]}
    details = code["SalesTaxRateList"]["TaxRateDetail"]
    return sum((rates[detail["TaxRateRef"]["value"]] for detail in details), Decimal(0))


def _taxed_by(
    line: Mapping[str, Any] | None, quote: Mapping[str, Any], customer: Entity, company: CompanyBooks
) -> str | None:
    """Return the name of the tax code of a line, or of the shipping, whose rates it bears; None without one."""
    tax, code = company.traits.tax, tax_code(line, quote, company)
    if code in {None, "NON"}:
        return None
    if tax == "us":
        return "Sales tax"
    if tax == "us-ast":
        address = customer.get("ShipAddr") or customer.get("BillAddr") or {}
        state = address.get("CountrySubDivisionCode") or company.traits.address["CountrySubDivisionCode"]
        return STATES.get(state)
    return str(next(known["Name"] for known in company.books["TaxCode"] if known["Id"] == code))


def tax_code(line: Mapping[str, Any] | None, quote: Mapping[str, Any], company: CompanyBooks) -> str | None:
    """Return the ID of a line's tax code; without a line, the shipping's."""
    if company.traits.country == "US":
        if line is None:
            return None
        return "TAX" if line["taxable"] and quote["tax_mode"] != "none" else "NON"
    if quote["tax_mode"] == "none":
        return None
    name = (line or quote["lines"][0])["tax_code"]
    return str(_named(company.books["TaxCode"], name)["Id"])


def _calculation(quote: Mapping[str, Any], traits: Traits) -> str | None:
    if traits.country == "US":
        return None
    return "NotApplicable" if quote["tax_mode"] == "none" else "TaxExcluded"


def _dates(invoice: Entity, company: CompanyBooks, chosen: AppliedSettings) -> Iterator[str]:
    """Check the invoice's date against the company's days on which it was first sent, and its due date."""
    zone = ZoneInfo(chosen.time_zone or company.traits.time_zone)
    first, last = (instant.astimezone(zone).date() for instant in (chosen.since, chosen.until))
    dated = date.fromisoformat(invoice["TxnDate"])
    if not first <= dated <= last:
        yield f"dated {dated}, but it was sent between {first} and {last} in {zone.key}"
    if chosen.terms:
        days = _named(company.books["Term"], chosen.terms).get("DueDays") or 0
        if invoice["DueDate"] != (dated + timedelta(days=int(days))).isoformat():
            yield f"due on {invoice['DueDate']}, not {chosen.terms} from {dated}"


def _note(tale: Tale, invoice: Entity, company: CompanyBooks, chosen: AppliedSettings) -> Iterator[str]:
    """Check the private note: the memo, truncated if it is too long, with the whole mark at its end."""
    memo, last = chosen.memo or "Deal {deal_id}: {deal_name}", tale.snapshots[-1]
    for name, value in (
        ("{deal_name}", tale.name),
        ("{deal_id}", tale.deal_id),
        ("{po_number}", last.get("po_number", "")),
    ):
        memo = memo.replace(name, value)
    memo = memo.strip()
    note = str(invoice.get("PrivateNote") or "")
    mark = next(
        (m for m in marks(company, create_invoice.KIND, tale.deal_id) if note.endswith(f" {m}")), None
    )
    if mark is None:
        yield f"its note does not end with its mark: …{note[-60:]!r}"
        return
    text = note.removesuffix(f" {mark}")
    fits = len(memo) + len(mark) + 1 <= NOTE_CHARACTERS_MAX
    is_cut = memo.startswith(text) and len(text) >= NOTE_CHARACTERS_MAX - len(mark) - 20
    if text != memo if fits else not is_cut:
        yield f"its note is {text[:60]!r}, not {memo[:60]!r}"


def _number(tale: Tale, invoice: Entity, company: CompanyBooks) -> Iterator[str]:
    """Check the number: ours if the company has custom numbers, otherwise QuickBooks' own."""
    number = str(invoice.get("DocNumber"))
    ours = number == tale.deal_id or number.startswith(f"{tale.deal_id}-R")
    if ours != company.traits.custom_transaction_numbers:
        yield f"its number is {number}"


def _lines(quote: Mapping[str, Any], invoice: Entity, company: CompanyBooks) -> Iterator[str]:
    """Compare the lines with the quote's, in order, then the shipping, then the discount."""
    lines = [line for line in invoice["Line"] if line["DetailType"] != "SubTotalLineDetail"]
    shipping, off = Decimal(quote.get("shipping") or 0), Decimal(0)
    if lines and lines[-1]["DetailType"] == "DiscountLineDetail":
        off = Decimal(str(lines.pop()["Amount"]))
    if bool(off) != bool(quote.get("discount")):
        yield f"a discount of {off}, where the quote has {quote.get('discount')}"
    if shipping and lines and (last := lines.pop()):
        detail = last["SalesItemLineDetail"]
        says = (_plain(detail["ItemRef"]), Decimal(str(last["Amount"])), _plain(detail.get("TaxCodeRef")))
        if says != (SHIPPING, shipping, tax_code(None, quote, company)):
            yield f"the shipping is {says}"
    if len(lines) != len(quote["lines"]):
        yield f"{len(lines)} lines instead of {len(quote['lines'])}"
        return
    for line, sold in zip(lines, quote["lines"], strict=True):
        yield from (f"line {sold['line_id']}: {problem}" for problem in _line(line, sold, quote, company))


def _line(
    line: Entity, sold: Mapping[str, Any], quote: Mapping[str, Any], company: CompanyBooks
) -> Iterator[str]:
    detail, amount = line["SalesItemLineDetail"], Decimal(str(line["Amount"]))
    quantity, rate = detail.get("Qty"), detail.get("UnitPrice")
    exact = Decimal(sold["quantity"]) * Decimal(sold["unit_price"])
    less = Decimal((sold.get("discount") or {}).get("percent", 0))
    wanted = exact * (100 - less) / 100
    if abs(amount - wanted) > AMOUNT_OFF_MAX:
        yield f"{amount}, not {wanted}"
    is_as_quoted = not less and amount == exact.quantize(CENT, ROUND_HALF_UP)
    if quantity is None or rate is None:
        yield "no quantity or no price"
    else:
        if (Decimal(str(quantity)) * Decimal(str(rate))).quantize(CENT, ROUND_HALF_UP) != amount:
            yield f"{quantity} at {rate} is not {amount}"
        price = Decimal(sold["unit_price"]) if is_as_quoted else Decimal(str(rate))
        quoted = Decimal(sold["quantity"]), price
        if (Decimal(str(quantity)), Decimal(str(rate))) != quoted:
            yield f"{quantity} at {rate}, not {sold['quantity']} at {sold['unit_price']}"
    same = {
        "ItemRef": item_of(sold, company).get("Id"),
        "TaxCodeRef": tax_code(sold, quote, company),
        "ServiceDate": sold.get("service_date"),
    }
    for name, value in same.items():
        if _plain(detail.get(name)) != value:
            yield f"{name} is {_plain(detail.get(name))}, not {value}"
    called = f"{sold['name']}: {sold['description']}" if sold.get("description") else sold["name"]
    said = str(line.get("Description"))
    # Terms that the columns do not show, such as the line's own discount, follow the description.
    if said != called and not (said.startswith(f"{called} (") and not is_as_quoted):
        yield f"it is called {said!r}, not {called!r}"


def _named(entities: Sequence[Entity], name: str | None) -> Entity:
    """Return an entry of a list by its name; empty if there is none."""
    return next((entity for entity in entities if entity["Name"] == name), {})


def _plain(value: Any) -> Any:
    """Return the ID in a reference, and any other value unchanged."""
    return value.get("value") if isinstance(value, dict) else value
