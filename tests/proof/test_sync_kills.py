"""The real `q2c run sync`, killed in the middle of the first read of a large company: the next process goes on where it was."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import httpx
import sqlalchemy as sa

from events.clock import SystemClock
from events.contract import catalog
from events.log.tables import log
from tests.proof.amounts import AMOUNTS
from worker.connections import consenting
from worker.demo import play, stage
from worker.demo.doors import Doors, open_workspace
from worker.demo.place import Place
from worker.quickbooks import queries
from worker.roles import sync as role
from worker.runtime.environment import Environment
from worker.sandbox.messages import Reply, Request
from worker.sandbox.openings.plausible import Amounts
from worker.sandbox.service import Sandbox
from worker.services import Services, open_services
from worker.sync.standing import SyncStanding, standing
from worker.verification.observed import differences

CUSTOMERS, SEED = AMOUNTS.customers, AMOUNTS.seed
KILLS = 4
QUICKBOOKS_SECONDS = 60
WORKSPACE = "demo"
PATIENCE_SECONDS = 60 + CUSTOMERS / 50


class Counted(Sandbox):
    """A sandbox that counts the pages of customers that were asked for."""

    pages = 0

    def handle(self, request: Request) -> Reply:
        self.pages += request.query.get("query", "").startswith("SELECT * FROM Customer ")
        return super().handle(request)


async def test_a_killed_first_read_goes_on_where_it_was(migrated_postgres_url: str, tmp_path: Path) -> None:
    random, clock = Random(SEED), SystemClock()
    sandbox = Counted(clock, seed=SEED, books=Amounts(CUSTOMERS, 0))
    full_pages = CUSTOMERS // queries.PAGE_ROWS_MAX
    async with stage.running_sandbox(sandbox) as url:
        place = Place(tmp_path, {"database_url": migrated_postgres_url})
        port = stage.free_port()
        # Far longer than a page takes, also on a busy machine.
        environment = {
            **play.environment_of(place, sandbox, url, port),
            "quickbooks_timeout_seconds": QUICKBOOKS_SECONDS,
        }
        variables = {**os.environ, **play.variables_of(environment), "Q2C_LOG_LEVEL": "warning"}
        services = await open_services(Environment(**environment))
        try:
            async with running("web", "process", "dispatch", "--port", str(port), variables=variables):
                await connect(services, sandbox)
                for kill in range(1, KILLS + 1):
                    async with running("sync", variables=variables) as process:
                        while sandbox.pages < full_pages * kill / (KILLS + 1):  # noqa: ASYNC110 - a process asks
                            await asyncio.sleep(0.01)
                        await asyncio.sleep(random.uniform(0, 0.3))
                        process.send_signal(signal.SIGKILL)
                        await process.wait()
                    assert (await shown(services)).mode == "first", "it was killed too late"
                async with running("sync", variables=variables), asyncio.timeout(PATIENCE_SECONDS):
                    while (await shown(services)).last_sync is None:  # noqa: ASYNC110 - a process reads
                        await asyncio.sleep(0.1)
            (realm, company), *_ = sandbox.companies.items()
            assert sandbox.pages <= full_pages + 1 + KILLS
            observed = await services.database.read(observed_customers)
            assert observed == Counter(list(company.objects["Customer"]))
            books = company.books()
            assert await services.database.read(lambda c: list(differences(c, realm, books))) == []
        finally:
            await services.database.close()


@asynccontextmanager
async def running(*arguments: str, variables: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `q2c run` with its arguments until the end of the block."""
    program = ("-c", "from worker.cli import main; main()", "run", *arguments, "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, env=variables, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert b'"ready":true' in await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def connect(services: Services, sandbox: Sandbox) -> None:
    """Connect a workspace through the door of the web process."""
    secrets = await open_workspace(services, WORKSPACE, sandbox.docusign_keys)
    async with httpx.AsyncClient(timeout=30) as http:
        doors = Doors(
            http, services.clock, Random(SEED), url=services.environment.public_url, secrets=secrets
        )
        await doors.connect(await consenting.begin(services, WORKSPACE), next(iter(sandbox.companies)))


async def shown(services: Services) -> SyncStanding:
    """Return how the sync of the company stands."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await services.database.read(standing, WORKSPACE, services.clock.now())
            if found is not None:
                return found
            await asyncio.sleep(role.LOOK_SECONDS)


def observed_customers(connection: sa.Connection) -> Counter[str]:
    """Count the observations of each customer in the log."""
    subjects = connection.scalars(sa.select(log.c.subject).where(log.c.type == catalog.CUSTOMER_OBSERVED))
    return Counter(str(subject).rpartition("/")[2] for subject in subjects)
