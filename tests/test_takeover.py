"""Roles as real processes on PostgreSQL: one leads, the other takes over, and both end on request."""

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from events.database.postgres import PostgresDatabase
from events.log import log
from events.log.tables import subscriptions
from projections.deals import deals
from tests import stories
from tests.events.samples import made
from worker.migrations import schema
from worker.services import SUBSCRIPTIONS
from worker.workspaces import tenants

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
KEY = base64.urlsafe_b64encode(bytes(32)).decode()
START_SECONDS_MAX, TAKEOVER_SECONDS_MAX, STOP_SECONDS_MAX = 60, 30, 30

Process = asyncio.subprocess.Process


@asynccontextmanager
async def running(url: str, *roles: str) -> AsyncIterator[Process]:
    """Run roles in a separate process; yield it once it is ready."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("Q2C_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from worker.cli import main; main()", "run", *roles, "--json"),
        env=inherited | {"Q2C_DATABASE_URL": url, "Q2C_LOG_LEVEL": "warning", "Q2C_TOKEN_KEYS": KEY},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            said = json.loads(await process.stdout.readline())
        assert said == {"ready": True, "url": None, "roles": list(roles)}
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        process._transport.close()  # type: ignore[attr-defined] # otherwise its pipe outlives the loop


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres_url)
    await opened.transaction(schema.migrate)
    await opened.transaction(tenants.add, "acme", "token", NOW)
    yield opened
    await opened.close()


async def appended(database: PostgresDatabase, number: int) -> None:
    await database.transaction(log.append, [made(stories.deal(f"D-{number}"))], NOW)


async def known(database: PostgresDatabase, count: int) -> None:
    """Wait until `count` deals are in the read model."""
    statement = sa.select(sa.func.count()).select_from(deals)
    while await database.read(lambda c: c.scalar(statement)) != count:  # noqa: ASYNC110 - another process does it
        await asyncio.sleep(0.05)


async def leader(database: PostgresDatabase) -> int:
    """Return the process that leads all subscriptions."""
    named = subscriptions.c.name.in_([subscription.name for subscription in SUBSCRIPTIONS])
    holders = await database.read(lambda c: c.scalars(sa.select(subscriptions.c.holder).where(named)).all())
    [holder] = set(holders)
    return int(holder.split(":")[1])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
async def test_a_standby_takes_over(
    database: PostgresDatabase, postgres_url: str, how: signal.Signals
) -> None:
    async with running(postgres_url, "process") as one, running(postgres_url, "process") as other:
        await appended(database, 1)
        async with asyncio.timeout(TAKEOVER_SECONDS_MAX):
            await known(database, 1)
        by_pid = {one.pid: one, other.pid: other}
        first = by_pid.pop(await leader(database))
        first.send_signal(how)
        await appended(database, 2)
        async with asyncio.timeout(TAKEOVER_SECONDS_MAX):
            await known(database, 2)
        await appended(database, 3)  # a draining process may still have handled the second event
        async with asyncio.timeout(TAKEOVER_SECONDS_MAX):
            await known(database, 3)
        assert await leader(database) in by_pid
        if how is signal.SIGSTOP:  # it continues, and finds that another process leads
            first.send_signal(signal.SIGCONT)
            await appended(database, 3)
            async with asyncio.timeout(TAKEOVER_SECONDS_MAX):
                await known(database, 3)
        if how is signal.SIGTERM:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                assert await first.wait() == 0


async def test_a_process_that_starts_after_the_clock_was_set_back_takes_over(
    database: PostgresDatabase, postgres_url: str
) -> None:
    """The killed process's lease then ends an hour later."""
    async with running(postgres_url, "process") as killed:
        await appended(database, 1)
        async with asyncio.timeout(TAKEOVER_SECONDS_MAX):
            await known(database, 1)
        killed.kill()
        await killed.wait()
    an_hour_ahead = subscriptions.update().values(leased_until=datetime.now(UTC) + timedelta(hours=1))
    await database.transaction(lambda connection: connection.execute(an_hour_ahead))
    await appended(database, 2)
    async with running(postgres_url, "process") as started:
        async with asyncio.timeout(TAKEOVER_SECONDS_MAX):
            await known(database, 2)
        assert await leader(database) == started.pid


async def test_every_role_ends_on_request(database: PostgresDatabase, postgres_url: str) -> None:
    await appended(database, 1)
    async with running(postgres_url, "process", "schedule") as process:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_SECONDS_MAX):
            assert await process.wait() == 0
