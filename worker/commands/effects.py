"""What an attempt means for its whole company, as data, and what becomes of the company by it."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from worker.commands import companies
from worker.commands.companies import Company


class Kept(Struct, frozen=True):
    """The dispatcher sends for the company: no other one claims of it for some seconds."""

    holder: str
    now: datetime


class TokenAccepted(Struct, frozen=True):
    """QuickBooks took the access token: refusals are counted anew."""


class RateLimited(Struct, frozen=True):
    """Nothing is claimed of the company until then: QuickBooks rate-limits it, or refuses its access token.

    Attributes:
        until: The end of the pause.
        now: When that was decided.
        refused_before: Since when tokens were refused, as the claim found it.
        refused_since: Since when they are refused by now; none if they aren't.
    """

    until: datetime
    now: datetime
    refused_before: datetime | None
    refused_since: datetime | None


class Refused(Struct, frozen=True):
    """QuickBooks refuses all that is asked of the company: deals stop at this gate, and nothing is claimed until then."""

    gate: str
    until: datetime
    now: datetime


class Served(Struct, frozen=True):
    """QuickBooks serves the company again."""


class Disconnected(Struct, frozen=True):
    """The connection has ended, unless somebody has connected anew since the claim."""


Effect = Kept | TokenAccepted | RateLimited | Refused | Served | Disconnected


def pauses(effect: Effect | None) -> bool:
    """Say whether nothing is claimed of the company for a while."""
    return isinstance(effect, RateLimited | Refused)


def applied(effect: Effect, company: Company) -> Company:
    """Return what becomes of a company."""
    match effect:
        case Kept(holder, now):
            return companies.kept(company, holder, now)
        case TokenAccepted():
            return replace(company, refused_since=None)
        case RateLimited(until, now, refused_before, refused_since):
            # Where somebody connected anew since the claim, refusals are counted from there on.
            since = refused_since if company.refused_since == refused_before else company.refused_since
            return replace(company, not_before=until, waits_since=now, refused_since=since)
        case Refused(gate, until, now):
            since = company.gate_since if company.gate == gate else now
            return replace(
                company, not_before=until, waits_since=now, gate=gate, gate_since=since, refused_since=None
            )
        case Served():
            return replace(company, gate=None, gate_since=None, refused_since=None)
        case Disconnected():
            return replace(company, connected=False, refused_since=None)
