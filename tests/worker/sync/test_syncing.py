"""Sync against the sandbox: an accountant edits behind our back, and what was observed equals the books."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from tests import stories
from tests.world import World, types
from worker.actions.syncs import request_sync
from worker.sandbox import accountant
from worker.sandbox.books.company import Company
from worker.sync.rows import SyncCompany
from worker.sync.standing import connected, standing
from worker.sync.syncing import Syncer
from worker.verification.observed import differences

STEPS_MAX = 500


class Office:
    """A worker whose company is synced, and an accountant in QuickBooks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.syncer = Syncer(
            world.services.database, world.clock, world.gateway.client, "test", lambda _connection: False
        )
        self._noticed = 0

    @property
    def company(self) -> Company:
        """The company in QuickBooks."""
        return self.world.sandbox.companies[self.world.realm]

    async def work(self) -> None:
        """Take steps of sync until there is none to take now."""
        for _ in range(STEPS_MAX):
            await self.world.follow()
            due = await self.syncer.due()
            taken = [await self.syncer.step(realm) for realm in due]
            if not any(taken):
                return
        raise AssertionError("sync never ends")

    async def sync(self, *, full: bool = False) -> None:
        """Ask for a sync, and wait for it."""
        await request_sync(self.world.admin(), full=full)
        await self.work()

    async def notify(self) -> None:
        """Deliver the notices of the changes since the last time, as QuickBooks' webhook does."""
        journal = self.company.journal
        changes = [each for each in journal.after(self._noticed) if each.notified]
        self._noticed = len(journal)
        events = []
        for change in changes:
            for entity_id in filter(None, (change.identifier, change.deleted_id)):
                fact = {
                    "realm": self.world.realm,
                    "entity": change.entity,
                    "entity_id": entity_id,
                    "operation": change.operation,
                    "at": change.at.isoformat(),
                }
                name = f"{change.entity}/{entity_id}/{change.operation}/{change.at.isoformat()}"
                events.append(stories.cloudevent("quickbooks.changed", fact, id=name))
        await self.world.send(*events)
        await self.world.follow()
        self.world.clock.advance(2)
        await self.work()

    async def differences(self) -> Sequence[str]:
        """Return the differences between what was observed and the books."""
        books = self.company.books()
        return await self.world.services.database.read(
            lambda connection: list(differences(connection, self.world.realm, books))
        )

    async def appended(self, since: int) -> list[str]:
        """Return the types of the events that were appended since a position."""
        return types([each for each in await self.world.log() if each.position > since])

    async def row(self) -> SyncCompany:
        """Return the row of the company's sync."""
        found = await self.world.services.database.read(connected, "acme")
        assert found is not None
        return found

    async def head(self) -> int:
        """Return the last position of the log."""
        return (await self.world.log())[-1].position


@pytest_asyncio.fixture
async def office(ready: World) -> Office:
    opened = Office(ready)
    await opened.work()
    await opened.notify()
    return opened


async def test_the_first_sync_observes_the_whole_company_and_says_so(office: Office) -> None:
    assert await office.differences() == []
    found = await office.world.services.database.read(standing, "acme", office.world.clock.now())
    assert found is not None
    assert found.state == "idle"
    assert {each.entity: each.observed for each in found.entities} == {
        each.entity: each.in_quickbooks for each in found.entities
    }
    assert "sync.completed.v1" in types(await office.world.log())


async def test_a_second_notice_and_an_echo_append_nothing(office: Office) -> None:
    await office.world.send(stories.deal("D-1"), stories.contract("signed", "D-1", "C-1"))
    await office.world.settle()
    await office.notify()
    assert await office.differences() == []
    before = await office.head()
    await office.sync()
    assert await office.appended(before) == ["sync.requested.v1", "sync.completed.v1"]


async def test_what_people_do_in_quickbooks_is_observed_by_notices(office: Office) -> None:
    company, clock = office.company, office.world.clock

    def made(entity: str, fields: dict[str, Any]) -> str:
        clock.advance(3)
        return str(accountant.create(company, entity, fields, clock.now())["Id"])

    one, two = (made("Customer", {"DisplayName": name}) for name in ("Bolt", "Bolt Inc."))
    await office.notify()
    invoice = made("Invoice", {"CustomerRef": {"value": one}, "Line": [_line(100)]})
    other = made("Invoice", {"CustomerRef": {"value": one}, "Line": [_line(80)]})
    await office.notify()
    paid = accountant.receive_payment(company, one, Decimal(60), {invoice: Decimal(60)}, clock.now())
    await office.notify()
    assert await office.differences() == []
    clock.advance(3)
    accountant.move_payment(company, paid["Id"], {other: Decimal(60)}, clock.now())
    await office.notify()
    assert await office.differences() == [], "the invoice whose payment was moved away is not announced"
    clock.advance(3)
    accountant.merge(company, "Customer", one, two, clock.now())
    await office.notify()
    assert await office.differences() == [], "the invoices of a merged customer are not announced"
    clock.advance(3)
    accountant.void(company, "Invoice", invoice, clock.now())
    accountant.delete(company, "Payment", paid["Id"], clock.now())
    await office.notify()
    assert await office.differences() == []
    told = types(await office.world.log())
    for event_type in ("quickbooks.merged.v1", "quickbooks.voided.v1", "quickbooks.deleted.v1"):
        assert told.count(event_type) == 1, event_type


@pytest.mark.parametrize("days", [0.01, 5, 45], ids=["at once", "after days", "beyond the window"])
async def test_a_sync_heals_an_outage_in_which_no_notice_arrived(office: Office, days: float) -> None:
    company, clock = office.company, office.world.clock
    gone = accountant.create(company, "Customer", {"DisplayName": "Gone"}, clock.now())["Id"]
    invoice = str(
        accountant.create(
            company, "Invoice", {"CustomerRef": {"value": gone}, "Line": [_line(10)]}, clock.now()
        )["Id"]
    )
    await office.sync()
    assert await office.differences() == []
    clock.advance(3)
    accountant.delete(company, "Invoice", invoice, clock.now())
    accountant.change(company, "Customer", gone, {"Active": False}, clock.now())
    clock.advance(timedelta(days=days).total_seconds())
    await office.work()
    await office.sync()
    assert await office.differences() == []


async def test_more_changes_than_change_data_capture_returns_are_compared_in_full(office: Office) -> None:
    for number in range(1_050):
        accountant.create(
            office.company, "Customer", {"DisplayName": f"Customer {number}"}, office.world.clock.now()
        )
    await office.sync()
    assert await office.differences() == []
    before = await office.head()
    await office.sync(full=True)
    assert await office.appended(before) == ["sync.requested.v1", "sync.completed.v1"]


async def test_a_sync_that_is_asked_for_while_one_runs_begins_after_it(office: Office) -> None:
    await request_sync(office.world.admin(), full=False)
    await office.world.follow()
    realm = office.world.realm
    while (await office.row()).swept is False:
        assert await office.syncer.step(realm)
    accountant.create(office.company, "Customer", {"DisplayName": "Late"}, office.world.clock.now())
    await request_sync(office.world.admin(), full=False)
    before = await office.head()
    await office.work()
    assert await office.differences() == []
    assert (await office.appended(before)).count("sync.completed.v1") == 1
    assert (await office.row()).wanted is None


async def test_a_failed_step_is_retried_with_its_reason_shown_until_one_succeeds(office: Office) -> None:
    office.world.trouble("server_error", "server_error", "server_error", writes_only=False)
    await office.sync()
    failed = await office.row()
    assert (failed.failures, failed.mode) == (1, "changes")
    assert failed.problem is not None
    office.world.clock.advance(60)
    await office.work()
    recovered = await office.row()
    assert (recovered.failures, recovered.problem, recovered.wanted) == (0, None, None)


async def test_objects_are_observed_in_batches_where_the_workspace_wants_so(office: Office) -> None:
    await office.world.admin().change_settings({"sync_frequency": "hourly"})
    accountant.create(office.company, "Customer", {"DisplayName": "Later"}, office.world.clock.now())
    await office.notify()
    assert await office.differences() == ["Customer/5 is in QuickBooks and was not observed"]
    await office.sync()
    assert await office.differences() == [], "a person's sync never waits"


def _line(amount: int) -> dict[str, Any]:
    return {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
