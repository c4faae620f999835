"""The next step after an attempt that did not succeed: a pure decision from the kind of error."""

import math
from datetime import datetime, timedelta

from msgspec import Struct

from worker.commands.claimed import Claimed
from worker.commands.claims import Timing
from worker.quickbooks import errors
from worker.quickbooks.errors import QuickBooksError

BACKOFF_SECONDS_MAX = 60
FIRST_LOOK_UP_SECONDS = 1
# The longest pause between repeated look-ups, readings and sends, and between requests for a refused company: an hour.
PAUSE_SECONDS_MAX = 3600
# QuickBooks may refuse a fresh token by mistake; if it refuses all for so long, a person has to connect again.
REFUSED_MAX = timedelta(minutes=15)
GATE_OF_CODE = {
    "6210": "period_closed",
    "6140": "doc_number_taken",
}


class TryAgain(Struct, frozen=True):
    """QuickBooks did not apply the request; attempt the command again at `at`."""

    at: datetime


class HoldRealm(Struct, frozen=True):
    """QuickBooks rate-limits the realm, fails at all requests or refuses its access token: send none until `until`."""

    until: datetime
    refused_since: datetime | None


class HoldCompany(Struct, frozen=True):
    """QuickBooks refuses every request for the company: stop its deals at `gate`, and try again at `until`."""

    until: datetime
    gate: str
    message: str


class LookUp(Struct, frozen=True):
    """QuickBooks may have applied the request: look the command up at `at`, before any further send."""

    at: datetime


class Disconnect(Struct, frozen=True):
    """The connection's tokens have expired or were revoked; a person has to connect again."""

    reason: str


Next = TryAgain | HoldRealm | HoldCompany | LookUp | Disconnect


def pause_seconds(times: int) -> float:
    """Return the pause before the next try, in seconds; it doubles with each of the `times` failed tries."""
    return min(2.0 ** min(times, 12), PAUSE_SECONDS_MAX)


def after(  # noqa: PLR0911 - one for each kind of error
    error: QuickBooksError, command: Claimed, now: datetime, timing: Timing, *, sent: bool
) -> Next:
    """Decide the next step after an error that is no definite refusal.

    Args:
        error: The client's error.
        command: The command that was attempted.
        now: The present instant.
        timing: The duration of a pause after a 429.
        sent: Whether the error came from sending the command itself, and not from a look-up.
    """
    quiet_until = now + timedelta(seconds=timing.throttled_seconds)
    match error:
        case errors.Throttled():
            return HoldRealm(quiet_until, command.refused_since)
        case errors.NotAnswering(seconds=seconds):
            # Not a fraction too early: that claim would be refused again.
            return HoldRealm(now + timedelta(seconds=math.ceil(seconds)), command.refused_since)
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
