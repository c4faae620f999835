"""The effects of an attempt on its whole company, as data, and their application."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from worker.commands import companies
from worker.commands.companies import CompanyRow


class Kept(Struct, frozen=True):
    """The dispatcher keeps the company: for some seconds, no other dispatcher claims its commands."""

    holder: str
    now: datetime


class TokenAccepted(Struct, frozen=True):
    """QuickBooks took the access token: refusals are counted anew."""


class PauseOver(Struct, frozen=True):
    """QuickBooks serves the company again after a pause until `paused_until`; refusals are counted anew too."""

    paused_until: datetime


class RateLimited(Struct, frozen=True):
    """The company is paused: QuickBooks rate-limits it, or refuses its access token.

    Attributes:
        until: The end of the pause.
        now: When the pause began.
        refused_before: Since when access tokens were refused, as it was at the claim; None if they weren't.
        refused_since: Since when access tokens are refused now; None if they aren't.
    """

    until: datetime
    now: datetime
    refused_before: datetime | None
    refused_since: datetime | None


class CompanyPaused(Struct, frozen=True):
    """QuickBooks refuses every request for the company: deals stop at `gate`, and the company is paused until `until`."""

    gate: str
    until: datetime
    now: datetime


class Served(Struct, frozen=True):
    """QuickBooks serves the company again."""


class Disconnected(Struct, frozen=True):
    """The connection has ended, unless a person has connected again since the claim."""


Effect = Kept | TokenAccepted | PauseOver | RateLimited | CompanyPaused | Served | Disconnected


def pauses(effect: Effect | None) -> bool:
    """Return whether an effect pauses the company."""
    return isinstance(effect, RateLimited | CompanyPaused)


def applied(effect: Effect, company: CompanyRow) -> CompanyRow:  # noqa: PLR0911 - one for each effect
    """Return the company with an effect applied."""
    match effect:
        case Kept(holder, now):
            return companies.kept(company, holder, now)
        case TokenAccepted():
            return replace(company, refused_since=None)
        case PauseOver(paused_until):
            over = company.not_before == paused_until  # or else another pause has begun since
            return replace(
                company,
                refused_since=None,
                not_before=None if over else company.not_before,
                waits_since=None if over else company.waits_since,
            )
        case RateLimited(until, now, refused_before, refused_since):
            # If a person has connected again since the claim, refusals are counted from that connection on.
            since = refused_since if company.refused_since == refused_before else company.refused_since
            return replace(company, not_before=until, waits_since=now, refused_since=since)
        case CompanyPaused(gate, until, now):
            since = company.gate_since if company.gate == gate else now
            return replace(
                company, not_before=until, waits_since=now, gate=gate, gate_since=since, refused_since=None
            )
        case Served():
            return replace(
                company, gate=None, gate_since=None, refused_since=None, not_before=None, waits_since=None
            )
        case Disconnected():
            return replace(company, connected=False, refused_since=None)
