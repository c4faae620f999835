"""A customer is updated once, and never over a newer version, whatever is lost, late, refused or killed."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.contract.quickbooks import CommandRejected, CustomerUpdated
from tests import stories
from tests.worker.commands.dying import Killed, kill_at
from tests.worker.commands.updating import Updated, customer_of
from tests.world import World, open_world, types
from worker.commands.updates import has_values
from worker.sandbox import accountant
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import KINDS, Kind, Plan

NEW = "new@acme.example"


@pytest_asyncio.fixture
async def customer(ready: World) -> Updated:
    return await customer_of(ready)


async def updated_once(customer: Updated) -> CustomerUpdated:
    """Check that the customer has the new address by one write; return the outcome."""
    await customer.world.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CustomerUpdated)
    assert (customer.email, customer.writes()) == (NEW, 1)
    assert (outcome.customer.email, outcome.customer.customer_id) == (NEW, customer.id)
    return outcome


async def refused(customer: Updated) -> CommandRejected:
    """Check that no update was applied; return the refusal."""
    await customer.world.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CommandRejected)
    assert customer.writes() == 0
    return outcome


async def test_an_update_changes_its_fields_and_records_the_answer(customer: Updated) -> None:
    before = customer.now
    command = customer.command({"email": NEW})
    await customer.decide(command)
    outcome = await updated_once(customer)
    assert (outcome.generation, outcome.request_id, outcome.adopted) == (1, command.request_id, False)
    assert outcome.customer.sync_token == int(before["SyncToken"]) + 1
    volatile = {"PrimaryEmailAddr", "SyncToken", "MetaData"}
    assert {**customer.now, **dict.fromkeys(volatile)} == {
        **before,
        **dict.fromkeys(volatile),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("late_seconds", [5, 100])
@pytest.mark.parametrize("forgets", [False, True])
async def test_every_kind_of_trouble(
    customer: Updated, kind: Kind, late_seconds: float, forgets: bool
) -> None:
    customer.world.trouble(kind, kind, late_seconds=late_seconds)
    await customer.decide(customer.command({"email": NEW}))
    if forgets:  # for how long QuickBooks remembers a request ID is not documented
        for command in await customer.world.claim():
            await customer.world.dispatcher.work(command)
        customer.company.replies.clear()
    await updated_once(customer)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=st.lists(st.sampled_from([None, *KINDS]), max_size=8),
    edits=st.lists(st.sampled_from(["pass", "other", "same", "ours", "forget"]), max_size=12),
)
async def test_any_sequence_of_trouble_and_edits(
    tmp_path_factory: pytest.TempPathFactory, script: list[Kind | None], edits: list[str]
) -> None:
    async with open_world(tmp_path_factory.mktemp("world")) as world:
        await world.ready()
        await world.send(stories.account())
        await world.settle()
        customer = await customer_of(world)
        first = int(customer.now["SyncToken"])
        world.trouble(*script, late_seconds=30)
        await customer.decide(customer.command({"email": NEW}))
        for number, edit in enumerate(edits):
            if edit == "forget":
                customer.company.replies.clear()
            elif edit != "pass":
                fields: dict[str, dict[str, Any]] = {
                    "other": {"Notes": f"{number}"},
                    "same": {"PrimaryEmailAddr": {"Address": NEW}},
                    "ours": {"PrimaryEmailAddr": {"Address": f"{number}@other.example"}},
                }
                customer.edit(**fields[edit])
            for command in await world.claim():
                await world.dispatcher.work(command)
            world.clock.advance(7)
        await world.settle()
        [outcome] = await customer.outcomes()
        assert customer.writes() <= 1
        if isinstance(outcome, CommandRejected):
            assert (outcome.gate, outcome.code) == ("customer_changed", "5010")
        else:
            assert customer.writes() == 1 or outcome.customer.email == NEW
            assert outcome.customer.sync_token > first or customer.writes(by="2") == 0


async def test_an_update_of_an_older_version_is_refused(customer: Updated) -> None:
    await customer.decide(customer.command({"email": NEW}))
    customer.edit(PrimaryEmailAddr={"Address": "accountant@acme.example"})
    outcome = await refused(customer)
    assert (outcome.gate, outcome.code, outcome.kind) == ("customer_changed", "5010", "update_customer")
    assert customer.email == "accountant@acme.example"


async def test_an_update_that_the_accountant_made_by_hand_succeeds_without_a_write(customer: Updated) -> None:
    await customer.decide(customer.command({"email": NEW}))
    customer.edit(PrimaryEmailAddr={"Address": NEW})
    await customer.world.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CustomerUpdated)
    assert outcome.adopted
    assert customer.writes() == 0


async def lose_the_answer(customer: Updated) -> None:
    customer.world.trouble("lost_answer")
    await customer.decide(customer.command({"email": NEW}))
    [command] = await customer.world.claim()
    await customer.world.dispatcher.work(command)


async def test_an_edit_of_another_field_after_a_lost_answer_is_no_conflict(customer: Updated) -> None:
    await lose_the_answer(customer)
    customer.edit(Notes="edited")
    outcome = await updated_once(customer)
    assert outcome.adopted
    assert outcome.customer.sync_token == int(customer.now["SyncToken"])


async def test_an_edit_of_the_same_field_after_a_lost_answer_stays(customer: Updated) -> None:
    await lose_the_answer(customer)
    customer.edit(PrimaryEmailAddr={"Address": "accountant@acme.example"})
    await customer.world.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CommandRejected)
    assert outcome.gate == "customer_changed"
    assert (customer.email, customer.writes()) == ("accountant@acme.example", 1)


async def test_a_late_request_is_never_applied_over_an_edit(customer: Updated) -> None:
    customer.world.trouble("late", late_seconds=60)
    await customer.decide(customer.command({"email": NEW}))
    [command] = await customer.world.claim()
    await customer.world.dispatcher.work(command)
    customer.edit(Notes="edited")
    outcome = await refused(customer)
    assert outcome.gate == "customer_changed"
    customer.world.clock.advance(600)
    assert (customer.email, customer.writes()) == (None, 0)


async def test_values_that_quickbooks_trims_are_a_success(customer: Updated) -> None:
    command = customer.command({"name": "Acme Global"})
    spaced = command.body.replace("Acme Global", " Acme  Global ")
    customer.world.trouble("lost_answer")
    await customer.decide(type(command)(command.key, command.realm, command.request_id, spaced))
    await customer.world.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CustomerUpdated)
    assert outcome.customer.display_name == "Acme Global"


async def test_an_update_to_the_same_values_keeps_the_version(customer: Updated) -> None:
    before = customer.now
    await customer.decide(customer.command({"name": before["DisplayName"]}))
    await customer.world.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CustomerUpdated)
    assert outcome.customer.sync_token == int(before["SyncToken"])


@pytest.mark.parametrize("entity", ["Customer", "Vendor", "Employee"])
async def test_a_name_that_another_has_is_refused_with_its_holder(customer: Updated, entity: str) -> None:
    fields = {"DisplayName": "Taken", "GivenName": "Ta", "FamilyName": "Ken"}
    now = customer.world.clock.now()
    holder = accountant.create(customer.company, entity, fields, now)
    await customer.decide(customer.command({"name": "TAKEN"}))
    outcome = await refused(customer)
    assert (outcome.gate, outcome.code) == ("rejected_by_quickbooks", "6240")
    assert outcome.holder is not None
    assert (outcome.holder.entity, outcome.holder.id) == (entity, holder["Id"])


async def test_a_name_that_differs_in_case_alone_is_its_own(customer: Updated) -> None:
    await customer.decide(customer.command({"name": "ACME A-1"}))
    await customer.world.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CustomerUpdated)
    assert customer.now["DisplayName"] == "ACME A-1"


async def test_a_customer_is_never_the_holder_of_its_own_name(customer: Updated) -> None:
    refusal = Refusal("6240", operations=("update",), entities=("Customer",))
    customer.world.sandbox.trouble.follow(Plan(refusals=(refusal,)))
    await customer.decide(customer.command({"name": "ACME A-1"}))
    outcome = await refused(customer)
    assert (outcome.code, outcome.holder) == ("6240", None)


async def test_a_customer_that_is_gone_is_refused(customer: Updated) -> None:
    into = accountant.create(
        customer.company, "Customer", {"DisplayName": "Other"}, customer.world.clock.now()
    )
    command = customer.command({"email": NEW})
    accountant.merge(customer.company, "Customer", customer.id, into["Id"], customer.world.clock.now())
    await customer.decide(command)
    await customer.world.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CommandRejected)


async def test_an_update_that_quickbooks_refuses_as_stale_without_another_version_waits_for_a_person(
    customer: Updated,
) -> None:
    """Decided anew by the same version, it would be refused and decided for ever."""
    refusal = Refusal("5010", operations=("update",), entities=("Customer",))
    customer.world.sandbox.trouble.follow(Plan(refusals=(refusal,)))
    await customer.decide(customer.command({"email": NEW}))
    outcome = await refused(customer)
    assert (outcome.gate, outcome.code) == ("rejected_by_quickbooks", "5010")


async def test_an_update_that_quickbooks_fails_at_each_time_waits_for_a_person(customer: Updated) -> None:
    refusal = Refusal("", 500, "html", operations=("update",), entities=("Customer",))
    customer.world.sandbox.trouble.follow(Plan(refusals=(refusal,)))
    await customer.decide(customer.command({"email": NEW}))
    await customer.world.settle(patience=timedelta(hours=12))
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CommandRejected)
    assert outcome.gate == "quickbooks_fails_at_it"


async def test_a_lost_right_holds_an_update_until_it_is_back(customer: Updated) -> None:
    refusal = Refusal("120", 403, operations=("update",), entities=("Customer",), times=2)
    customer.world.sandbox.trouble.follow(Plan(refusals=(refusal,)))
    await customer.decide(customer.command({"email": NEW}))
    for _ in range(3):  # requests for a refused company are sent after pauses
        await customer.world.settle()
        customer.world.clock.advance(3600)
    await updated_once(customer)
    told = types(await customer.world.log())
    assert ("company.refused.v1" in told, "company.served.v1" in told) == (True, True)


async def test_an_old_update_and_a_later_generation_are_sent_without_a_look_up(customer: Updated) -> None:
    customer.world.clock.advance(timedelta(days=2).total_seconds())
    await customer.decide(customer.command({"email": "old@acme.example"}))
    await customer.world.settle()
    await customer.decide(customer.command({"email": NEW}, generation=2))
    customer.world.clock.advance(timedelta(days=2).total_seconds())
    [command] = await customer.world.claim()
    assert command.noted_at is not None
    assert command.earlier == ()
    await customer.world.dispatcher.work(command)
    assert (customer.email, customer.writes()) == (NEW, 2)


@pytest.mark.parametrize("forgets", [False, True])
async def test_an_update_from_after_the_backup_is_found_and_not_applied_again(
    customer: Updated, forgets: bool
) -> None:
    world = customer.world
    await customer.decide(customer.command({"email": NEW}))
    before = world.copied()
    world.clock.advance(1)
    await world.settle()
    customer.edit(Notes="edited since")
    world.restore(before)
    if forgets:
        customer.company.replies.clear()
    assert (await updated_once(customer)).adopted


async def test_an_update_from_before_a_restore_does_not_replace_a_later_one(customer: Updated) -> None:
    world = customer.world
    await customer.decide(customer.command({"email": NEW}))
    before = world.copied()
    await world.settle()
    await customer.decide(customer.command({"email": "later@acme.example"}, generation=2))
    await world.settle()
    world.clock.advance(1)
    world.restore(before)
    await world.settle()
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CommandRejected)
    assert outcome.gate == "customer_changed"
    assert (customer.email, customer.writes()) == ("later@acme.example", 2)


async def test_a_generation_that_is_decided_otherwise_after_a_restore_is_another_request(
    customer: Updated,
) -> None:
    """QuickBooks would answer a request ID that it knows as before, and not apply the new values."""
    world, token = customer.world, int(customer.now["SyncToken"])
    before = world.copied()
    await customer.decide(customer.command({"email": "lost@acme.example"}))
    await world.settle()
    world.clock.advance(1)
    world.restore(before)
    world.clock.advance(1)
    # The cause: an update whose cause is older than the restore would be looked up.
    await world.send({**stories.account("A-9"), "time": world.clock.now().isoformat()})
    await customer.decide(customer.command({"email": NEW}, token=token))
    [command] = await world.claim()
    assert command.noted_at is not None
    await world.dispatcher.work(command)
    [outcome] = await customer.outcomes()
    assert isinstance(outcome, CommandRejected)
    assert outcome.gate == "customer_changed"
    await customer.decide(customer.command({"email": NEW}, generation=2))
    await world.settle()
    assert customer.email == NEW


# The troubles with the number of writing transactions until the outcome is known everywhere.
STEPS: dict[Kind | None, int] = {None: 4, "lost_answer": 8, "lost_before": 12}


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize(
    ("trouble", "step"), [(trouble, step) for trouble, last in STEPS.items() for step in range(1, last + 1)]
)
async def test_killed_at_any_transaction(
    customer: Updated, monkeypatch: pytest.MonkeyPatch, trouble: Kind | None, step: int, committed: bool
) -> None:
    await customer.decide(customer.command({"email": NEW}))
    customer.world.trouble(trouble)
    with monkeypatch.context() as patched:
        reached = kill_at(customer.world, patched, step, committed=committed)
        try:
            await customer.world.settle()
        except Killed:
            assert reached()
        else:
            pytest.fail("the workload has fewer transactions than this test kills at")
    await updated_once(customer)


@pytest.mark.parametrize("trouble", STEPS)
async def test_an_update_has_no_more_transactions_than_are_killed(
    customer: Updated, monkeypatch: pytest.MonkeyPatch, trouble: Kind | None
) -> None:
    """With the test above, the process is killed at every transaction of an update's path."""
    await customer.decide(customer.command({"email": NEW}))
    customer.world.trouble(trouble)
    with monkeypatch.context() as patched:
        kill_at(customer.world, patched, STEPS[trouble] + 1, committed=True)
        await customer.world.settle()
    await updated_once(customer)


def test_values_are_compared_as_quickbooks_may_have_trimmed_them() -> None:
    body: dict[str, Any] = {
        "Id": "1",
        "SyncToken": "2",
        "sparse": True,
        "DisplayName": " Acme  Ltd",
        "BillAddr": {"Line1": "1 Main St", "City": ""},
        "PrimaryPhone": {"FreeFormNumber": ""},
        "Taxable": False,
    }
    found = {
        "Id": "1",
        "SyncToken": "3",
        "DisplayName": "Acme Ltd",
        "BillAddr": {"Id": "7", "Line1": "1 Main St"},
    }
    assert has_values({**found, "Taxable": False}, body)
    assert not has_values(found, body)
    for other in ({"DisplayName": "Acme Limited"}, {"BillAddr": {"City": "Austin"}}, {"BillAddr": "odd"}):
        assert not has_values({**found, "Taxable": False, **other}, body)
