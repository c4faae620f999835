"""Intuit's webhook deliveries: how many are answered a second, and how soon at 200 a second beside other work.

The shipped worker runs (`q2c up`) as a separate process. First, sixteen connections send deliveries of three changes as
fast as they are answered, which is when the changes are stored. Then 200 deliveries are due a second, whether or not earlier
ones are answered, while two workspaces post drafts at exactly their tokens' rate limit (`benchmarks.neighbours`), four
hundred events a second; a delivery's time begins when it is due. All senders are processes of their own on the same
machine. Every change is another one, so each is an event.

The limit is a Litestar handler that only verifies the signature, served in the same way, and at 200 a second without other
work: it stores nothing, and parses nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from benchmarks import bare_door, fairness, intuit, neighbours, signed, streams, stub
from benchmarks.fairness import Open
from benchmarks.intuit import Answers
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured, percentile
from benchmarks.stores import REALM
from worker.demo import stage

VERIFIER_TOKEN = "verify_me"  # noqa: S105 - guards nothing
RATE = 200
SECONDS_AT_ONCE = 4.0
SECONDS_AT_RATE = 10.0
NEIGHBOURS = 2
SECONDS_BEFORE = 2.0  # of the neighbours alone


def _opening(database: Open) -> Callable[[Path], AbstractAsyncContextManager[Contenders]]:
    @asynccontextmanager
    async def opened(directory: Path) -> AsyncIterator[Contenders]:
        with database(directory) as url:
            async with stub.running() as quickbooks:
                environment = streams.environment(
                    database_url=url,
                    quickbooks_verifier_token=SecretStr(VERIFIER_TOKEN),
                    **signed.quickbooks(quickbooks),
                )
                await signed.prepared(environment, deals=1)
                tokens = (await fairness.add_neighbours(environment))[:NEIGHBOURS]
                port, bare_port = stage.free_port(), stage.free_port()
                async with (
                    signed.worker(directory, environment, port),
                    bare_door.running(bare_port, VERIFIER_TOKEN),
                ):

                    async def ours() -> Measured:
                        at_once = await _sent(port, SECONDS_AT_ONCE, 0)
                        at_rate = await _beside(port, tokens)
                        refused = float(at_once.refused + at_rate.refused)
                        return {**_figures_of(at_once, at_rate), "refused": refused}

                    async def limit() -> Measured:
                        at_once = await _sent(bare_port, SECONDS_AT_ONCE, 0)
                        return _figures_of(at_once, await _sent(bare_port, SECONDS_AT_RATE, RATE))

                    yield Contenders(ours=ours, limit=limit)

    return opened


async def _beside(port: int, tokens: list[str]) -> Answers:
    """Send deliveries at the rate, while the neighbours post."""
    seconds = SECONDS_BEFORE + SECONDS_AT_RATE + SECONDS_BEFORE
    async with neighbours.running(port, seconds, tokens) as others:
        await asyncio.sleep(SECONDS_BEFORE)
        answers = await _sent(port, SECONDS_AT_RATE, RATE)
        await neighbours.ended(others)
    return answers


async def _sent(port: int, seconds: float, rate: int) -> Answers:
    return await intuit.run(port, seconds, rate, VERIFIER_TOKEN, REALM)


def _figures_of(at_once: Answers, at_rate: Answers) -> Measured:
    return {
        "rate": (len(at_once.milliseconds) - at_once.refused) / at_once.seconds,
        "p99": percentile(at_rate.milliseconds, 99),
        "p50": percentile(at_rate.milliseconds, 50),
        "longest": max(at_rate.milliseconds),
        "sent": len(at_rate.milliseconds) / at_rate.seconds,
    }


def _figures(where: str) -> tuple[Figure, ...]:
    title = f"Webhooks of three changes, {where}"
    beside = f"{title}, 200 a second beside two workspaces at their rate limit"
    return (
        Figure("rate", title, "deliveries/s", (Goal("none", 200, 400), Goal("limit", 0.1, 0.3))),
        Figure("p99", f"{beside}, p99", "ms", (Goal("none", 100, 50, at_most=True),)),
        Figure("p50", f"{beside}, p50", "ms"),
        Figure("longest", f"{beside}, longest", "ms", (Goal("none", 3000, at_most=True),)),
        Figure("sent", f"{beside}: answered", "deliveries/s", (Goal("none", 198),)),
        Figure("refused", f"{title}: refused", "deliveries", (Goal("none", 0, at_most=True),)),
    )


WEBHOOKS = Benchmark(
    name="webhooks",
    figures=_figures("SQLite"),
    open=_opening(fairness.on_sqlite),
    limit="signature verified and answered",
    rounds=3,
)
POSTGRES = Benchmark(
    name="webhooks-postgres",
    figures=_figures("PostgreSQL"),
    open=_opening(fairness.on_postgres),
    limit="signature verified and answered",
    rounds=3,
)
