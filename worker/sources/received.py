"""Count and log received records, for every source."""

from collections import Counter
from collections.abc import Sequence

import structlog
from prometheus_client import Counter as Metric

from events.log.intake import Received

received_total = Metric("q2c_events_received_total", "Events received", ["door", "outcome"])
MAKE_ROOM = "List them with q2c dead-letters, and make room with q2c dead-letters discard."
logger = structlog.get_logger()


def note(door: str, received: Sequence[Received], *, routine: bool = False, **about: object) -> None:
    """Count received records and log them in one line; if `routine`, only log them if some are invalid."""
    outcomes = Counter(result.outcome for result in received)
    for outcome, count in outcomes.items():
        received_total.labels(door, outcome).inc(count)
    reasons = sorted({result.reason for result in received if result.reason})
    say = logger.debug if routine and not reasons else logger.info
    say("events.received", door=door, outcomes=dict(outcomes), reasons=reasons, **about)
    if outcomes["refused"]:
        logger.error("dead_letters.full", door=door, refused=outcomes["refused"], remedy=MAKE_ROOM, **about)
