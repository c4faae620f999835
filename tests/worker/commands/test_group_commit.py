"""Outcomes are stored together: each by its own lease, otherwise all or none, and none waits for others."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.database.sqlite import InlineDatabase
from events.errors import DatabaseUnavailable
from events.log import log
from tests import world
from tests.worker.commands.given import BODY, START, TIMING, claimed_of, outcome
from worker.commands import candidates, claims, table, transitions
from worker.commands.candidates import Due
from worker.commands.claimed import Claimed
from worker.commands.claims import LeaseLost
from worker.commands.group_commit import GroupCommit
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand, Realm, commands
from worker.simulation.database import DatabaseTrouble, SimulatedDatabase  # noqa: F401 - it knows every table

COMPANIES = 4
PER_COMPANY = 3


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[Database]:
    opened: Database
    if request.param == "sqlite":
        opened = InlineDatabase(tmp_path / "world.sqlite3")
    else:
        opened = PostgresDatabase(request.getfixturevalue("postgres_url"))
    await opened.transaction(world.lay_tables)
    await opened.transaction(fill)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def postgres(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres_url)
    await opened.transaction(world.lay_tables)
    await opened.transaction(fill)
    yield opened
    await opened.close()


def fill(connection: sa.Connection) -> None:
    """Connect companies, and command invoices in each."""
    cause = outcome(claimed_of("0", 0), START, done=True)
    for company in range(COMPANIES):
        table.put_realm(connection, Realm(str(company), f"w{company}", True, False, "UTC"))
        keys = [CommandKey(f"w{company}", f"deal/D-{n}", "create_invoice", 0, 1) for n in range(PER_COMPANY)]
        added = [(NewCommand(key, str(company), request_id(str(company), key), BODY), cause) for key in keys]
        table.add(connection, added, START)


async def claim(database: Database) -> list[Claimed]:
    return await database.transaction(claims.claim, TIMING, "a", START, slots=100, per_realm=100)


async def statuses(database: Database) -> dict[str, str]:
    found = await database.read(
        lambda c: c.execute(sa.select(commands.c.request_id, commands.c.status)).all()
    )
    return {row.request_id: row.status for row in found}


class Counting:
    """A database that counts the transitions of each transaction, and may fail."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.groups: list[int] = []
        self.fail = False
        self.begun = asyncio.Event()

    async def transaction(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        self.groups.append(len(args[0]))
        self.begun.set()
        await asyncio.sleep(0)
        if self.fail:
            raise DatabaseUnavailable("gone")
        return await self._inner.transaction(work, *args, **kwargs)


async def stored(group: GroupCommit, database: Any, wanted: Sequence[transitions.Transition]) -> list[Any]:
    return await asyncio.gather(*(group.store(database, step) for step in wanted), return_exceptions=True)


async def test_a_transition_without_its_lease_fails_alone_and_changes_nothing(database: Database) -> None:
    old = await claim(database)
    later = START + TIMING.lease + timedelta(seconds=1)
    [again] = await database.transaction(claims.claim, TIMING, "a", later, slots=1, per_realm=100)
    lost = next(command for command in old if command.request_id == again.request_id)
    counting = Counting(database)
    wanted = [
        transitions.finish(command, outcome(command, later, done=True), later, done=True) for command in old
    ]
    results = await stored(GroupCommit(), counting, wanted)
    assert counting.groups == [len(old)]
    failed = [command for command, result in zip(old, results, strict=True) if result is not None]
    assert failed == [lost]
    assert isinstance(results[old.index(lost)], LeaseLost)
    assert await database.read(log.head) == len(old) - 1
    found = await statuses(database)
    assert found.pop(again.request_id) == "leased"
    assert set(found.values()) == {"done"}


async def test_a_failed_transaction_fails_its_whole_group_and_no_later_one(database: Database) -> None:
    taken, group, counting = await claim(database), GroupCommit(), Counting(database)
    counting.fail = True
    results = await stored(
        group, counting, [transitions.sending(command, TIMING, START) for command in taken]
    )
    assert [type(result) for result in results] == [DatabaseUnavailable] * len(taken)
    assert counting.groups == [len(taken)]
    counting.fail = False
    await group.store(counting, transitions.sending(taken[0], TIMING, START))  # type: ignore[arg-type] # as good as one
    assert counting.groups == [len(taken), 1]


async def test_transitions_that_come_while_a_transaction_runs_are_stored_by_the_next(
    database: Database,
) -> None:
    taken, group, counting = await claim(database), GroupCommit(), Counting(database)
    wanted = [transitions.sending(command, TIMING, START) for command in taken]
    first = asyncio.create_task(group.store(counting, wanted[0]))  # type: ignore[arg-type] # as above
    await counting.begun.wait()
    assert await stored(group, counting, wanted[1:]) == [None] * (len(taken) - 1)
    await first
    assert counting.groups == [1, len(taken) - 1]


@pytest.mark.parametrize("who", [0, 1])
async def test_a_cancelled_task_cancels_no_other_of_its_group(database: Database, who: int) -> None:
    taken, group, counting = await claim(database), GroupCommit(), Counting(database)
    tasks = [
        asyncio.create_task(group.store(counting, transitions.sending(command, TIMING, START)))  # type: ignore[arg-type] # as above
        for command in taken
    ]
    await counting.begun.wait()
    tasks[who].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [index for index, result in enumerate(results) if result is not None] == [who]


async def test_a_cancelled_process_leaves_no_task_waiting(database: Database) -> None:
    taken, group, counting = await claim(database), GroupCommit(), Counting(database)
    tasks = [
        asyncio.create_task(group.store(counting, transitions.sending(command, TIMING, START)))  # type: ignore[arg-type] # as above
        for command in taken
    ]
    await counting.begun.wait()
    (storing,) = (task for task in asyncio.all_tasks() if task.get_name() == "group-commit")
    storing.cancel()
    async with asyncio.timeout(30):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {asyncio.CancelledError}


async def test_deciding_and_storing_outcomes_wait_for_each_other(postgres: PostgresDatabase) -> None:
    """Every transaction locks companies before the log, workspace by workspace, in any order of the commands."""
    order, group = Random(1), GroupCommit()

    def decide(connection: sa.Connection, number: int) -> None:
        for company in range(COMPANIES):
            table.put_realm(connection, Realm(str(company), f"w{company}", True, False, "UTC"))
        log.append_own(connection, [outcome(claimed_of("9", number), START, done=True)], START)

    taken = await claim(postgres)
    order.shuffle(taken)

    async def work_off(command: Claimed) -> None:
        await group.store(postgres, transitions.sending(command, TIMING, START))
        event = outcome(command, START, done=True)
        await group.store(postgres, transitions.finish(command, event, START, done=True))

    async with asyncio.timeout(60):
        await asyncio.gather(
            *(work_off(command) for command in taken),
            *(postgres.transaction(decide, number) for number in range(20)),
            *(postgres.transaction(claims.claim, TIMING, "a", START, slots=9, per_realm=9) for _ in range(5)),
        )
    assert await postgres.read(log.head) == len(taken) + 20


@pytest.mark.parametrize("seed", range(5))
async def test_both_ways_to_choose_choose_the_same(postgres: PostgresDatabase, seed: int) -> None:
    """PostgreSQL reads the first commands of all companies at once, SQLite of one after another; both read the same."""
    chance = Random(seed)

    def unlike(connection: sa.Connection) -> tuple[Counter[Due], Counter[Due]]:
        for request in connection.scalars(sa.select(commands.c.request_id)).all():
            until = START + timedelta(seconds=chance.choice((-1, 1, 86_400)))
            values = {
                "status": chance.choice(("ready", "ready", "uncertain", "leased", "done")),
                "due_at": START - timedelta(seconds=chance.randrange(-1, 4)),
                "waits_since": chance.choice((None, START, START + timedelta(hours=1))),
                "leased_until": until,
                "subject": f"deal/D-{chance.randrange(4)}",
                "generation": chance.randrange(10**6),
            }
            connection.execute(commands.update().where(commands.c.request_id == request).values(**values))
        instants: dict[str, Any] = {**candidates._instants(TIMING.lease, START)}
        most = {str(company): chance.randrange(1, 4) for company in range(COMPANIES)}
        at_once = candidates._first(connection, instants, most)
        one_by_one = [
            Due(*row)
            for realm, count in most.items()
            for row in connection.execute(
                candidates._FIRST_OF_ONE, {**instants, "realm_": realm, "most": count}
            )
        ]
        return Counter(at_once), Counter(one_by_one)

    one, other = await postgres.transaction(unlike)
    assert one == other
