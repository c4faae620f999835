"""The announcements of one QuickBooks subscription: gathered, sent one message at a time, and held behind a failed one."""

import heapq
import itertools
from collections import deque
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from msgspec import Struct

from worker.sandbox.books.journal import Change
from worker.sandbox.webhooks import quickbooks
from worker.sandbox.webhooks.mishaps import Mishaps
from worker.sandbox.webhooks.outgoing import LOG_MAX, DueDelivery, Outgoing
from worker.sandbox.webhooks.quickbooks import Notice
from worker.sandbox.webhooks.retries import quickbooks_retry
from worker.sandbox.webhooks.subscriptions import QuickBooksSubscription, acknowledges


class Announcing(Struct, frozen=True):
    """The message that is being sent; each try sends the same bytes."""

    outgoing: Outgoing
    headers: dict[str, str]
    body: bytes


class NoticeQueue:
    """Decides when which changes are announced.

    A message is made when its first change has waited for the subscription's delay, of all changes up to then, and sent
    until it is acknowledged. Changes that happen meanwhile go into later messages.

    Args:
        number: The number of the subscription.
        subscription: The subscription.
        random: The source of IDs and mishaps.
        client_id: The app's.
        verifier_token: The token that signs the messages.
    """

    def __init__(
        self,
        number: int,
        subscription: QuickBooksSubscription,
        random: Random,
        *,
        client_id: str,
        verifier_token: str,
    ) -> None:
        self.log: deque[Outgoing] = deque(maxlen=LOG_MAX)
        self._number = number
        self._random = random
        self._client_id = client_id
        self._verifier_token = verifier_token
        self._pending: list[tuple[datetime, int, Notice]] = []
        self._order = itertools.count()
        self._numbers = itertools.count(1)
        self._first: Announcing | None = None
        self.lost = 0  # changes that are never announced
        self.follow(subscription)

    @property
    def waiting(self) -> int:
        """The number of changes that are in no message yet."""
        return len(self._pending)

    def follow(self, subscription: QuickBooksSubscription) -> None:
        """Follow another subscription from now on, for the same changes."""
        self.subscription = subscription
        self._delay = timedelta(seconds=subscription.delay_seconds)
        self._mishaps = Mishaps(subscription.mishaps, self._random)

    def add(self, realm: str, change: Change) -> None:
        """Add a change that QuickBooks announces, if it is of one of the subscription's entities."""
        entities = self.subscription.entities
        if entities is not None and change.entity not in entities:
            return
        notice = Notice(realm, change, self._uuid(), self._random.randrange(1000))
        delays = self._mishaps.delays()
        self.lost += not delays
        for delay in delays:
            ready_at = change.at + timedelta(seconds=delay)
            heapq.heappush(self._pending, (ready_at, next(self._order), notice))

    def due(self, now: datetime) -> list[DueDelivery]:
        """Return the message to send now, if there is one."""
        if self._first is None:
            self._first = self._message(now)
        if self._first is None:
            return []
        outgoing = self._first.outgoing
        if outgoing.next_at is None or outgoing.next_at > now:
            return []
        outgoing.begin(now)
        delivery = DueDelivery(
            self.subscription.url,
            self._first.headers,
            self._first.body,
            subscription=self._number,
            number=outgoing.number,
            answer_seconds=self.subscription.answer_seconds,
        )
        return [delivery]

    def answered(self, number: int, status: int | None, now: datetime) -> None:
        """Take the receiver's answer to a message; None if there was none in time."""
        if self._first is None or self._first.outgoing.number != number:
            raise ValueError(f"Message {number} is not on its way")
        outgoing = self._first.outgoing
        if acknowledges(self.subscription, status):
            outgoing.end(status, acknowledged=True)
            self._first = None
        else:
            outgoing.wait(status, quickbooks_retry(outgoing.tries, now))

    def next_at(self) -> datetime | None:
        """Return when the next message is due; None while one is on its way, or if there is none."""
        if self._first is not None:
            return self._first.outgoing.next_at
        return self._pending[0][0] + self._delay if self._pending else None

    def _message(self, now: datetime) -> Announcing | None:
        if not self._pending or self._pending[0][0] + self._delay > now:
            return None
        notices: list[Notice] = []
        while (
            self._pending and self._pending[0][0] <= now and len(notices) < self.subscription.per_delivery_max
        ):
            notices.append(heapq.heappop(self._pending)[2])
        outgoing = Outgoing(next(self._numbers), len(notices), first_at=now, next_at=now)
        self.log.append(outgoing)
        body = self._body(notices)
        return Announcing(outgoing, quickbooks.headers(body, self._verifier_token, now, self._uuid()), body)

    def _body(self, notices: list[Notice]) -> bytes:
        if self.subscription.form == "cloud_events":
            return quickbooks.cloud_events(notices, self._client_id)
        return quickbooks.classic(notices, merge_names_deleted=self.subscription.merge_names_deleted)

    def _uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))
