"""The steps of a worker, one by one and in any order: decide, listen, compare, read from QuickBooks, and write to it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from unittest.mock import patch

from events.contract import catalog
from events.contract.observed import SyncRequested
from tests import stories
from tests.worker.sync.office import Office
from worker.quote_to_cash import manager
from worker.roles import runner, suggesting
from worker.roles.runner import ShortTurns
from worker.sandbox import accountant
from worker.suggesting import listening, portions
from worker.suggesting.indexes import Indexes
from worker.sync import hearing

Step = Callable[[], Awaitable[None]]


def create(office: Office, name: str, entity: str = "Customer", **fields: Any) -> str:
    """Create an object in QuickBooks, as an accountant does; return its ID."""
    fields = {"DisplayName": name, **fields}
    return str(accountant.create(office.company, entity, fields, office.world.clock.now())["Id"])


def named(office: Office, name: str) -> list[str]:
    """Return the customers in QuickBooks with a display name."""
    return [each["Id"] for each in office.world.books("Customer") if each["DisplayName"] == name]


async def everything(office: Office) -> None:
    """Work until nothing is left."""
    for _ in range(3):
        await office.work()
        await office.world.settle()


async def payloads(office: Office, event_type: str) -> list[Any]:
    """Return the recorded events of a type."""
    return [each.event.payload for each in await office.world.log() if each.event.type == event_type]


async def decide(office: Office) -> None:
    """Let the process manager handle the next events."""
    services = office.world.services
    await runner.turn(services.database, services.clock, (manager.SUBSCRIPTION,), "test")


async def listen(office: Office) -> None:
    """Let the subscription that suggests customers handle the next events."""
    services = office.world.services
    await runner.turn(services.database, services.clock, (listening.SUBSCRIPTION,), "test")


async def compare(office: Office) -> None:
    """Compare one portion."""
    services = office.world.services
    await suggesting.compare(services.database, services.clock, "test", ShortTurns(), office.world.indexes)


async def read(office: Office) -> None:
    """Take one step of sync, if one is due."""
    for realm in await office.syncer.due():
        await office.syncer.step(realm)


async def read_all(office: Office) -> None:
    """Let sync alone follow the log, and read what changed."""
    services = office.world.services
    await runner.catch_up(services.database, services.clock, (hearing.SUBSCRIPTION,), "test")
    for _ in range(20):
        await read(office)


async def write(office: Office) -> None:
    """Carry out the commands that are due."""
    for command in await office.world.claim():
        await office.world.dispatcher.work(command)


async def forget(office: Office) -> None:
    """Lose what is in memory, as a process that is killed does."""
    office.world.indexes = Indexes()


class Killed(BaseException):
    """The process ends before it commits."""


async def die_comparing(office: Office) -> None:
    """Die at the end of a portion, and lose what is in memory."""
    with patch.object(portions, "change", side_effect=Killed), suppress(Killed):
        await compare(office)
    await forget(office)


async def die_deciding(office: Office) -> None:
    """Die while decisions are stored, after their events were appended."""
    with patch("worker.quote_to_cash.manager.table.add", side_effect=Killed), suppress(Killed):
        await decide(office)


async def lose_an_answer(office: Office) -> None:
    """Let QuickBooks carry out the next write, and lose its answer."""
    office.world.trouble("lost_answer")


async def request_sync(office: Office) -> None:
    """Ask for the changes in QuickBooks, and handle nothing yet."""
    await office.world.admin().say(catalog.SYNC_REQUESTED, SyncRequested("ada"))


STEPS: Mapping[str, Callable[[Office], Awaitable[None]]] = {
    each.__name__: each
    for each in (
        *(decide, listen, compare, read, write, forget, request_sync),
        *(die_comparing, die_deciding, lose_an_answer),
    )
}


def account(account_id: str, name: str, revision: int = 1, **fields: Any) -> dict[str, Any]:
    """Return a snapshot of an account with a name."""
    return stories.account(account_id, name=name, revision=revision, **fields)
