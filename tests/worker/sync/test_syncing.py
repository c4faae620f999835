"""Sync against the sandbox: an accountant edits behind our back, and what was observed equals the books."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from events.contract.values import Fact
from tests import stories
from tests.worker.sync.office import Office
from tests.world import World, types
from worker.actions.syncs import request_sync
from worker.commands.customers import customer_observed
from worker.commands.fields import Row
from worker.quickbooks import tokens
from worker.sandbox import accountant
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Plan
from worker.sync import observing, planning, versions
from worker.sync.entities import BY_NAME, OBSERVABLES
from worker.sync.observing import SOURCE
from worker.sync.standing import standing
from worker.sync.versions import Answer, Seen
from worker.verification import observed
from worker.verification.versions import unrecorded_versions


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
    invoice = made("Invoice", {"CustomerRef": {"value": one}, "Line": [line_of(100)]})
    other = made("Invoice", {"CustomerRef": {"value": one}, "Line": [line_of(80)]})
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


@pytest.mark.parametrize("known", [False, True], ids=["never read", "read before it was moved"])
async def test_what_a_payment_was_applied_to_between_two_reads_is_read_by_a_sweep(
    office: Office, known: bool
) -> None:
    company, clock = office.company, office.world.clock
    bill = {"CustomerRef": {"value": "1"}, "Line": [line_of(100)]}
    one, two = (str(accountant.create(company, "Invoice", bill, clock.now())["Id"]) for _ in range(2))
    paid = accountant.receive_payment(company, "1", Decimal(60), {one: Decimal(60)}, clock.now())["Id"]
    await office.notify(late=None if known else "Payment")
    clock.advance(3)
    if known:
        accountant.move_payment(company, paid, {two: Decimal(60)}, clock.now())
        await office.notify(late="Payment")
        clock.advance(3)
    accountant.delete(company, "Payment", paid, clock.now())
    await office.notify()
    assert len(await office.differences()) == 1, "QuickBooks does not announce it, and no version names it"
    clock.advance(60)
    await office.work()
    assert await office.differences() == []


async def test_the_gone_object_of_a_merge_that_does_not_name_it_is_found_by_a_sweep(office: Office) -> None:
    company, clock = office.company, office.world.clock
    gone = str(accountant.create(company, "Customer", {"DisplayName": "Gone"}, clock.now())["Id"])
    await office.notify()
    accountant.merge(company, "Customer", gone, "1", clock.now())
    await office.notify(names_deleted=False)
    assert await office.differences() == [f"Customer/{gone} was observed and is not in QuickBooks"]
    clock.advance(60)
    await office.work()
    assert await office.differences() == []


async def test_an_older_version_after_a_newer_one_in_the_log_is_a_finding(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, now = office.world, office.world.clock.now()
    former = dict(next(each for each in world.books("Customer") if each["Id"] == "1"))
    accountant.change(office.company, "Customer", "1", {"DisplayName": "Renamed"}, now)
    await office.notify()
    assert await world.services.database.read(lambda connection: list(unrecorded_versions(connection))) == []
    monkeypatch.setattr(versions, "is_older", lambda *_: False)
    answer = Answer(world.realm, "acme", now, [Seen("Customer", "1", former)])
    await world.services.database.transaction(observing.record, answer, now)
    found = await world.services.database.read(lambda connection: list(unrecorded_versions(connection)))
    assert found == [f"{world.realm}: Customer/1 was observed as of an older version in its version 3"]


async def test_a_sweep_after_a_skipped_payment_outlasts_the_sync_that_runs(office: Office) -> None:
    company, clock = office.company, office.world.clock
    bill = {"CustomerRef": {"value": "1"}, "Line": [line_of(100)]}
    invoice = str(accountant.create(company, "Invoice", bill, clock.now())["Id"])
    paid = accountant.receive_payment(company, "1", Decimal(60), {invoice: Decimal(60)}, clock.now())["Id"]
    accountant.delete(company, "Payment", paid, clock.now())
    await request_sync(office.world.admin(), full=False)
    await office.notify()
    row = await office.row()
    assert row.mode is None
    assert row.next_sync <= clock.now() + timedelta(minutes=1)


@pytest.mark.parametrize("days", [0.01, 5, 45], ids=["at once", "after days", "beyond the window"])
async def test_a_sync_heals_an_outage_in_which_no_notice_arrived(office: Office, days: float) -> None:
    company, clock = office.company, office.world.clock
    gone = accountant.create(company, "Customer", {"DisplayName": "Gone"}, clock.now())["Id"]
    invoice = str(
        accountant.create(
            company, "Invoice", {"CustomerRef": {"value": gone}, "Line": [line_of(10)]}, clock.now()
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
    *of_sync, compared = await office.appended(before)
    assert of_sync == ["sync.requested.v1", "sync.began.v1", "sync.completed.v1"]
    assert compared == "mappings.compared.v1"


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
    await office.work()
    accountant.create(office.company, "Customer", {"DisplayName": "Later"}, office.world.clock.now())
    await office.notify()
    assert await office.differences() == ["Customer/5 is in QuickBooks and was not observed"]
    await office.sync()
    assert await office.differences() == [], "a person's sync never waits"


async def test_many_objects_that_are_gone_are_read_one_by_one_in_several_steps(office: Office) -> None:
    company, clock = office.company, office.world.clock
    made = [
        str(
            accountant.create(
                company, "Invoice", {"CustomerRef": {"value": "1"}, "Line": [line_of(10)]}, clock.now()
            )["Id"]
        )
        for _ in range(25)
    ]
    await office.notify()
    for invoice in made:
        accountant.delete(company, "Invoice", invoice, clock.now())
    before = await office.head()
    await office.notify()
    assert await office.differences() == []
    assert (await office.appended(before)).count("quickbooks.deleted.v1") == 25


async def test_a_list_that_quickbooks_refuses_is_told_and_tried_again_with_the_next_sync(
    office: Office,
) -> None:
    refusal = Refusal("4002", operations=("query",), entities=("Vendor",), detail="Not now")
    office.world.sandbox.trouble.follow(Plan(refusals=(refusal,)))
    await office.sync(full=True)
    assert (await office.readings())["Vendor"].problem == "Not now (code 4002)"
    office.world.sandbox.trouble.follow(Plan())
    await office.sync()
    assert (await office.readings())["Vendor"].problem is None
    assert await office.differences() == []


async def test_a_release_that_keeps_more_fields_reads_every_object_of_the_kind_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_notes(realm: str, row: Row) -> Fact:
        return replace(customer_observed(realm, row), phone="kept")

    newer = replace(BY_NAME["Customer"], kept=99, fact=with_notes)
    both = tuple(newer if each.name == "Customer" else each for each in OBSERVABLES)
    monkeypatch.setitem(BY_NAME, "Customer", newer)
    for module in (planning, observed):
        monkeypatch.setattr(module, "OBSERVABLES", both)
    before = await office.head()
    for _ in range(2):
        await office.sync()
        assert await office.differences() == []
        found = (await office.appended(before)).count("customer.observed.v1")
        assert found == len(office.world.books("Customer"))


async def test_a_changed_frequency_releases_what_waits(office: Office) -> None:
    await office.world.admin().change_settings({"sync_frequency": "daily 02:30"})
    await office.work()
    accountant.create(office.company, "Customer", {"DisplayName": "Later"}, office.world.clock.now())
    await office.notify()
    assert len(await office.differences()) == 1
    await office.world.admin().change_settings({"sync_frequency": "real_time"})
    await office.work()
    assert await office.differences() == []


async def test_a_company_that_another_workspace_connects_is_observed_in_that_workspaces_log(
    office: Office,
) -> None:
    world = office.world
    gone = str(
        accountant.create(office.company, "Customer", {"DisplayName": "Gone"}, world.clock.now())["Id"]
    )
    await office.sync()
    accountant.merge(office.company, "Customer", gone, "1", world.clock.now())
    await office.sync()
    await world.add_workspace("bolt")
    for workspace in ("bolt", "acme"):
        await world.services.database.transaction(tokens.forget, world.realm)
        before = await office.head()
        await world.connect(workspace)
        await office.work()
        assert await office.differences() == []
        appended = [each.event for each in await world.log() if each.position > before]
        observed = [event for event in appended if event.source == SOURCE]
        assert {event.workspace for event in observed} == {workspace}
        assert types(observed).count("customer.observed.v1") == len(world.books("Customer"))
        assert "quickbooks.merged.v1" not in types(observed), "it was gone before"


def line_of(amount: int) -> dict[str, Any]:
    return {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
