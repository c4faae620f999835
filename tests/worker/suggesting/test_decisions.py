"""People accept, reject and override suggestions, and ignore accounts; each decision is recorded with what was shown."""

from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract import catalog
from events.contract.matching import MAPPING_SUGGESTED
from events.contract.reviewing import MAPPING_LINKED, MAPPING_REJECTED
from projections.mappings import mappings
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.actions import reviews
from worker.actions.admin import ActionRefused
from worker.actions.reviewed import ACCOUNTS
from worker.matching import MATCHER_VERSION
from worker.sandbox import accountant
from worker.verification.books import Books
from worker.verification.invariants import violations

HARPER = "Harper & Lowe Architects"


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A connected company with two customers of nearly one name, and an account that could be either."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    for name in (HARPER, "Harper & Lowe"):
        accountant.create(opened.company, "Customer", {"DisplayName": name}, world.clock.now())
    await world.send(stories.account("A-1", name="Harper & Lowe Architects"))
    await opened.work()
    return opened


def ids(office: Office) -> dict[str, str]:
    return {customer["DisplayName"]: customer["Id"] for customer in office.world.books("Customer")}


async def last(office: Office, event_type: str) -> Any:
    return [each.event.payload for each in await office.world.log() if each.event.type == event_type][-1]


async def refused(work: Any) -> ActionRefused:
    with pytest.raises(ActionRefused) as caught:
        await work
    return caught.value


async def test_an_accepted_suggestion_is_a_mapping_with_its_evidence(office: Office) -> None:
    await reviews.accept(office.world.admin(), ACCOUNTS, "A-1")
    mapped = await last(office, catalog.ACCOUNT_MAPPED)
    assert (mapped.customer_id, mapped.realm, mapped.by) == (ids(office)[HARPER], office.world.realm, "ada")
    assert (str(mapped.evidence.score), mapped.evidence.reasons) == ("99.9", ("same_name",))
    assert (mapped.evidence.number, mapped.evidence.matcher) == (1, MATCHER_VERSION)
    again = await refused(reviews.accept(office.world.admin(), ACCOUNTS, "A-1"))
    assert again.reason == "nothing_suggested", "before the process manager has followed"
    await office.work()
    assert (
        await refused(reviews.accept(office.world.admin(), ACCOUNTS, "A-1"))
    ).reason == "nothing_suggested"


async def test_a_rejected_customer_is_never_suggested_again_and_the_next_best_is(office: Office) -> None:
    acting = office.world.admin()
    await reviews.reject(acting, ACCOUNTS, "A-1")
    rejected = await last(office, MAPPING_REJECTED)
    assert (rejected.customer_id, str(rejected.evidence.score)) == (ids(office)[HARPER], "99.9")
    await office.work()
    await reviews.accept(acting, ACCOUNTS, "A-1", ids(office)["Harper & Lowe"])
    await office.work()
    await office.world.send(stories.account("A-2", name="Harper & Lowe Architects"))
    await office.work()
    assert (await reviews.accept(acting, ACCOUNTS, "A-2")) > 0, "the pair is rejected, not the customer"


async def test_an_accept_of_another_customer_than_the_suggested_is_refused(office: Office) -> None:
    other = ids(office)["Harper & Lowe"]
    error = await refused(reviews.accept(office.world.admin(), ACCOUNTS, "A-1", other))
    assert (error.reason, HARPER in error.detail) == ("suggestion_changed", True)


async def test_a_customer_belongs_to_one_account_unless_it_is_confirmed(office: Office) -> None:
    acting, customer = office.world.admin(), ids(office)[HARPER]
    await acting.map_account("A-1", customer)
    for follow in (False, True):
        if follow:
            await office.work()
        error = await refused(acting.map_account("A-2", customer))
        assert error.reason == "customer_taken"
        assert "Harper & Lowe Architects (A-1)" in error.detail
    await acting.map_account("A-1", customer)
    await acting.map_account("A-2", customer, also=True)
    await acting.map_account("A-3", ids(office)["Harper & Lowe"], "EUR")
    await acting.map_account("A-4", ids(office)["Harper & Lowe"], "USD")


async def test_an_ignored_account_is_not_suggested_and_a_mapped_one_can_t_be_ignored(office: Office) -> None:
    acting = office.world.admin()
    await reviews.ignore(acting, ACCOUNTS, "A-1", "a test account")
    assert (await refused(reviews.accept(acting, ACCOUNTS, "A-1"))).reason == "nothing_suggested"
    await reviews.unignore(acting, ACCOUNTS, "A-1")
    assert (await refused(reviews.unignore(acting, ACCOUNTS, "A-1"))).reason == "not_ignored"
    await reviews.accept(acting, ACCOUNTS, "A-1")
    assert (await refused(reviews.ignore(acting, ACCOUNTS, "A-1"))).reason == "account_mapped"
    assert (
        await refused(reviews.reject(acting, ACCOUNTS, "A-1", ids(office)[HARPER]))
    ).reason == "account_mapped"


async def test_a_link_that_the_worker_made_by_itself_can_be_rejected_and_another_customer_is_suggested(
    office: Office,
) -> None:
    acting = office.world.admin()
    await acting.change_settings({"auto_link": "95 %"})
    await office.work()
    linked = await last(office, MAPPING_LINKED)
    assert (linked.customer_id, str(linked.auto_link)) == (ids(office)[HARPER], "95")
    assert (await refused(reviews.accept(acting, ACCOUNTS, "A-1"))).reason == "nothing_suggested"
    taken = await refused(acting.map_account("A-2", linked.customer_id))
    assert taken.reason == "customer_taken"
    await reviews.reject(acting, ACCOUNTS, "A-1")
    assert (await last(office, MAPPING_REJECTED)).customer_id == linked.customer_id
    await office.work()
    await reviews.accept(acting, ACCOUNTS, "A-1", ids(office)["Harper & Lowe"])
    await acting.map_account("A-2", linked.customer_id)
    await office.work()
    assert await office.world.services.database.read(violated, office.world.clock.now()) == []


async def test_a_customer_that_the_crm_brings_is_linked_and_its_name_is_learned_until_a_person_rejects_it(
    office: Office,
) -> None:
    acting, world = office.world.admin(), office.world
    customer = {"realm": world.realm, "customer_id": ids(office)["Harper & Lowe"]}
    await world.send(stories.account("A-1", revision=2, name="Blue Falcon Airways", customer=customer))
    await office.work()
    await world.send(stories.account("A-2", name="Blue Falcon Airways"))
    await office.work()
    found = await last(office, MAPPING_SUGGESTED)
    assert (found.account_id, found.best.customer_id) == ("A-2", customer["customer_id"])
    assert "learned_name" in found.best.reasons
    await world.send(stories.account("A-2", revision=2, name="Blue Falcon Airways", customer=customer))
    await office.work()
    said = await world.services.database.read(lambda c: list(log_of(c, "A-2")))
    assert said[-1] == (
        f"The CRM says that this account is customer {customer['customer_id']}, and it was not linked: that customer is"
        " the account A-1's."
    )
    query = sa.select(mappings.c.target, mappings.c.by, mappings.c.state).where(mappings.c.id == "A-1")
    rows = await world.services.database.read(lambda c: [tuple(row) for row in c.execute(query)])
    assert rows == [(customer["customer_id"], "crm", "mapped")]
    await reviews.reject(acting, ACCOUNTS, "A-1")
    await office.work()
    rows = await world.services.database.read(lambda c: [tuple(row) for row in c.execute(query)])
    assert rows == [(None, "ada", "unmatched")], "the name of its own customer is no longer learned"
    assert await world.services.database.read(violated, world.clock.now()) == []


def violated(connection: sa.Connection, now: datetime) -> list[str]:
    return [said for found in violations(connection, now, Books()).values() for said in found]


async def test_the_log_tells_each_decision(office: Office) -> None:
    acting = office.world.admin()
    await reviews.ignore(acting, ACCOUNTS, "A-1", "a test account")
    await reviews.unignore(acting, ACCOUNTS, "A-1")
    await reviews.reject(acting, ACCOUNTS, "A-1")
    await office.work()
    await reviews.accept(acting, ACCOUNTS, "A-1")
    await office.work()
    log = await office.world.services.database.read(lambda c: list(log_of(c)))
    first, second = ids(office)[HARPER], ids(office)["Harper & Lowe"]
    score = (await last(office, catalog.ACCOUNT_MAPPED)).evidence.score
    assert [each for each in log if "Read QuickBooks" not in each] == [
        f"This account could be customer {first} {HARPER} (99.9 %): same name.",
        "ada said that this account gets no customer: a test account.",
        "ada said that this account is no longer ignored.",
        f"ada said that this account is not customer {first} (score 99.9 %).",
        f"This account could be customer {second} Harper & Lowe ({score} %): contained name.",
        f"ada mapped this account to customer {second} (score {score} %).",
    ]


def log_of(connection: Any, account: str = "A-1") -> list[str]:
    rows = connection.exec_driver_sql(
        "SELECT message FROM integration_log_v2 WHERE about = ? ORDER BY position", (f"account/{account}",)
    )
    return [row[0] for row in rows]
