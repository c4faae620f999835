"""Dead letters and their limits: show how many are stored, and discard them; the event of a discard names the person."""

from typing import Literal

import sqlalchemy as sa
import structlog
from msgspec import Struct
from prometheus_client import Gauge

from events.contract import catalog
from events.contract.administration import DeadLettersDiscarded
from events.log import dead_letters
from events.log.dead_letters import NO_WORKSPACE, LetterLimits, LetterSelection, Totals
from worker.actions.admin import Admin
from worker.services import Services
from worker.sources.received import MAKE_ROOM

_kept = Gauge("q2c_dead_letters", "Dead letters stored with their content", ["workspace"])
_bytes = Gauge("q2c_dead_letters_bytes", "Bytes of stored dead letters", ["workspace"])
_places = Gauge(
    "q2c_dead_letters_places", "Dead letters stored as a place in Kafka, without content", ["workspace"]
)
_full = Gauge(
    "q2c_dead_letters_full", "1 if a workspace has reached its limit of dead letters", ["workspace"]
)
logger = structlog.get_logger()


class Standing(Struct, frozen=True):
    """The dead letters of a workspace beside their limits; an alarm if one was stored without its content, or refused."""

    state: Literal["good", "dead_letters_full"]
    totals: Totals
    bounds: LetterLimits
    remedy: str | None = None


class Discarded(Struct, frozen=True):
    """The result of a discard.

    Attributes:
        discarded: The number of deleted dead letters.
        position: The position of the event; None if none were deleted, or they belonged to no workspace.
    """

    discarded: int
    position: int | None = None


def standing(connection: sa.Connection, workspace: str | None, bounds: LetterLimits) -> Standing:
    """Return the dead letters of a workspace beside their limits; of messages without a workspace if it is None."""
    totals = dead_letters.totals_of(connection, workspace)
    if totals.full_since is None:
        return Standing("good", totals, bounds)
    return Standing("dead_letters_full", totals, bounds, MAKE_ROOM)


def measure(connection: sa.Connection) -> None:
    """Set the gauges from the table of dead letters."""
    for totals in dead_letters.totals(connection):
        account = totals.account or "(unknown)"
        _kept.labels(account).set(totals.letters)
        _bytes.labels(account).set(totals.bytes)
        _places.labels(account).set(totals.places)
        _full.labels(account).set(totals.full_since is not None)


async def discard(services: Services, chosen: LetterSelection, by: str, why: str | None = None) -> Discarded:
    """Delete the chosen dead letters, in portions; before that, append an event that names the person."""
    count = await services.database.read(dead_letters.count, chosen)
    if not count:
        return Discarded(0)
    position = None
    if chosen.workspace is not None:
        fact = DeadLettersDiscarded(count, by, chosen.reason, tuple(chosen.numbers), why)
        position = await Admin.of(services, chosen.workspace, by).say(catalog.DEAD_LETTERS_DISCARDED, fact)
    bounds, done = services.environment.dead_letter_limits, 0
    while done < count:  # no person has seen the dead letters that arrive meanwhile
        limit = min(count - done, dead_letters.DISCARDED_AT_ONCE_MAX)
        gone = await services.database.transaction(
            dead_letters.discard, chosen, services.clock.now(), bounds, limit
        )
        done += gone
        if not gone:
            break
    logger.warning(
        "dead_letters.discarded", workspace=chosen.workspace or NO_WORKSPACE, count=done, by=by, why=why
    )
    return Discarded(done, position)
