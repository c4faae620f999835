"""What can go wrong with QuickBooks, told apart by what it means for a command.

::

    QuickBooksError
    ├── NotSent                 no connection could be made: certainly not applied
    │   └── Throttled           too many requests: certainly not applied; leave the realm alone
    ├── OutcomeUnknown          sent, and no clear answer of QuickBooks' own: it may have been applied
    ├── Rejected                a definite no to this one request, with QuickBooks' code
    ├── CompanyRefused          a definite no to whatever is asked of the company, until somebody has mended it
    ├── Unauthorized            the token is refused even after a refresh
    └── ConnectionExpired       the refresh token is no good: a person has to connect again
"""

from collections.abc import Sequence

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

# What a company stands at while QuickBooks refuses everything of it: the codes of gates, by QuickBooks' own.
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
    """Anything that goes wrong with QuickBooks."""


class NotSent(QuickBooksError):
    """The request certainly did not reach QuickBooks' books."""


class Throttled(NotSent):
    """QuickBooks refused to listen for now; it says no word about for how long."""


class OutcomeUnknown(QuickBooksError):
    """The request was sent and may have been applied."""


class Rejected(QuickBooksError):
    """QuickBooks definitely refused.

    Attributes:
        code: Of the first error; what decisions go by.
        explanation: What to show a person.
        intuit_tid: What Intuit's support asks for.
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


class CompanyRefused(QuickBooksError):
    """QuickBooks refuses the whole company, whatever is asked: it lapsed, or we lost the right.

    Attributes:
        gate: What deals stand at meanwhile.
        code: QuickBooks' own.
        explanation: What to show a person.
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
        of_other_company: Whether it says so in the words that it has for a token of another company.
    """

    def __init__(self, message: str, errors: Sequence[FaultError] = ()) -> None:
        super().__init__(message)
        self.of_other_company = any(error.code == NOT_AUTHENTICATED for error in errors)


class ConnectionExpired(QuickBooksError):
    """Intuit refuses the refresh token, or there is none; a person has to connect again."""
