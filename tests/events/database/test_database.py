"""The guarantees of every implementation of the `Database` port about transactions."""

import asyncio
import sqlite3
from pathlib import Path
from threading import Event as Signal

import pytest
import sqlalchemy as sa

from events.database import sqlite as port
from events.database.locks import Lock, acquire
from events.database.port import Database
from events.database.sqlite import InlineDatabase, SqliteDatabase
from events.errors import DatabaseUnavailable
from events.log import log
from tests.events.samples import NOW, Killed, account, whole_log


async def test_work_gets_its_arguments_and_its_result_is_returned(database: Database) -> None:
    def work(connection: sa.Connection, a: int, *, b: int) -> int:
        return connection.execute(sa.select(sa.literal(a) * b)).scalar_one()

    assert await database.transaction(work, 6, b=7) == 42
    assert await database.read(work, 6, b=7) == 42


@pytest.mark.parametrize("failure", [RuntimeError, Killed])
async def test_an_exception_is_raised_unchanged_and_the_transaction_rolls_back(
    database: Database, failure: type[BaseException]
) -> None:
    raised = failure("as it is")

    def fail(connection: sa.Connection) -> None:
        log.append(connection, [account(1)], NOW)
        raise raised

    for _ in range(2):  # and a failed transaction leaves nothing locked
        with pytest.raises(failure, match="as it is") as caught:
            await database.transaction(fail)
        assert caught.value is raised
    assert await database.read(whole_log) == []
    [result] = await database.transaction(log.append, [account(1)], NOW)
    assert result.outcome == "appended"


async def test_a_lock_holder_sees_earlier_commits_under_the_lock(database: Database) -> None:
    """Each locks the log, reads the head, then appends at the next position: no two read the same head."""

    def work(connection: sa.Connection, number: int) -> bool:
        acquire(connection, Lock.LOG)
        head = log.head(connection)
        [result] = log.append(connection, [account(number)], NOW)
        return result.position == head + 1

    assert all(await asyncio.gather(*(database.transaction(work, n) for n in range(40))))


async def test_a_reader_sees_one_snapshot_and_waits_for_no_writer(sqlite: SqliteDatabase) -> None:
    reading, written = Signal(), Signal()

    def read_twice(connection: sa.Connection) -> tuple[int, int]:
        before = log.head(connection)
        reading.set()
        assert written.wait(10)
        return before, log.head(connection)

    reader = asyncio.create_task(sqlite.read(read_twice))
    assert await asyncio.to_thread(reading.wait, 10)
    await sqlite.transaction(log.append, [account(1)], NOW)
    written.set()
    assert await reader == (0, 0)
    assert await sqlite.read(log.head) == 1


async def test_a_writer_that_takes_its_time_holds_up_no_reader(sqlite: SqliteDatabase) -> None:
    appended, finish = Signal(), Signal()

    def slow(connection: sa.Connection) -> None:
        log.append(connection, [account(1)], NOW)
        appended.set()
        assert finish.wait(10)

    writer = asyncio.create_task(sqlite.transaction(slow))
    assert await asyncio.to_thread(appended.wait, 10)
    assert await sqlite.read(log.head) == 0, "what is not committed is seen by nobody"
    finish.set()
    await writer
    assert await sqlite.read(log.head) == 1


async def test_reading_can_not_write(sqlite: SqliteDatabase) -> None:
    with pytest.raises(DatabaseUnavailable, match="readonly"):
        await sqlite.read(log.append, [account(1)], NOW)
    assert await sqlite.read(log.head) == 0


async def test_closing_finishes_running_transactions(tmp_path: Path, sqlite: SqliteDatabase) -> None:
    running = [asyncio.create_task(sqlite.transaction(log.append, [account(n)], NOW)) for n in range(20)]
    await asyncio.sleep(0)
    await sqlite.close()
    assert [result.outcome for [result] in await asyncio.gather(*running)] == ["appended"] * 20
    reopened = InlineDatabase(tmp_path / "log.db")
    assert await reopened.read(log.head) == 20
    await reopened.close()


@pytest.mark.parametrize("implementation", [SqliteDatabase, InlineDatabase])
async def test_a_database_that_stays_locked_is_unavailable_for_that_long_only(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sqlite: SqliteDatabase,
    implementation: type[SqliteDatabase | InlineDatabase],
) -> None:
    monkeypatch.setattr(port, "BUSY_TIMEOUT_MILLISECONDS", 20)
    ours = implementation(tmp_path / "log.db")
    theirs = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    theirs.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked"):
        await ours.transaction(log.append, [account(1)], NOW)
    theirs.execute("ROLLBACK")
    theirs.close()
    [result] = await ours.transaction(log.append, [account(1)], NOW)
    assert (result.outcome, result.position) == ("appended", 1)
    assert await sqlite.read(log.head) == 1
    await ours.close()


async def test_an_acknowledged_commit_is_on_the_disk(sqlite: SqliteDatabase) -> None:
    full = 2
    assert await sqlite.transaction(lambda c: c.exec_driver_sql("PRAGMA synchronous").scalar()) == full
