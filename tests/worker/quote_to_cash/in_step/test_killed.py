"""The worker is killed at any transaction between an edit in the CRM and the customer that has it: it is written once."""

import pytest

from tests import stories
from tests.worker.commands.dying import Killed, kill_at
from tests.worker.quote_to_cash.in_step.crm import Crm, customer, edit, open_crm, settle
from tests.world import World

NEW, PHONE = "new@acme.example", "+1 555 0199"
US = "1"  # the user who connected the app, in the sandbox's journal
# The writing transactions from the snapshot to rest, if an answer is lost, or an accountant was faster.
STEPS = {"lost_answer": 23, "edited": 27}


async def begin(world: World, case: str) -> tuple[Crm, int]:
    """Let the CRM edit the e-mail address, and hinder its way to QuickBooks; return how many changes there were before."""
    crm = await open_crm(world)
    if case == "edited":  # not noticed yet, so that QuickBooks refuses the first update
        edit(crm.office, PrimaryPhone={"FreeFormNumber": PHONE})
    world.trouble("lost_answer" if case == "lost_answer" else None)
    crm.account |= {"email": NEW}
    crm.revision += 1
    await world.send(stories.account(revision=crm.revision, **crm.account))
    return crm, len(crm.office.company.journal)


async def check(crm: Crm, before: int, case: str) -> None:
    """Check that both sides agree at rest, by one write."""
    await settle(crm.office)
    await crm.hear()
    found = customer(crm.office)
    changes = crm.office.company.journal.after(before)
    assert [(each.entity, each.identifier) for each in changes if each.by == US] == [
        ("Customer", found["Id"])
    ]
    assert found["PrimaryEmailAddr"]["Address"] == crm.account["email"] == NEW
    phone = PHONE if case == "edited" else "+1 555 0100"
    assert found["PrimaryPhone"]["FreeFormNumber"] == crm.account["phone"] == phone


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize(
    ("case", "step"), [(case, step) for case, last in STEPS.items() for step in range(1, last + 1)]
)
async def test_killed_at_any_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch, case: str, step: int, committed: bool
) -> None:
    crm, before = await begin(world, case)
    with monkeypatch.context() as patched:
        reached = kill_at(world, patched, step, committed=committed)
        try:
            await settle(crm.office)
        except Killed:
            assert reached()
        else:
            pytest.fail("the workload has fewer transactions than this test kills at")
    await check(crm, before, case)


@pytest.mark.parametrize("case", STEPS)
async def test_there_are_no_more_transactions_than_are_killed(
    world: World, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """With the test above, the worker is killed at every transaction of the way."""
    crm, before = await begin(world, case)
    with monkeypatch.context() as patched:
        kill_at(world, patched, STEPS[case] + 1, committed=True)
        await settle(crm.office)
    await check(crm, before, case)
