"""A message on its way to a subscriber: its tries so far, and the next one."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from worker.sandbox.messages import Delivery

LOG_MAX = 100


class DueDelivery(Delivery, frozen=True, kw_only=True):
    """A message to send now.

    Attributes:
        subscription: The number of its subscription.
        number: Its number there.
        answer_seconds: The time that the receiver has to answer.
    """

    subscription: int
    number: int
    answer_seconds: float


class Outgoing(Struct):
    """The log's entry of a message.

    Attributes:
        number: Its number.
        events: The number of changes or events in it.
        first_at: When it was to be sent first.
        next_at: When it is sent next; None while it is on its way, waits for an acknowledgement of another, or is done.
        state: How far it is.
        tries: The number of its tries.
        tried_at: When it was last sent.
        status: The last answer's status; None if there was none in time.
    """

    number: int
    events: int
    first_at: datetime
    next_at: datetime | None
    state: Literal["waiting", "in_flight", "acknowledged", "given_up"] = "waiting"
    tries: int = 0
    tried_at: datetime | None = None
    status: int | None = None

    def begin(self, now: datetime) -> None:
        """Note that it is sent."""
        self.state, self.next_at, self.tried_at = "in_flight", None, now
        self.tries += 1

    def wait(self, status: int | None, next_at: datetime | None) -> None:
        """Note that it failed, and when it is sent again."""
        self.state, self.status, self.next_at = "waiting", status, next_at

    def end(self, status: int | None, *, acknowledged: bool) -> None:
        """Note that it is not sent again."""
        self.state, self.status = "acknowledged" if acknowledged else "given_up", status
