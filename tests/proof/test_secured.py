"""The whole story on a PostgreSQL and a Kafka that require TLS and a password, and are killed meanwhile."""

from tests.chaos import ground, report, run
from tests.chaos.faults import Amounts
from tests.chaos.run import Options

OPTIONS = Options(
    seed=20260505,
    messages=1_500,
    tales_each=12,
    amounts=Amounts(kills=5, terms=0, freezes=0, brokers=1, postgres=1, guests=0, rounds=0),
    settle_seconds_max=60,
)


async def test_the_whole_story_through_tls_and_passwords() -> None:
    found = await run.run(OPTIONS, say=print, opened=ground.running_secured_servers)
    assert found.good, report.text(found)
