"""The gates of the invoice itself: the company accepts it, and its own command was not refused."""

from collections.abc import Sequence
from functools import partial

from events.contract.gates import CREATING, IN_PROGRESS, LOOK_UP_REFUSED, Words
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.company import gates as company
from worker.quote_to_cash.company.state import named, sales_tax
from worker.quote_to_cash.customers.gates import CURRENCY
from worker.quote_to_cash.gates import Checked, Gate, Unmet
from worker.quote_to_cash.inquiry import Inquiry, has_arrived, has_company, has_quote
from worker.quote_to_cash.invoice.body import LINES_MAX, LINES_TAXED_MAX, is_taxed, lines_of
from worker.quote_to_cash.texts import shown


def _term(inquiry: Inquiry) -> bool | Unmet:
    terms = inquiry.settings.terms
    return not terms or named(inquiry.company.terms, terms) is not None or Unmet({"terms": terms})


def _tax_codes(inquiry: Inquiry) -> bool | Unmet:
    quote, company_ = inquiry.quote, inquiry.company
    if sales_tax(company_) or quote.tax_mode == "none":
        return True
    wanted = {line.tax_code for line in quote.lines if line.tax_code}
    unknown = sorted(code for code in wanted if named(company_.tax_codes, code) is None)
    if unknown:
        return Unmet({"tax_codes": ", ".join(unknown)})
    bare = [f"{shown(line.name)} ({line.product_id})" for line in quote.lines if not line.tax_code]
    return not bare or Unmet({"lines": ", ".join(bare)}, "lines_without_tax_code")


def _lines(inquiry: Inquiry) -> bool | Unmet:
    """Check the number of lines; with tax, QuickBooks accepts fewer."""
    count = lines_of(inquiry.priced) if inquiry.priced else len(inquiry.quote.lines)
    most = LINES_TAXED_MAX if is_taxed(inquiry.quote, inquiry.company) else LINES_MAX
    return count <= most or Unmet({"lines": f"{count:,}", "limit": f"{most:,}"})


def _currency(inquiry: Inquiry) -> bool | Unmet:
    currency, company_ = inquiry.latest.currency, inquiry.company
    return company_.multicurrency or currency == company_.home_currency or Unmet({"currency": currency})


def _arrived_and_read(inquiry: Inquiry) -> bool:
    return has_arrived(inquiry) and has_company(inquiry)


def _quoted_and_read(inquiry: Inquiry) -> bool:
    return has_quote(inquiry) and has_company(inquiry)


# The requirements of the invoice on the connected company.
TAKEN = (
    Gate(
        "term_not_found",
        _term,
        Words(
            "The QuickBooks company has no payment terms '{terms}'.",
            "Choose terms that the company has.",
            "choose_terms",
        ),
        depends_on=("workspace",),
        given=_arrived_and_read,
    ),
    Gate(
        "tax_code_not_mapped",
        _tax_codes,
        Words(
            "The QuickBooks company has no tax code for {tax_codes}.",
            "Use the company's tax codes on the quote's lines.",
            "correct_deal",
        ),
        depends_on=("workspace",),
        given=_quoted_and_read,
        cases={
            "lines_without_tax_code": Words(
                "The quote has no tax code for {lines}, and this QuickBooks company needs one on every line.",
                "Give every line of the quote one of the company's tax codes.",
                "correct_deal",
            ),
        },
    ),
    Gate(
        "too_many_lines",
        _lines,
        Words(
            "The invoice would have too many lines for QuickBooks: {lines}, and the limit is {limit}.",
            "Split the deal in the CRM into deals with fewer lines.",
            "correct_deal",
        ),
        given=_quoted_and_read,
    ),
    Gate(
        "currency_not_enabled",
        _currency,
        Words(
            "The QuickBooks company can't invoice in {currency}: multicurrency is off.",
            "Switch on multicurrency in QuickBooks and connect again, or quote in the company's currency.",
            "connect",
        ),
        depends_on=("workspace",),
        given=_arrived_and_read,
    ),
    CURRENCY,
)


def _attempt(inquiry: Inquiry) -> Attempt:
    if inquiry.part.attempt is None:
        raise LookupError("Nothing was attempted yet")
    return inquiry.part.attempt


def _is_rejected(inquiry: Inquiry) -> bool:
    return inquiry.part.attempt is not None and inquiry.part.attempt.status == "rejected"


def _released(code: str, inquiry: Inquiry) -> bool | Unmet | None:
    """Check that a person has requested the invoice again since QuickBooks refused it at this gate."""
    attempt = _attempt(inquiry)
    if (attempt.gate if attempt.gate in _REFUSALS else "rejected_by_quickbooks") != code:
        return None
    released = inquiry.part.requests > attempt.asked
    return released or Unmet({"message": attempt.message} if attempt.message else {})


def _same_company(inquiry: Inquiry) -> bool | Unmet:
    """Check that the command's company is the connected one."""
    realm = _attempt(inquiry).realm
    return inquiry.realm == realm or Unmet({"realm": realm})


def _certain(inquiry: Inquiry) -> bool | Unmet:
    attempt = _attempt(inquiry)
    if attempt.status != "uncertain":
        return True
    case = "look_up_refused" if attempt.look_up_refused else None
    return Unmet({"message": attempt.message} if attempt.message else {}, case)


_REFUSALS = {
    "period_closed": Words(
        "The books are closed for the invoice's date[: {message}].",
        "Reopen the period in QuickBooks, then request the invoice.",
        "correct_in_quickbooks",
    ),
    "rejected_by_quickbooks": Words(
        "QuickBooks refused the invoice[: {message}].",
        "Correct the cause that QuickBooks names, then request the invoice.",
        "correct_in_quickbooks",
    ),
    "quickbooks_fails_at_it": Words(
        "QuickBooks failed each time the invoice was sent[: {message}]; no invoice was created.",
        "Read the request that was sent, and change the part that may make QuickBooks fail, such as a discount or an"
        " unusual character in a text; then request the invoice.",
        "request_invoice",
    ),
    "doc_number_taken": Words(
        "Another document in QuickBooks already has this invoice's number[: {message}].",
        "Renumber that document in QuickBooks, or request the invoice: it then takes the next number.",
        "request_invoice",
    ),
}
REFUSED = tuple(
    Gate(code, partial(_released, code), words, given=_is_rejected) for code, words in _REFUSALS.items()
)
STOPPED = (
    company.CONNECTED,
    company.NOT_EXPIRED,
    Gate(
        "other_company_connected",
        _same_company,
        Words(
            "The invoice was made for QuickBooks company {realm}, but another company is connected now.",
            "Ask an admin to connect that company again: it may already have the invoice.",
            "connect",
        ),
        depends_on=("workspace",),
    ),
    *company.SERVED,
    company.NOT_PAUSED,
)
# An invoice gets its date when it is first sent, so the time zone no longer matters for a sent one.
UNSENT = (company.DATED,)
UNCERTAIN = Gate(
    "outcome_uncertain",
    _certain,
    Words(
        "The invoice was sent, but QuickBooks' answer was lost[ ({message})].",
        "Nothing to do: the invoice is looked up in QuickBooks before it is sent again.",
    ),
    cases={"look_up_refused": LOOK_UP_REFUSED},
)
CREATED = Gate(IN_PROGRESS, lambda _: False, CREATING)


def in_flight(attempt: Attempt) -> Sequence[Gate]:
    """Return the gates of a command without an outcome."""
    return (*STOPPED, UNCERTAIN) if attempt.status == "uncertain" else (*STOPPED, *UNSENT)


def progress(inquiry: Inquiry) -> list[Checked]:
    """Return the checked gates of the invoice's own command; none before it, and none once the invoice exists."""
    attempt = inquiry.part.attempt
    if attempt is None or inquiry.part.invoice is not None:
        return []
    if not attempt.is_open:
        return [found for gate in REFUSED if (found := gate.checked(inquiry))]
    checked = [found for gate in in_flight(attempt) if (found := gate.checked(inquiry))]
    return [found for found in checked if not found.met] or [Checked(CREATED, Unmet())]
