"""The gates of a quote's amounts: they add up, and QuickBooks accepts each of them."""

from events.contract.currencies import digits, in_currency
from events.contract.gates import Words
from worker.quote_to_cash.gates import Gate, Unmet
from worker.quote_to_cash.inquiry import Inquiry, has_lines
from worker.quote_to_cash.invoice.rates import AMOUNT_LIMIT
from worker.quote_to_cash.invoice.totals import is_billable
from worker.quote_to_cash.texts import listed

_FRACTIONS = {0: "total_not_whole", 2: "total_not_in_cents"}


def _total(inquiry: Inquiry) -> dict[str, str]:
    currency = inquiry.latest.currency
    return {"total": str(in_currency(inquiry.quote.total, currency)), "currency": currency}


def _adds_up(inquiry: Inquiry) -> bool | Unmet:
    quote, currency = inquiry.quote, inquiry.latest.currency
    case = None if is_billable(quote, currency) else _FRACTIONS.get(digits(currency), "total_beyond_cents")
    return inquiry.priced is not None or Unmet(_total(inquiry), case)


def _small_enough(inquiry: Inquiry) -> bool | Unmet | None:
    priced = inquiry.priced
    if priced is None:
        return None
    large = [line.line.name for line in priced.lines if abs(line.amount) >= AMOUNT_LIMIT]
    too_large = bool(large) or max(priced.net, priced.shipping, priced.discount) >= AMOUNT_LIMIT
    return not too_large or Unmet({"lines": listed(large)} if large else _total(inquiry))


GATES = (
    Gate(
        "quote_total_differs",
        _adds_up,
        Words(
            "The quote's lines do not add up to its total of {total} {currency}.",
            "Correct the lines or the total in the CRM.",
            "correct_deal",
        ),
        given=has_lines,
        cases={
            "total_not_in_cents": Words(
                "The quote's total of {total} {currency} has fractions of a cent.",
                "Round the total to cents in the CRM.",
                "correct_deal",
            ),
            "total_beyond_cents": Words(
                "The quote's total of {total} {currency} has more than two decimals, and QuickBooks keeps no more.",
                "Round the total to two decimals in the CRM.",
                "correct_deal",
            ),
            "total_not_whole": Words(
                "The quote's total of {total} {currency} has decimals, and its currency has none.",
                "Round the total in the CRM.",
                "correct_deal",
            ),
        },
    ),
    Gate(
        "amount_too_large",
        _small_enough,
        Words(
            "QuickBooks takes amounts below 10,000,000,000.00, and the quote has larger ones[: {lines}][ of {total} {currency}].",
            "Divide the deal in the CRM into deals of smaller amounts.",
            "correct_deal",
        ),
        given=has_lines,
    ),
)
