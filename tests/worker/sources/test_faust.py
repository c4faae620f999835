"""Ingestion loses no event and stores none twice, whatever fails between Kafka and the log."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from events.contract import catalog
from events.database.port import Database
from events.errors import DatabaseUnavailable
from tests import stories
from tests.stories import deals, ids
from tests.worker.streams import Stream, ingesting
from worker.kafka.positions import positions
from worker.sources import faust
from worker.sources.faust import IngestFailed


async def test_produced_events_are_in_the_log_once_and_both_offsets_agree(stream: Stream) -> None:
    await stream.send(*deals(*range(300)), stories.account())
    async with ingesting(stream) as task:
        await stream.until_appended(301, task)
        await stream.send(*deals(*range(300, 310)))
        await stream.until_appended(311, task)
    found = await stream.ids()
    assert sorted(found) == sorted([*ids(*range(310)), stories.account()["id"]])
    assert await stream.stored() == {
        at: end
        for topic in (catalog.DEALS, catalog.ACCOUNTS)
        for at, end in (await stream.ends(topic)).items()
        if end
    }
    known = await positions(stream.environment, stream.services.database)
    assert all((at.committed or 0) == (at.stored or 0) and not at.lag for at in known)


async def test_events_of_a_key_keep_their_order(stream: Stream) -> None:
    snapshots = [stories.deal("D-1", revision=n) for n in range(1, 200)]
    mixed = [event for n, snapshot in enumerate(snapshots) for event in (snapshot, stories.deal(f"X-{n}"))]
    await stream.send(*mixed)
    async with ingesting(stream) as task:
        await stream.until_appended(len(mixed), task)
    of_the_deal = [r.event.id for r in await stream.log() if r.event.stream == "deal/D-1"]
    assert of_the_deal == [snapshot["id"] for snapshot in snapshots]


class Failing:
    """A database in which some writing transactions fail, before or after they are committed."""

    def __init__(self, database: Database, *plan: tuple[Exception | None, bool]) -> None:
        self._database = database
        self.plan = list(plan)

    async def transaction(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        error, committed = self.plan.pop(0) if self.plan else (None, True)
        result = await self._database.transaction(work, *args, **kwargs) if committed else None
        if error is not None:
            raise error
        return result

    async def read(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self._database.read(work, *args, **kwargs)

    async def close(self) -> None:
        await self._database.close()


async def test_a_database_that_is_away_for_a_while_is_waited_for(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faust, "RETRY_SECONDS", 0.05)
    away = DatabaseUnavailable("away")
    failing = Failing(stream.services.database, (away, False), (away, True), (away, False))
    await stream.send(*deals(*range(50)))
    async with ingesting(stream, stream.with_database(failing)) as task:
        await stream.until_appended(50, task)
    assert failing.plan == []
    assert sorted(await stream.ids()) == sorted(ids(*range(50)))


@pytest.mark.parametrize("committed", [True, False], ids=["after its commit", "before its commit"])
async def test_a_failure_ends_ingestion_and_the_next_start_continues(
    stream: Stream, *, committed: bool
) -> None:
    for number in range(3):
        await stream.send(*deals(*range(number * 10, number * 10 + 10)))
        failing = Failing(stream.services.database, (RuntimeError("a defect"), committed))
        with pytest.raises(IngestFailed) as failed:
            async with ingesting(stream, stream.with_database(failing)) as task:
                await asyncio.wait({task}, timeout=30)
        assert isinstance(failed.value.__cause__, RuntimeError)
    async with ingesting(stream) as task:
        await stream.until_appended(30, task)
    assert sorted(await stream.ids()) == sorted(ids(*range(30)))


async def test_a_database_that_stays_away_ends_ingestion(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faust, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(faust, "STORE_SECONDS_MAX", 0.5)
    failing = Failing(stream.services.database, *[(DatabaseUnavailable("away"), False)] * 100)
    await stream.send(*deals(1))
    with pytest.raises(IngestFailed) as failed:
        async with ingesting(stream, stream.with_database(failing)) as task:
            await asyncio.wait({task}, timeout=30)
    assert isinstance(failed.value.__cause__, DatabaseUnavailable)
    assert await stream.head() == 0


async def test_a_stop_that_faust_cancels_does_not_hide_why_it_stops() -> None:
    class Cancelling:
        async def stop(self) -> None:
            raise asyncio.CancelledError

    started = asyncio.get_running_loop().create_future()
    started.set_result(None)
    await faust._stop(cast("Any", Cancelling()), started)  # its own error would replace the reason
