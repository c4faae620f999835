"""All messages of the sandbox, by subscription: which of them are due, and when the next one is."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from random import Random
from typing import Any

import msgspec

from worker.sandbox.books.journal import Journal
from worker.sandbox.webhooks.connect_keys import ConnectKeys
from worker.sandbox.webhooks.connect_queue import ConnectQueue
from worker.sandbox.webhooks.docusign import ConnectEvent
from worker.sandbox.webhooks.notice_queue import NoticeQueue
from worker.sandbox.webhooks.outgoing import DueDelivery
from worker.sandbox.webhooks.quickbooks import is_announced
from worker.sandbox.webhooks.receivers import InvalidDelivery
from worker.sandbox.webhooks.subscriptions import (
    AnySubscription,
    ConnectSubscription,
    QuickBooksSubscription,
)


class Deliveries:
    """Decides which messages are due at an instant. It neither sends nor waits, so that any clock can drive it.

    Args:
        random: The source of IDs and mishaps.
        client_id: The app's.
        verifier_token: The token that signs QuickBooks' messages.
        keys: The keys that sign DocuSign's messages.
        journals: Returns the journal of each company.
        connected: Returns whether a company is connected to the app; the others' changes are not announced.
    """

    def __init__(
        self,
        random: Random,
        *,
        client_id: str,
        verifier_token: str,
        keys: ConnectKeys,
        journals: Callable[[], Mapping[str, Journal]],
        connected: Callable[[str], bool],
    ) -> None:
        self._random = random
        self._client_id = client_id
        self._verifier_token = verifier_token
        self._keys = keys
        self._journals = journals
        self._connected = connected
        self._queues: dict[int, NoticeQueue | ConnectQueue] = {}
        self._read: dict[str, int] = {}
        self._subscribed = 0

    @property
    def subscriptions(self) -> list[int]:
        """The numbers of the subscriptions."""
        return list(self._queues)

    def subscribe(self, subscription: AnySubscription) -> int:
        """Add a subscription to all that happens from now on; return its number."""
        self.read()
        self._subscribed += 1
        number = self._subscribed
        random = Random(self._random.getrandbits(64))  # noqa: S311 - reproducible on purpose
        if isinstance(subscription, QuickBooksSubscription):
            self._queues[number] = NoticeQueue(
                number,
                subscription,
                random,
                client_id=self._client_id,
                verifier_token=self._verifier_token,
            )
        else:
            self._queues[number] = ConnectQueue(number, subscription, random, keys=self._keys)
        return number

    def change(self, number: int, subscription: AnySubscription) -> None:
        """Replace a subscription; its messages stay.

        Raises:
            InvalidDelivery: It is of another kind.
        """
        match self._queues[number], subscription:
            case NoticeQueue() as queue, QuickBooksSubscription():
                queue.follow(subscription)
            case ConnectQueue() as queue, ConnectSubscription():
                queue.follow(subscription)
            case _:
                raise InvalidDelivery("A subscription keeps its kind - at `$.kind`")

    def unsubscribe(self, number: int) -> None:
        """Remove a subscription with its messages."""
        del self._queues[number]

    def shown(self, number: int) -> dict[str, Any]:
        """Return a subscription with the log of its last messages, as the control API shows it."""
        queue = self._queues[number]
        shown: dict[str, Any] = msgspec.to_builtins(queue.subscription)
        return {
            "number": number,
            **shown,
            "waiting": queue.waiting,
            "log": msgspec.to_builtins(list(queue.log)),
        }

    def is_sending(self, number: int) -> bool:
        """Return whether a message of a subscription waits or is on its way."""
        self.read()
        queue = self._queues[number]
        return queue.next_at() is not None or any(each.state == "in_flight" for each in queue.log)

    def lost(self, number: int) -> int:
        """Return how many changes of a QuickBooks subscription were lost."""
        queue = self._queues[number]
        return queue.lost if isinstance(queue, NoticeQueue) else 0

    def read(self) -> None:
        """Read the new changes in the journals. A journal that a restored snapshot cut is read on from its new end."""
        notice_queues = [queue for queue in self._queues.values() if isinstance(queue, NoticeQueue)]
        for realm, journal in self._journals().items():
            position = self._read.get(realm, 0)
            self._read[realm] = len(journal)
            if position >= len(journal) or not notice_queues or not self._connected(realm):
                continue
            for change in filter(is_announced, journal.after(position)):
                for queue in notice_queues:
                    queue.add(realm, change)

    def happened(self, events: Iterable[ConnectEvent]) -> None:
        """Take events of envelopes."""
        connect_queues = [queue for queue in self._queues.values() if isinstance(queue, ConnectQueue)]
        for event in events:
            for queue in connect_queues:
                queue.add(event)

    def due(self, now: datetime) -> list[DueDelivery]:
        """Return the messages to send now; `answered` has to follow for each."""
        self.read()
        return [delivery for queue in self._queues.values() for delivery in queue.due(now)]

    def answered(self, delivery: DueDelivery, status: int | None, now: datetime) -> None:
        """Take a receiver's answer; None if there was none in time."""
        queue = self._queues.get(delivery.subscription)
        if queue is not None:  # else it was unsubscribed meanwhile
            queue.answered(delivery.number, status, now)

    def next_at(self) -> datetime | None:
        """Return when the next message is due; None if none is waiting."""
        self.read()
        return min(filter(None, (queue.next_at() for queue in self._queues.values())), default=None)
