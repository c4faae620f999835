"""What came in, in numbers and in one line, whatever door it came through."""

from collections import Counter
from collections.abc import Sequence

import structlog
from prometheus_client import Counter as Metric

from events.log.intake import Received

received_total = Metric("q2c_events_received_total", "Events received", ["door", "outcome"])
MAKE_ROOM = "List them with q2c dead-letters, and make room with q2c dead-letters discard."
logger = structlog.get_logger()


def note(door: str, received: Sequence[Received], *, routine: bool = False, **about: object) -> None:
    """Count what came and say it in one line of the log; of what is routine only where something was of no use."""
    outcomes = Counter(result.outcome for result in received)
    for outcome, count in outcomes.items():
        received_total.labels(door, outcome).inc(count)
    reasons = sorted({result.reason for result in received if result.reason})
    say = logger.debug if routine and not reasons else logger.info
    say("events.received", door=door, outcomes=dict(outcomes), reasons=reasons, **about)
    if outcomes["refused"]:
        logger.error("dead_letters.full", door=door, refused=outcomes["refused"], remedy=MAKE_ROOM, **about)
