"""Differences are listed page by page and decided, on both databases."""

from pathlib import Path

import pytest

from tests import stories
from tests.worker.quote_to_cash.in_step.crm import Crm, edit, in_conflict, open_crm, settle, with_a_taken_name
from tests.world import World, open_world
from worker.actions import conflicts
from worker.actions.admin import ActionRefused
from worker.actions.conflicts import KEY, ConflictsWanted, list_conflicts
from worker.sandbox import accountant


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None


async def with_another_account(crm: Crm) -> None:
    """Map another account to a customer with another e-mail address."""
    world = crm.office.world
    made = {"DisplayName": "Beta", "PrimaryEmailAddr": {"Address": "b@beta.example"}}
    customer = accountant.create(crm.office.company, "Customer", made, world.clock.now())
    await world.send(stories.account("A-2", name="Beta", email="a@beta.example"))
    await world.admin().map_account("A-2", customer["Id"])
    await settle(crm.office)


async def paged(world: World, limit: int, wanted: ConflictsWanted) -> list[tuple[str, str]]:
    """List one page after the other."""
    found: list[tuple[str, str]] = []
    after = None
    while rows := await world.services.database.read(list_conflicts, "acme", limit, wanted, after):
        found += [(row["account"], row["field"]) for row in rows]
        after = [rows[-1][name] for name in KEY]
    return found


async def test_pages_of_any_size_are_the_whole_list(
    tmp_path: Path, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(tmp_path, database_url=url) as world:
        crm = await open_crm(world)
        await with_a_taken_name(crm)
        await in_conflict(crm)
        await with_another_account(crm)
        everything = {("A-1", "email"), ("A-1", "name"), ("A-2", "email")}
        for pairs in (1, 200):
            monkeypatch.setattr(conflicts, "PAIRS_AT_ONCE", pairs)
            for limit in (1, 2, 1000):
                assert set(await paged(world, limit, ConflictsWanted())) == everything
                assert len(await paged(world, limit, ConflictsWanted())) == len(everything)
        assert await paged(world, 10, ConflictsWanted("refused")) == [("A-1", "name")]
        assert await paged(world, 10, ConflictsWanted(account="A-2")) == [("A-2", "email")]
        done = [
            (each.account, each.done) async for each in conflicts.resolve_all(world.admin(), "quickbooks")
        ]
        assert sorted(done) == [("A-1", True), ("A-2", True)]
        await settle(crm.office)
        assert await paged(world, 10, ConflictsWanted()) == [("A-1", "name")]


async def test_a_conflict_of_an_account_that_is_mapped_elsewhere_is_no_longer_listed(world: World) -> None:
    crm = await open_crm(world)
    await in_conflict(crm)
    other = accountant.create(crm.office.company, "Customer", {"DisplayName": "Beta"}, world.clock.now())
    await world.admin().map_account("A-1", other["Id"])
    await settle(crm.office)
    fields = await paged(world, 10, ConflictsWanted())
    assert ("A-1", "email") not in fields
    assert ("A-1", "name") in fields  # that of the other customer


async def test_a_decision_about_values_that_have_changed_is_refused(world: World) -> None:
    crm = await open_crm(world)
    await in_conflict(crm)
    crm.account["email"] = "newer@acme.example"
    await world.send(
        stories.account(revision=9, **crm.account)
    )  # the process manager has not followed it yet
    with pytest.raises(ActionRefused, match="is in no conflict"):
        await conflicts.resolve(world.admin(), "A-1", "email", "crm")
    await world.follow()
    await world.admin().change_settings({"sync_email": "quickbooks"})
    with pytest.raises(ActionRefused, match="sync_email is quickbooks"):
        await conflicts.resolve(world.admin(), "A-1", "email", "crm")
    edit(crm.office, PrimaryEmailAddr={"Address": "last@acme.example"})
    await settle(crm.office)
    assert await paged(world, 10, ConflictsWanted()) == []
