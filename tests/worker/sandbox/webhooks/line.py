"""A line from the sandbox's deliveries to a receiver, on a virtual clock: due messages are answered at once."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise, repeat
from random import Random
from typing import Any

from msgspec import Struct

from worker.sandbox.books.journal import Change, Journal, Operation
from worker.sandbox.webhooks.connect_keys import ConnectKeys
from worker.sandbox.webhooks.deliveries import Deliveries
from worker.sandbox.webhooks.envelopes import Envelopes, EnvelopeWish, SignerWish, Step, StepWish
from worker.sandbox.webhooks.outgoing import DueDelivery
from worker.sandbox.webhooks.subscriptions import AnySubscription

START = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
URL = "https://receiver.test/hook"
TOKEN = "verify_me"
MONTH_SECONDS = 30 * 24 * 3600
ANNA, BEN = SignerWish("Anna", "anna@signer.example", 1), SignerWish("Ben", "ben@signer.example", 2)


class Tried(Struct, frozen=True):
    """A try: when, the message, and the receiver's answer."""

    at: datetime
    delivery: DueDelivery
    status: int | None

    @property
    def message(self) -> Any:
        return json.loads(self.delivery.body)


class Line:
    """Books, envelopes and a receiver.

    Attributes:
        tries: The tries so far.
        answers: The receiver's next answers.
    """

    def __init__(
        self, *subscriptions: AnySubscription, realms: Iterable[str] = ("1",), seed: int = 1
    ) -> None:
        self.now = START
        self.journals = {realm: Journal() for realm in realms}
        self.connected = set(realms)
        self.keys = ConnectKeys(Random(seed))
        self.envelopes = Envelopes(Random(seed))
        self.deliveries = Deliveries(
            Random(seed),
            client_id="app",
            verifier_token=TOKEN,
            keys=self.keys,
            journals=lambda: self.journals,
            connected=lambda realm: realm in self.connected,
        )
        self.tries: list[Tried] = []
        self.answers: Iterator[int | None] = repeat(200)
        for subscription in subscriptions:
            self.deliveries.subscribe(subscription)

    def answer(self, *statuses: int | None) -> None:
        """Choose the next answers; after them the receiver acknowledges."""
        self.answers = chain(statuses, repeat(200))

    def change(
        self, identifier: str, entity: str = "Invoice", operation: Operation = "Create", *, realm: str = "1"
    ) -> None:
        """Change an object."""
        self.journals[realm].append(Change(self.now, entity, identifier, operation, by="app"))

    def envelope(self, *signers: SignerWish, deal_id: str = "D-1") -> str:
        """Send an envelope; return its ID."""
        wish = EnvelopeWish(deal_id, signers or (ANNA,), document_bytes=100)
        envelope_id, events = self.envelopes.create(wish, self.now)
        self.deliveries.happened(events)
        return envelope_id

    def step(self, envelope_id: str, step: Step, **wish: Any) -> None:
        """Let an envelope take a step."""
        self.deliveries.happened(self.envelopes.take(envelope_id, step, StepWish(**wish), self.now))

    def wait(self, seconds: float = MONTH_SECONDS) -> list[Tried]:
        """Let time pass; return the tries meanwhile."""
        before, until = len(self.tries), self.now + timedelta(seconds=seconds)
        while True:
            self._send()
            next_at = self.deliveries.next_at()
            if next_at is None or next_at > until:
                break
            self.now = max(self.now, next_at)
        self.now = until
        return self.tries[before:]

    def _send(self) -> None:
        for delivery in self.deliveries.due(self.now):
            tried = Tried(self.now, delivery, next(self.answers))
            self.tries.append(tried)
            self.deliveries.answered(delivery, tried.status, self.now)


def waits(tries: list[Tried]) -> list[float]:
    """Return the seconds between tries."""
    return [(after.at - before.at).total_seconds() for before, after in pairwise(tries)]


def identifiers(tries: Iterable[Tried]) -> list[tuple[str, str]]:
    """Return the company and the Id of each change in messages of CloudEvents."""
    return [(event["intuitaccountid"], event["intuitentityid"]) for tried in tries for event in tried.message]
