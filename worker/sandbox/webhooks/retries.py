"""The schedules by which unacknowledged messages are sent again."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

# QuickBooks: the waits after the first failures; the last one repeats for ever.
LADDER_SECONDS = (10, 20, 30, 5 * 60, 20 * 60, 2 * 3600, 4 * 3600, 6 * 3600)
# DocuSign, as its clients' documentation of `requiresAcknowledgement` has it.
DOCUMENTED_WAIT = timedelta(hours=24)
DOCUMENTED_RETRIES_MAX = 10
# DocuSign, as third parties report it: doubled waits of 15 s and more, 45 tries, 7 days.
DOUBLED_SECONDS = 15
DOUBLINGS_MAX = 10
DOUBLED_TRIES_MAX = 45
DOUBLED_FOR = timedelta(days=7)

ConnectSchedule = Literal["documented", "exponential"]


class ConnectRetry(Struct, frozen=True):
    """The next try of a Connect message.

    Attributes:
        not_before: Its earliest instant.
        after_acknowledgement: Whether it also waits until the receiver acknowledges another message.
    """

    not_before: datetime
    after_acknowledgement: bool


def quickbooks_retry(tries: int, failed_at: datetime) -> datetime:
    """Return when QuickBooks sends a message again that failed `tries` times."""
    return failed_at + timedelta(seconds=LADDER_SECONDS[min(tries, len(LADDER_SECONDS)) - 1])


def connect_retry(
    schedule: ConnectSchedule, tries: int, first_at: datetime, failed_at: datetime
) -> ConnectRetry | None:
    """Return how DocuSign sends a message again that failed `tries` times, first at `first_at`; None if it gives up."""
    if schedule == "documented":
        if tries > DOCUMENTED_RETRIES_MAX:
            return None
        wait = timedelta() if tries == 1 else DOCUMENTED_WAIT
        return ConnectRetry(failed_at + wait, after_acknowledgement=True)
    wait = timedelta(seconds=DOUBLED_SECONDS * 2 ** min(tries - 1, DOUBLINGS_MAX))
    if tries >= DOUBLED_TRIES_MAX or failed_at + wait > first_at + DOUBLED_FOR:
        return None
    return ConnectRetry(failed_at + wait, after_acknowledgement=False)
