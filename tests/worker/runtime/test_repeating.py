"""The loop of background tasks: turns, waits, retries, and the end."""

import asyncio
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from events.errors import DatabaseUnavailable
from tests.fakes import FakeClock
from tests.world import NOW
from worker.runtime.health import Health
from worker.runtime.repeating import ReportedPart, Retry, repeat


class Task:
    """A task whose turns go as told; it stops when there are no more."""

    def __init__(self, *turns: bool | Exception) -> None:
        self.clock, self.stopping, self.health = FakeClock(NOW), asyncio.Event(), Health()
        self.seen: list[str] = []
        self._turns: Iterator[bool | Exception] = iter(turns)

    async def turn(self) -> bool:
        self.seen.append(f"turn, {self.health.problems.get('part', 'good')}")
        found = next(self._turns, None)
        if isinstance(found, Exception):
            raise found
        if found is None:
            self.stopping.set()
        return bool(found)

    async def idle(self) -> None:
        self.seen.append("idle")

    async def run(self) -> None:
        await repeat(
            self.turn,
            Retry("task.retry", 5.0),
            clock=self.clock,
            stopping=self.stopping,
            idle=self.idle,
            part=ReportedPart(self.health, "part"),
        )


async def test_turns_follow_each_other_until_nothing_is_left() -> None:
    task = Task(True, True, False)
    await task.run()
    assert task.seen == ["turn, good"] * 3 + ["idle", "turn, good", "idle"]


async def test_a_failed_turn_is_logged_reported_and_retried_later() -> None:
    task = Task(DatabaseUnavailable("gone"), DatabaseUnavailable("still gone"), False)
    with capture_logs() as logs:
        await task.run()
    assert task.seen == ["turn, good", "turn, gone", "turn, still gone", "idle", "turn, good", "idle"]
    assert [(line["event"], line["problem"]) for line in logs] == [
        ("task.retry", "gone"),
        ("task.retry", "still gone"),
    ]
    assert (task.clock.now() - NOW).total_seconds() == 10


async def test_any_other_error_ends_the_task() -> None:
    task = Task(ValueError("a defect"))
    with pytest.raises(ValueError, match="a defect"):
        await task.run()


async def test_a_stop_ends_the_wait_for_a_retry() -> None:
    task = Task(DatabaseUnavailable("gone"), True)
    task.stopping.set()
    await task.run()
    assert task.seen == []


async def test_without_a_wait_of_its_own_a_task_waits_as_long_as_before_a_retry() -> None:
    task = Task(False, False)
    await repeat(task.turn, Retry("task.retry", 5.0), clock=task.clock, stopping=task.stopping)
    assert task.seen == ["turn, good"] * 3
    assert (task.clock.now() - NOW).total_seconds() >= 10
