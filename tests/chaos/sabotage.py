"""Remove a safeguard from the worker's processes, to check that a run notices.

A process gets the safeguard's name; any second safeguard for the same fault is removed too.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from worker.commands import claims
from worker.kafka.messages import Message
from worker.kafka.publisher import Publisher
from worker.quickbooks.client import QuickBooksClient
from worker.sources import faust

STORED_LATER_SECONDS = 1.5  # offsets are committed every second
_sending: set[asyncio.Task[None]] = set()


def storing_first() -> None:
    """Ingestion acknowledges a batch before it is stored, and does not compare Kafka's positions with ours."""
    take = faust._Intake.take

    async def acknowledged(self: Any, batch: Sequence[Any]) -> None:
        for event in batch:
            event.ack()
        await asyncio.sleep(STORED_LATER_SECONDS)
        await take(self, batch)

    _replace(faust._Intake, "take", acknowledged)
    _replace(faust, "refuse_if_ahead", lambda *_: None)


def acknowledged_publishing() -> None:
    """The relay and the doors continue before Kafka has acknowledged their messages."""
    publish = Publisher.publish

    async def sent(self: Publisher, messages: Sequence[Message]) -> None:
        task = asyncio.ensure_future(publish(self, messages))
        _sending.add(task)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    _replace(Publisher, "publish", sent)


def one_request_id() -> None:
    """Each attempt at a command has a new request ID, without a look-up before."""
    create = QuickBooksClient.write

    async def created(
        self: QuickBooksClient, realm: str, entity: Any, body: bytes, _: str, **options: Any
    ) -> Any:
        return await create(self, realm, entity, body, str(uuid4()), **options)

    _replace(QuickBooksClient, "write", created)
    _replace(claims, "needs_look_up", lambda *_: False)


SABOTAGES: dict[str, Callable[[], None]] = {
    sabotage.__name__.replace("_", "-"): sabotage
    for sabotage in (storing_first, acknowledged_publishing, one_request_id)
}


def commit(name: str) -> None:
    """Remove a safeguard from this process."""
    SABOTAGES[name]()


def _replace(owner: object, name: str, by: object) -> None:
    assert hasattr(owner, name), f"{owner} has no {name}: the sabotage is out of date"
    setattr(owner, name, by)
