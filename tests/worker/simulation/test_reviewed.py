"""The comparison of mappings with people's decisions finds each decision that does not hold, by the log alone."""

from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract import catalog, json
from projections.mappings import table as mappings
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions import reviews
from worker.actions.reviewed import ACCOUNTS
from worker.quote_to_cash.store import process_state
from worker.sandbox import accountant
from worker.simulation import reviewed
from worker.suggesting.tables import suggesting_sought

NAMES = ("Harper & Lowe", "Harper & Lowe Architects", "Kestrel")


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A company in which A-1 is mapped, A-2 has a rejected customer and another suggestion, and A-3 is ignored."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    made = [
        accountant.create(opened.company, "Customer", {"DisplayName": name}, world.clock.now())["Id"]
        for name in NAMES
    ]
    for number, name in enumerate(("Kestrel Ltd", "Harper & Lowe", "Kestrel"), start=1):
        await world.send(stories.account(f"A-{number}", name=name))
    await opened.work()
    await world.admin().map_account("A-1", made[2])
    await reviews.reject(world.admin(), ACCOUNTS, "A-2", made[0])
    await reviews.ignore(world.admin(), ACCOUNTS, "A-3")
    await opened.work()
    return opened


async def found(office: Office) -> list[str]:
    def look(connection: sa.Connection) -> list[str]:
        return list(reviewed.violations(connection, "acme"))

    return await office.world.services.database.read(look)


async def test_what_holds_is_no_violation(office: Office) -> None:
    assert await found(office) == []


def state_of(account: str, **changes: Any) -> Callable[[sa.Connection], None]:
    """Change what the process manager knows of an account, as if a decision had been lost."""

    def change(connection: sa.Connection) -> None:
        of_it = process_state.c.stream == f"account/{account}"
        known = json.decode(
            connection.scalar(sa.select(process_state.c.data).where(of_it)) or "", dict[str, Any]
        )
        connection.execute(process_state.update().where(of_it).values(data=json.encode({**known, **changes})))

    return change


def matched_as(account: str, **changes: Any) -> Callable[[sa.Connection], None]:
    """Change what the matcher knows of an account."""

    def change(connection: sa.Connection) -> None:
        of_it = suggesting_sought.c.stream == f"account/{account}"
        known = json.decode(
            connection.scalar(sa.select(suggesting_sought.c.data).where(of_it)) or "", dict[str, Any]
        )
        row = json.encode({**known, **changes})
        connection.execute(suggesting_sought.update().where(of_it).values(data=row))

    return change


def shown(account: str, **changes: Any) -> Callable[[sa.Connection], None]:
    """Change the read model of an account."""

    def change(connection: sa.Connection) -> None:
        connection.execute(mappings.update().where(mappings.c.id == account).values(**changes))

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (state_of("A-1", links=[]), "people gave it"),
        (state_of("A-2", rejected=[]), "people rejected"),
        (state_of("A-3", ignored_by=None), "it is ignored by None"),
        (matched_as("A-1", links=[]), "matched as linked to []"),
        (matched_as("A-2", rejected=[]), "comparing everything gives"),
        (matched_as("A-3", is_ignored=False), "matched as ignored False"),
        (shown("A-1", target=None, status="unmapped", state="unmatched"), "it is shown as unmatched"),
        (shown("A-3", state="unmatched"), "and is ignored"),
    ],
)
async def test_a_decision_that_is_undone_is_found(
    office: Office, change: Callable[[sa.Connection], None], says: str
) -> None:
    await office.world.services.database.transaction(change)
    assert any(says in violation for violation in await found(office))


async def test_accounts_that_share_a_customer_are_found_unless_a_person_confirmed_it(office: Office) -> None:
    customer = office.world.books("Customer")[-1]["Id"]
    await office.world.admin().map_account("A-2", customer, also=True)
    await office.work()
    assert await found(office) == []
    fact = {"account_id": "A-3", "customer_id": customer, "by": "ada"}
    await office.world.admin().say(
        catalog.ACCOUNT_MAPPED, catalog.payload(catalog.ACCOUNT_MAPPED, json.encode(fact))
    )
    await office.work()
    assert any("share the customer" in violation for violation in await found(office))
