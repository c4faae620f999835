"""The gates of the company: it is connected, read and served, its time zone is known, and invoicing is not paused."""

from functools import partial

from events.contract.gates import REFUSED_COMPANY, Words
from worker.quote_to_cash.gates import Gate, Unmet
from worker.quote_to_cash.inquiry import Inquiry, has_company


def _is_served(code: str, inquiry: Inquiry) -> bool | Unmet:
    """Check that QuickBooks does not refuse every request for the company."""
    refused = inquiry.workspace.refused
    if refused is None or refused.gate != code:
        return True
    return Unmet({"message": refused.message})


def _is_read(inquiry: Inquiry) -> bool | Unmet:
    problem = inquiry.workspace.read_problem
    return has_company(inquiry) or Unmet({"problem": problem} if problem else {})


def _is_dated(inquiry: Inquiry) -> bool | Unmet:
    """Check that the company's time zone is known, since its invoices are dated by it."""
    reason = inquiry.company.time_zone_reason
    return inquiry.settings.time_zone is not None or Unmet({"reason": reason} if reason else {})


_gate = partial(Gate, depends_on=("workspace",))
CONNECTED = _gate(
    "connection_missing",
    lambda inquiry: inquiry.workspace.connection is not None and not inquiry.workspace.disconnected,
    Words("QuickBooks is not connected.", "Ask an admin to connect it.", "connect"),
)
NOT_EXPIRED = _gate(
    "connection_expired",
    lambda inquiry: not inquiry.workspace.expired,
    Words(
        "QuickBooks no longer accepts the connection.",
        "Ask an admin to connect it again.",
        "connect",
    ),
)
READ = _gate(
    "company_not_read",
    _is_read,
    Words(
        "The QuickBooks company has not been read yet[: {problem}].",
        "Wait a moment; if that does not help, connect again.",
        "connect",
    ),
    given=lambda inquiry: inquiry.workspace.connection is not None,
)
DATED = _gate(
    "time_zone_not_set",
    _is_dated,
    Words(
        "The QuickBooks company's time zone is not known, so its invoices can't be dated[: {reason}].",
        "Choose the time zone, such as America/Chicago.",
        "choose_time_zone",
    ),
    given=has_company,
)
SERVED = tuple(
    Gate(code, partial(_is_served, code), words, depends_on=("workspace",))
    for code, words in REFUSED_COMPANY.items()
)
NOT_PAUSED = _gate(
    "paused",
    lambda inquiry: not inquiry.settings.paused,
    Words("Invoicing is paused for this workspace.", "Resume it.", "resume"),
)

GATES = (CONNECTED, NOT_EXPIRED, READ, DATED, *SERVED, NOT_PAUSED)
