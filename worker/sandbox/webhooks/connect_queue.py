"""The messages of one Connect configuration: sent as their events happen, and again by DocuSign's schedule."""

import heapq
import itertools
from collections import deque
from datetime import datetime, timedelta
from random import Random
from typing import get_args

from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.connect_keys import ConnectKeys
from worker.sandbox.webhooks.docusign import ConnectEvent
from worker.sandbox.webhooks.envelope import Status
from worker.sandbox.webhooks.mishaps import Mishaps
from worker.sandbox.webhooks.outgoing import LOG_MAX, DueDelivery, Outgoing
from worker.sandbox.webhooks.retries import connect_retry
from worker.sandbox.webhooks.subscriptions import ConnectSubscription, acknowledges
from worker.sandbox.webhooks.summary import FIRST_CONFIGURATION, Configuration

IN_FLIGHT_MAX = 10
# The events of the forms that send an envelope as a whole.
OF_STATUSES = frozenset(f"envelope-{status}" for status in get_args(Status))


class ConnectQueue:
    """Decides when which event is sent. No message waits for another, and each try is written and signed anew.

    Args:
        number: The number of the subscription.
        subscription: The configuration.
        random: The source of mishaps.
        keys: The keys that sign the messages.
    """

    def __init__(
        self, number: int, subscription: ConnectSubscription, random: Random, *, keys: ConnectKeys
    ) -> None:
        self.log: deque[Outgoing] = deque(maxlen=LOG_MAX)
        self._number = number
        self._random = random
        self._keys = keys
        self._messages: dict[int, tuple[Outgoing, ConnectEvent]] = {}
        self._agenda: list[tuple[datetime, int]] = []
        self._held: list[tuple[datetime, int]] = []
        self._in_flight = 0
        self._numbers = itertools.count(1)
        self.follow(subscription)

    @property
    def waiting(self) -> int:
        """The number of messages that are neither acknowledged nor given up."""
        return len(self._messages)

    def follow(self, subscription: ConnectSubscription) -> None:
        """Follow another configuration from now on, for the same events."""
        self.subscription = subscription
        self._mishaps = Mishaps(subscription.mishaps, self._random)
        self._configuration = Configuration(
            form=subscription.form,
            envelope_data=subscription.envelope_data,
            custom_fields=subscription.custom_fields,
            documents=subscription.documents,
            recipients=subscription.recipients,
            identifier=FIRST_CONFIGURATION + self._number,
        )

    def add(self, event: ConnectEvent) -> None:
        """Add an event, if it is one of the configuration's."""
        events = self.subscription.events
        if events is not None and event.name not in events:
            return
        if self.subscription.form != "sim":
            if event.name not in OF_STATUSES:
                return
            self._drop_unsent(event.envelope.envelope_id)
        for delay in self._mishaps.delays():
            at = event.at + timedelta(seconds=self.subscription.delay_seconds + delay)
            number = next(self._numbers)
            self._messages[number] = (Outgoing(number, 1, first_at=at, next_at=at), event)
            heapq.heappush(self._agenda, (at, number))

    def due(self, now: datetime) -> list[DueDelivery]:
        """Return the messages to send now."""
        found = []
        while self._agenda and self._agenda[0][0] <= now and self._in_flight < IN_FLIGHT_MAX:
            _, number = heapq.heappop(self._agenda)
            if number in self._messages:  # else a later state of the envelope replaced it
                found.append(self._sent(number, now))
        return found

    def answered(self, number: int, status: int | None, now: datetime) -> None:
        """Take the receiver's answer to a message; None if there was none in time."""
        outgoing, _ = self._messages[number]
        self._in_flight -= 1
        if acknowledges(self.subscription, status):
            outgoing.end(status, acknowledged=True)
            del self._messages[number]
            self._release()
            return
        retry = None
        if self.subscription.requires_acknowledgement:
            retry = connect_retry(self.subscription.retries, outgoing.tries, outgoing.first_at, now)
        if retry is None:
            outgoing.end(status, acknowledged=False)
            del self._messages[number]
        elif retry.after_acknowledgement:
            outgoing.wait(status, None)
            self._held.append((retry.not_before, number))
        else:
            outgoing.wait(status, retry.not_before)
            heapq.heappush(self._agenda, (retry.not_before, number))

    def next_at(self) -> datetime | None:
        """Return when the next message is due; None if there is none, or too many are on their way."""
        return self._agenda[0][0] if self._agenda and self._in_flight < IN_FLIGHT_MAX else None

    def _sent(self, number: int, now: datetime) -> DueDelivery:
        outgoing, event = self._messages[number]
        if not outgoing.tries:
            self.log.append(outgoing)
        outgoing.begin(now)
        self._in_flight += 1
        body = docusign.message(
            event.envelope,
            event.envelope.status,
            now,
            outgoing.tries - 1,
            event=event.name,
            recipient_id=event.recipient_id,
            configuration=self._configuration,
        )
        return DueDelivery(
            self.subscription.url,
            docusign.signature_headers(body, self._keys.active, self.subscription.form),
            body,
            subscription=self._number,
            number=number,
            answer_seconds=self.subscription.answer_seconds,
        )

    def _release(self) -> None:
        """Let the messages that waited for an acknowledgement be sent again."""
        for not_before, number in self._held:
            self._messages[number][0].next_at = not_before
            heapq.heappush(self._agenda, (not_before, number))
        self._held.clear()

    def _drop_unsent(self, envelope_id: str) -> None:
        """Drop the unsent messages of an envelope: its next one shows the later state alone."""
        unsent = [
            number
            for number, (outgoing, event) in self._messages.items()
            if event.envelope.envelope_id == envelope_id and not outgoing.tries
        ]
        for number in unsent:
            del self._messages[number]
