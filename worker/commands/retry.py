"""What to do when a command did not succeed: a pure decision from the kind of error."""

from datetime import datetime, timedelta

from msgspec import Struct

from worker.commands.claimed import Claimed
from worker.commands.claims import Timing
from worker.quickbooks import errors
from worker.quickbooks.errors import QuickBooksError

BACKOFF_SECONDS_MAX = 60
FIRST_LOOK_UP_SECONDS = 1
# What is asked again and again is asked ever more seldom, up to once an hour; so is a company that refuses everything.
PAUSE_SECONDS_MAX = 3600
# A fresh token that is refused may be a hiccup; when every one is for so long, a person has to connect anew.
REFUSED_MAX = timedelta(minutes=15)
GATE_OF_CODE = {
    "6210": "period_closed",
    "6140": "doc_number_taken",
}


class TryAgain(Struct, frozen=True):
    """It never reached the books; send it again then."""

    at: datetime


class HoldRealm(Struct, frozen=True):
    """QuickBooks asked for quiet, or refuses its own tokens: leave the whole realm alone until then."""

    until: datetime
    refused_since: datetime | None


class HoldCompany(Struct, frozen=True):
    """QuickBooks refuses whatever is asked of the company: stop all of it at a gate, and ask again then."""

    until: datetime
    gate: str
    message: str


class LookUp(Struct, frozen=True):
    """It may have reached the books; look before anything else is done."""

    at: datetime


class Disconnect(Struct, frozen=True):
    """Our tokens are no longer good; a person has to connect again."""

    reason: str


Next = TryAgain | HoldRealm | HoldCompany | LookUp | Disconnect


def pause_seconds(times: int) -> float:
    """Return how long to wait before asking for the next time, growing with how many times it was in vain."""
    return min(2.0 ** min(times, 12), PAUSE_SECONDS_MAX)


def after(  # noqa: PLR0911 - one for each kind of error
    error: QuickBooksError, command: Claimed, now: datetime, timing: Timing, *, sent: bool
) -> Next:
    """Decide what follows from an error that is no definite refusal.

    Args:
        error: What the client said.
        command: What was attempted.
        now: The present instant.
        timing: How long QuickBooks wants to be left alone.
        sent: Whether this attempt got as far as sending the command itself, rather than a look-up.
    """
    quiet_until = now + timedelta(seconds=timing.throttled_seconds)
    match error:
        case errors.Throttled():
            return HoldRealm(quiet_until, command.refused_since)
        case errors.CompanyBlocked():
            lasted = (now - command.gate_since).total_seconds() if command.gate_since else 0.0
            seconds = min(max(lasted, timing.throttled_seconds), PAUSE_SECONDS_MAX)
            return HoldCompany(now + timedelta(seconds=seconds), error.gate, error.explanation)
        case errors.ReconnectRequired():
            return Disconnect(str(error))
        case errors.Unauthorized():
            refused_since = min(command.refused_since or now, now)
            if now - refused_since < REFUSED_MAX:
                return HoldRealm(quiet_until, refused_since)
            return Disconnect(str(error))
        case errors.OutcomeUnknown() if sent:
            return LookUp(now + timedelta(seconds=FIRST_LOOK_UP_SECONDS))
        case _:
            return TryAgain(now + timedelta(seconds=min(2**command.attempts, BACKOFF_SECONDS_MAX)))
