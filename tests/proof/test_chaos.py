"""The short form of `python -m tests.chaos`: some faults of every kind, in a few minutes."""

from tests.chaos import report, run
from tests.chaos.faults import Amounts
from tests.chaos.run import Options
from tests.proof.amounts import AMOUNTS

OPTIONS = Options(
    seed=AMOUNTS.seed,
    messages=30_000,
    tales_each=45,
    amounts=Amounts(kills=5, terms=5, freezes=2, brokers=1, postgres=3, guests=1, rounds=2),
    settle_seconds_max=120,
)


async def test_nothing_is_lost_or_done_twice_while_everything_goes_wrong() -> None:
    found = await run.run(OPTIONS, say=print)
    print(report.text(found))  # noqa: T201 - pytest shows it where the test fails
    assert found.good, report.text(found)
