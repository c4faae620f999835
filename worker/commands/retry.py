"""What to do when a command did not succeed: a pure decision from the kind of error."""

from datetime import datetime, timedelta

from msgspec import Struct

from worker.commands.claims import Timing
from worker.quickbooks import errors
from worker.quickbooks.errors import QuickBooksError

BACKOFF_SECONDS_MAX = 60
FIRST_LOOK_UP_SECONDS = 1
# A fresh token that is refused may be a hiccup; refused again and again, a person has to connect anew.
UNAUTHORIZED_ATTEMPTS_MAX = 5
GATE_OF_CODE = {
    "6210": "period_closed",
    "6140": "doc_number_taken",
    "120": "insufficient_rights",
    "3100": "insufficient_rights",
}


class TryAgain(Struct, frozen=True):
    """It never reached the books; send it again then."""

    at: datetime


class HoldRealm(Struct, frozen=True):
    """QuickBooks asked for quiet: leave the whole realm alone until then."""

    until: datetime


class LookUp(Struct, frozen=True):
    """It may have reached the books; look before anything else is done."""

    at: datetime


class Disconnect(Struct, frozen=True):
    """Our tokens are no longer good; a person has to connect again."""

    reason: str


Next = TryAgain | HoldRealm | LookUp | Disconnect


def after(error: QuickBooksError, attempts: int, now: datetime, timing: Timing, *, sent: bool) -> Next:
    """Decide what follows from an error that is no definite refusal.

    Args:
        error: What the client said.
        attempts: How many attempts there were, this one included.
        now: The present instant.
        timing: How long QuickBooks wants to be left alone.
        sent: Whether this attempt got as far as sending the command itself, rather than a look-up.
    """
    match error:
        case errors.Throttled():
            return HoldRealm(now + timedelta(seconds=timing.throttled_seconds))
        case errors.ConnectionExpired():
            return Disconnect(str(error))
        case errors.Unauthorized() if attempts >= UNAUTHORIZED_ATTEMPTS_MAX:
            return Disconnect(str(error))
        case errors.OutcomeUnknown() if sent:
            return LookUp(now + timedelta(seconds=FIRST_LOOK_UP_SECONDS))
        case _:
            return TryAgain(now + timedelta(seconds=min(2**attempts, BACKOFF_SECONDS_MAX)))
