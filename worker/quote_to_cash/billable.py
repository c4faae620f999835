"""The gates of a quote's amounts: they add up, and QuickBooks takes each of them."""

from collections.abc import Iterator

from events.crm import DealUpdated, Quote
from events.currencies import digits, in_currency
from events.quickbooks import CompanyObserved
from worker.quote_to_cash.gates import Gate
from worker.quote_to_cash.invoicing import LINES_MAX, LINES_TAXED_MAX, is_taxed, lines_of
from worker.quote_to_cash.rates import AMOUNT_LIMIT
from worker.quote_to_cash.state import View
from worker.quote_to_cash.texts import listed
from worker.quote_to_cash.totals import Priced, is_billable

NEEDS_QUANTITY = "Inventory"
_FRACTIONS = {0: "total_not_whole", 2: "total_not_in_cents"}


def amount_gates(quote: Quote, priced: Priced | None, currency: str) -> Iterator[Gate]:
    """Return the gates of a quote's total and of the lines that give it."""
    if not quote.lines:
        return
    detail = f" of {in_currency(quote.total, currency)} {currency}"
    case = None if is_billable(quote, currency) else _FRACTIONS.get(digits(currency), "total_beyond_cents")
    yield Gate("quote_total_differs", met=priced is not None, detail=detail, case=case)
    if priced is not None:
        large = [line.line.name for line in priced.lines if abs(line.amount) >= AMOUNT_LIMIT]
        too_large = bool(large) or max(priced.net, priced.shipping, priced.discount) >= AMOUNT_LIMIT
        yield Gate("amount_too_large", met=not too_large, detail=f": {listed(large)}" if large else detail)


def quantity_gate(view: View, latest: DealUpdated, priced: Priced | None, realm: str | None) -> Gate:
    """Return the gate of lines that need a quantity and have no price to it that gives their amount."""
    bare = [line for line in priced.lines if line.price is None] if priced else []
    needing = [
        f"{line.line.name} ({line.line.quantity} for "
        f"{in_currency(line.amount, latest.currency)} {latest.currency})"
        for line in bare
        if _needs_quantity(view, line.line.product_id, realm)
    ]
    return Gate("quantity_not_representable", met=not needing, detail=listed(needing))


def lines_gate(quote: Quote, priced: Priced | None, company: CompanyObserved) -> Gate:
    """Return the gate of how many lines an invoice may have; with tax that is fewer."""
    count = lines_of(priced) if priced else len(quote.lines)
    most = LINES_TAXED_MAX if is_taxed(quote, company) else LINES_MAX
    return Gate(
        "too_many_lines", met=count <= most, detail=f": it would have {count:,}, and {most:,} is the most"
    )


def _needs_quantity(view: View, product_id: str, realm: str | None) -> bool:
    item_id = view.product(product_id).item_in(realm)
    observed = view.item(realm, item_id).observed if realm and item_id else None
    return observed is not None and observed.type == NEEDS_QUANTITY
