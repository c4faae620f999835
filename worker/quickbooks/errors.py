"""The errors of requests to QuickBooks, by their meaning for a command.

::

    QuickBooksError
    ├── NotSent                 no connection could be made: the request was certainly not applied
    │   ├── Throttled           too many requests: certainly not applied; pause the realm
    │   ├── NotAnswering        several requests in a row failed; no request is sent for a while
    │   └── ReadsSpent          the month's reads are nearly used up: no bulk read until it ends
    ├── OutcomeUnknown          sent, without a clear answer from QuickBooks: it may have been applied
    │   └── AnswerTooLong       the answer has more bytes than we read
    ├── Rejected                QuickBooks rejected this request, with a code
    ├── CompanyBlocked          QuickBooks refuses every request for the company, until a person corrects the cause
    ├── Unauthorized            QuickBooks refuses the access token even after a refresh
    └── ReconnectRequired       the refresh token is invalid or missing: a person has to connect again
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from events.errors import OutsideError

NOT_AUTHENTICATED = "100"
LACK_OF_RIGHTS = "120"
OBJECT_NOT_FOUND = "610"
UNKNOWN_PROPERTY = "2010"
PARAMETER_MISSING = "2020"
TEXT_TOO_LONG = "2050"
UNKNOWN_REFERENCE = "2500"
THROTTLED = "3001"
WRONG_APPLICATION = "3100"
TOKEN_REFUSED = "3200"  # noqa: S105 - a code, no token
STALE_OBJECT = "5010"
BUSINESS_RULE = "6000"
AMOUNT_DIFFERS = "6070"
DUPLICATE_DOC_NUMBER = "6140"
COMPANY_UNAVAILABLE = "6190"
PERIOD_CLOSED = "6210"
DUPLICATE_NAME = "6240"
APPLICATION_ERROR = "10000"

# The gates at which deals wait while QuickBooks refuses every request for the company, by QuickBooks' code.
GATE_OF_COMPANY = {
    COMPANY_UNAVAILABLE: "subscription_lapsed",
    LACK_OF_RIGHTS: "insufficient_rights",
    WRONG_APPLICATION: "wrong_environment",
}


class FaultError(Struct, frozen=True):
    """One error of a Fault. `message` and `detail` are in the company's language: match on `code`."""

    code: str
    message: str = ""
    detail: str = ""
    element: str = ""


class QuickBooksError(OutsideError):
    """The base of all errors of requests to QuickBooks."""


class NotSent(QuickBooksError):
    """The request was certainly not applied."""


class Throttled(NotSent):
    """QuickBooks rate-limited the company; it does not say for how long."""


class NotAnswering(NotSent):
    """QuickBooks failed at the company's last requests, so that none is sent for a while.

    Attributes:
        seconds: For how long.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("QuickBooks failed at this company's last requests")
        self.seconds = seconds


class ReadsSpent(NotSent):
    """The app's reads of this calendar month are nearly used up; the rest is for reads that writes need.

    Attributes:
        resumes_at: When the next month begins, in UTC.
    """

    def __init__(self, resumes_at: datetime) -> None:
        super().__init__(
            "This month's reads of QuickBooks are nearly used up (Q2C_QUICKBOOKS_READS_PER_MONTH); reading for"
            f" synchronization resumes at {resumes_at:%Y-%m-%d %H:%M} UTC"
        )
        self.resumes_at = resumes_at


class OutcomeUnknown(QuickBooksError):
    """The request was sent and may have been applied."""


class AnswerTooLong(OutcomeUnknown):
    """The answer has more bytes than we read."""


class Rejected(QuickBooksError):
    """QuickBooks definitely rejected the request.

    Attributes:
        code: The code of the first error; decisions depend on it.
        explanation: A sentence for a person.
        intuit_tid: The ID of the request, for Intuit's support.
    """

    def __init__(self, status: int, errors: tuple[FaultError, ...], intuit_tid: str | None) -> None:
        first = errors[0] if errors else FaultError(code=str(status), message=f"HTTP {status}")
        said = "; ".join(dict.fromkeys(error.detail or error.message for error in errors)) or first.message
        self.explanation = f"{' '.join(said.split())} (code {first.code})"
        super().__init__(f"QuickBooks refused: {self.explanation}")
        self.code = first.code
        self.errors = errors
        self.status = status
        self.intuit_tid = intuit_tid


class CompanyBlocked(QuickBooksError):
    """QuickBooks refuses every request for the company: its subscription lapsed, or we lost the right.

    Attributes:
        gate: The gate at which deals wait meanwhile.
        code: QuickBooks' code.
        explanation: A sentence for a person.
    """

    def __init__(self, rejected: Rejected) -> None:
        code = next(error.code for error in rejected.errors if error.code in GATE_OF_COMPANY)
        super().__init__(f"QuickBooks refuses the company: {rejected.explanation}")
        self.gate = GATE_OF_COMPANY[code]
        self.code = code
        self.explanation = rejected.explanation


class Unauthorized(QuickBooksError):
    """QuickBooks refuses the access token, even a fresh one.

    Attributes:
        of_other_company: Whether QuickBooks' message is the one for a token of another company.
    """

    def __init__(self, message: str, errors: Sequence[FaultError] = ()) -> None:
        super().__init__(message)
        self.of_other_company = any(error.code == NOT_AUTHENTICATED for error in errors)


class ReconnectRequired(QuickBooksError):
    """Intuit refuses the refresh token, or there is none; a person has to connect again."""
