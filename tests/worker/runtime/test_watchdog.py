"""A process with work but without progress ends itself; a process that waits for others does not."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from events.clock import SystemClock
from events.errors import DatabaseUnavailable
from tests.fakes import FakeClock
from worker.runtime.watchdog import CRASHED, Progress, Stalled, bounded, watch

PATIENCE = 80.0
ROOT = Path(__file__).parents[3]


def look_of(progress: Callable[[], Progress]) -> Callable[[], asyncio.Future[Progress]]:
    async def look() -> Progress:
        return progress()

    return look  # type: ignore[return-value] # a coroutine is as good


async def watched_for(seconds: float, progress: Callable[[], Progress]) -> None:
    """Watch for a number of virtual seconds."""
    clock = FakeClock()
    watching = asyncio.create_task(watch(clock, "process", look_of(progress), PATIENCE))
    waiting = asyncio.create_task(clock.sleep(seconds))
    await asyncio.wait({watching, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if watching.done():
        watching.result()
    watching.cancel()


async def test_work_without_progress_ends_the_process() -> None:
    with pytest.raises(Stalled, match="process has work, but has made no progress for 80 s"):
        await watched_for(3 * PATIENCE, lambda: Progress(7, behind=True))


async def test_slow_progress_is_no_stall() -> None:
    marks = iter(range(10**6))
    await watched_for(10 * PATIENCE, lambda: Progress(next(marks) // 6, behind=True))


async def test_a_part_without_work_is_not_stalled() -> None:
    await watched_for(10 * PATIENCE, lambda: Progress(7, behind=False))


async def test_an_unavailable_database_is_no_stall() -> None:
    def away() -> Progress:
        raise DatabaseUnavailable("away")

    await watched_for(10 * PATIENCE, away)


async def test_a_look_that_hangs_is_no_progress() -> None:
    async def look() -> Progress:
        await asyncio.sleep(60)
        return Progress(7, behind=False)

    with pytest.raises(Stalled, match="can't be seen"):
        await watch(SystemClock(), "process", look, 0.2)


async def test_tasks_that_end_in_time_are_awaited_and_others_cancelled() -> None:
    ended: list[str] = []

    async def work(name: str, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            ended.append(name)
        except asyncio.CancelledError:
            ended.append(f"{name} cancelled")
            raise

    tasks = {asyncio.create_task(work("quick", 0.01)), asyncio.create_task(work("slow", 60))}
    await bounded(tasks, 0.1)
    assert ended == ["quick", "slow cancelled"]


STANDS_STILL = "time.sleep(60)"  # the event loop
DEAF = "await stubborn()"  # a task that does not end when it is cancelled


def hanging(stuck: str, before: str = "") -> list[str]:
    """A process that hangs."""
    code = f"""
import asyncio, time
from events.clock import SystemClock
from worker.runtime.watchdog import bounded, keep_awake

async def stubborn():
    async def deaf():
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                pass
    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await bounded({{task}}, 0.2)

async def main():
    asyncio.create_task(keep_awake(SystemClock(), 1))
    await asyncio.sleep(0.1)
    {stuck}

{before}
asyncio.run(main())
"""
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("stuck", "said"),
    [
        (STANDS_STILL, rb"watchdog\.loop_stalled .* at=\['.*<string>:\d+ main'\]"),
        (DEAF, rb"worker\.does_not_end .* parts=\['Task-\d+'\]"),
    ],
)
def test_a_hanging_process_exits_and_logs_why(stuck: str, said: bytes) -> None:
    done = subprocess.run(hanging(stuck), check=False, capture_output=True, timeout=30, cwd=ROOT)
    assert done.returncode == CRASHED
    assert re.search(said, re.sub(rb"\x1b\[[0-9;]*m", b"", done.stdout)), done


@pytest.mark.parametrize("stuck", [STANDS_STILL, DEAF])
def test_a_hanging_process_exits_if_the_reader_of_its_log_is_gone(stuck: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(hanging(stuck), check=False, stdout=writer, timeout=30, cwd=ROOT)
    os.close(writer)
    assert done.returncode == CRASHED


@pytest.mark.parametrize("stuck", [STANDS_STILL, DEAF])
def test_a_hanging_process_exits_if_its_log_is_not_read(stuck: str) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    before = "import worker.runtime.watchdog; worker.runtime.watchdog.SAY_SECONDS_MAX = 0.5"
    done = subprocess.run(hanging(stuck, before), check=False, stdout=writer, timeout=30, cwd=ROOT)
    os.close(reader)
    os.close(writer)
    assert done.returncode == CRASHED
