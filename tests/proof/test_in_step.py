"""The real `q2c up`, killed while people edit accounts in the CRM and customers in QuickBooks: afterwards both sides agree."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import sqlalchemy as sa

from events.clock import Clock, SystemClock
from events.contract import in_step
from events.log.tables import log
from tests.proof.amounts import AMOUNTS
from worker.connections import consenting
from worker.demo import noticed, play, stage
from worker.demo.doors import Doors, open_workspace
from worker.demo.noticed import Noticing
from worker.demo.place import Place
from worker.runtime.environment import Environment
from worker.sandbox import accountant
from worker.sandbox.books.company import Company
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.faults import Fault
from worker.sandbox.service import Sandbox
from worker.services import Services, open_services
from worker.simulation import agreeing, observing, reviewed
from worker.simulation.crm import Crm
from worker.simulation.prospects import PHONES
from worker.verification.observed import differences

KILLS, SEED = max(4, AMOUNTS.kills // 6), AMOUNTS.seed
WORKSPACE = "demo"
# The first ones are accounts, the last ones customers; in between they are both.
NAMES = (
    "Harbor Freight Supply",
    "Brückner & Söhne",
    "Summit Ridge Consulting",
    "Alder Mill Paper",
    "Quincy Glassworks",
    "Northwind Bakery",
    "Tidewater Surveying",
    "Lavender Dental",
    "Ostrava Steel Trading",
    "Pelican Roofing",
    "Granite Peak Software",
    "Verdant Gardens",
    "Juniper Logistics",
    "Old Town Theatre",
    "Zephyr Wind Energy",
    "Marigold Catering",
)
ACCOUNTS, CUSTOMERS = NAMES[:12], NAMES[4:]
FORMS = ("", " Ltd", " Limited", " LTD.")
EDITS_PER_KILL = 20
GAP_SECONDS_MAX = 0.4
REST_SECONDS_MAX = 240.0
LOOK_SECONDS = 2.0
TROUBLE = Plan(rate=0.05, late_seconds=1.5, slow_seconds=0.5)
SETTINGS = {
    "auto_link": "90",
    "customer_sync": "both",
    "unmapped_account": "create_at_once",
    "unmapped_customer": "create_in_crm",
}


class People:
    """A salesperson who edits accounts in the CRM, and an accountant who edits customers in the books at the same time."""

    def __init__(self, crm: Crm, company: Company, clock: Clock) -> None:
        self.edits = len(ACCOUNTS) + len(CUSTOMERS)
        self._crm = crm
        self._company = company
        self._clock = clock
        self.random = Random(SEED)

    async def begin(self) -> None:
        """Send the accounts of the CRM, and list the customers in the books."""
        for name in CUSTOMERS:
            self._list(self._spelled(name))
        for number, name in enumerate(ACCOUNTS):
            await self._crm.edit(f"A-{number}", name=self._spelled(name), currency="USD", **self._contact())

    async def edit(self) -> None:
        """Edit one account, or one customer."""
        self.edits += 1
        if self.random.getrandbits(1):
            account = self._crm.accounts[self.random.choice(sorted(self._crm.accounts))]
            await self._crm.edit(account["account_id"], **self._changed(account["name"]))
        else:
            self._edit_customer()

    def _spelled(self, name: str) -> str:
        return name + self.random.choice(FORMS)

    def _contact(self) -> dict[str, Any]:
        return {
            "email": f"pay{self.random.randrange(9)}@customer{self.random.randrange(9)}.example",
            "phone": self.random.choice((None, *PHONES)),
        }

    def _changed(self, name: str) -> dict[str, Any]:
        """Draw a field and its new value; a new name has the same first words."""
        first_words = " ".join(name.split()[:2])
        fields = {"name": f"{first_words} {self.random.randrange(30)}", **self._contact()}
        chosen = self.random.choice(sorted(fields))
        return {chosen: fields[chosen]}

    def _edit_customer(self) -> None:
        if self.random.random() < 0.1:
            self._list(self._spelled(self.random.choice(NAMES)))
            return
        customer = self.random.choice(list(self._company.objects["Customer"].values()))
        ((field, value),) = self._changed(customer["DisplayName"]).items()
        written = {
            "name": {"DisplayName": value},
            "email": {"PrimaryEmailAddr": {"Address": value}},
            "phone": {"PrimaryPhone": {"FreeFormNumber": value} if value else None},
        }
        try:
            accountant.change(self._company, "Customer", customer["Id"], written[field], self._clock.now())
        except Fault:
            return  # another one has the name: the accountant sees it, and gives up

    def _list(self, name: str) -> None:
        try:
            accountant.create(self._company, "Customer", {"DisplayName": name}, self._clock.now())
        except Fault:
            return  # as above


async def test_both_sides_agree_whatever_is_killed_between(tmp_path: Path) -> None:
    sandbox = Sandbox(SystemClock(), seed=SEED)
    (realm, company), *_ = sandbox.companies.items()
    async with stage.running_sandbox(sandbox) as url, httpx.AsyncClient(timeout=10) as http:
        port = stage.free_port()
        place = Place(tmp_path, {"database_url": f"sqlite:///{tmp_path / 'q2c.sqlite3'}"})
        environment = play.environment_of(place, sandbox, url, port)
        noticing = noticed.subscribe(sandbox, environment["public_url"])
        services = await open_services(Environment(**environment))
        worker = stage.Worker(tmp_path, play.variables_of(environment), port)
        try:
            await worker.start()
            crm = Crm(WORKSPACE, SEED, services.database.read, await _set_up(services, sandbox, http))
            people = People(crm, company, services.clock)
            following = asyncio.create_task(crm.follow())
            sandbox.trouble.follow(TROUBLE)
            await people.begin()
            async with asyncio.timeout(REST_SECONDS_MAX):
                await _rest(services, sandbox, noticing, crm)
            for _ in range(KILLS):
                for _ in range(EDITS_PER_KILL):
                    await people.edit()
                    await asyncio.sleep(people.random.uniform(0, GAP_SECONDS_MAX))
                await worker.kill()
            sandbox.trouble.follow(Plan())
            async with asyncio.timeout(REST_SECONDS_MAX):
                await _rest(services, sandbox, noticing, crm)
            following.cancel()
            wrong = await services.database.read(_wrong, realm, company.books(), people.edits)
            told = await services.database.read(_numbers)
        finally:
            await worker.stop()
            await services.database.close()
    print(f"{people.edits} edits, {len(crm.accounts)} accounts: {told}")  # noqa: T201 - pytest shows it
    assert wrong == []
    assert worker.restarts == KILLS
    assert len(crm.accounts) > len(ACCOUNTS), "customers became accounts"
    assert told[in_step.ACCOUNT_CUSTOMER_CHANGED], "the CRM was told of edits in QuickBooks"
    assert told[in_step.CUSTOMER_UPDATE_COMMANDED], "QuickBooks was told of edits in the CRM"


async def _set_up(
    services: Services, sandbox: Sandbox, http: httpx.AsyncClient
) -> Callable[[Sequence[bytes]], Awaitable[None]]:
    """Connect the workspace and switch everything on; return how the CRM sends its messages."""
    secrets = await open_workspace(services, WORKSPACE, sandbox.docusign_keys)
    doors = Doors(http, services.clock, Random(SEED), url=services.environment.public_url, secrets=secrets)
    await doors.connect(await consenting.begin(services, WORKSPACE), next(iter(sandbox.companies)))
    await doors.api("settings", {"changes": SETTINGS})

    async def send(messages: Sequence[bytes]) -> None:
        await doors.crm("account.updated.v1", [msgspec.json.decode(each)["data"] for each in messages])

    return send


async def _rest(services: Services, sandbox: Sandbox, noticing: Noticing, crm: Crm) -> None:
    """Wait until two looks in a row, a while apart, find nothing that is still to be done by anybody."""
    idle = 0
    while idle < 2:
        await noticed.wait_until_delivered(sandbox, noticing, services.clock)
        is_idle = await services.database.read(observing.waits_for) is None and await crm.is_idle()
        idle = idle + 1 if is_idle else 0
        await asyncio.sleep(LOOK_SECONDS)


def _wrong(
    connection: sa.Connection, realm: str, books: dict[str, list[dict[str, Any]]], edits: int
) -> list[str]:
    return [
        *reviewed.violations(connection, WORKSPACE),
        *agreeing.violations(connection, WORKSPACE, edits),
        *differences(connection, realm, books),
    ]


def _numbers(connection: sa.Connection) -> dict[str, int]:
    """Count the events of each type that sync caused."""
    counted = (
        sa.select(log.c.type, sa.func.count().label("number"))
        .where(log.c.workspace == WORKSPACE)
        .group_by(log.c.type)
    )
    return {row.type: row.number for row in connection.execute(counted)}
