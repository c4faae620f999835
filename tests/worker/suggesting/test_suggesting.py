"""Each account is suggested the customer that it could be, once, and again when another one is more likely."""

from collections.abc import Sequence
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
import pytest_asyncio
import sqlalchemy as sa

from events.contract.matching import MAPPING_SUGGESTED, MappingSuggested
from tests import stories, world
from tests.worker.suggesting.comparing import outdated
from tests.worker.sync.office import Office
from tests.world import World
from worker.roles.runner import ShortTurns
from worker.sandbox import accountant
from worker.suggesting import indexes, listening, portions
from worker.suggesting.indexes import Indexes
from worker.suggesting.listening import MatchedCompany

EMAILS = (None, "ann@harper.example", "bo@kestrel.example")
TAX_IDS = ("22AAAAA0000A1Z5", "27BBBBB1111B2Z6", "")
SITES = ("https://kestrel.example", "harper.example", "")


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    """A connected company with two customers, which was read."""
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    create(opened, "Harper & Lowe Architects")
    create(opened, "Kestrel Aviation Services, Inc.")
    return opened


def create(office: Office, name: str, **fields: Any) -> str:
    made = accountant.create(
        office.company, "Customer", {"DisplayName": name, **fields}, office.world.clock.now()
    )
    return str(made["Id"])


async def send(office: Office, account: str, revision: int = 1, **fields: Any) -> None:
    await office.world.send(stories.account(account, revision=revision, **fields))
    await office.work()


async def suggested(office: Office, account: str | None = None) -> list[MappingSuggested]:
    """Return all suggestions, in order."""
    events = [each.event for each in await office.world.log() if each.event.type == MAPPING_SUGGESTED]
    return [each.payload for each in events if account in (None, each.payload.account_id)]


async def said(office: Office, account: str) -> list[tuple[str, str | None]]:
    """Return the verdicts on an account, each with the name of the best customer."""
    found = await suggested(office, account)
    return [(each.verdict, each.best.display_name if each.best else None) for each in found]


async def test_nothing_is_suggested_before_the_first_sync_is_complete_and_then_everything_is(
    office: Office,
) -> None:
    await office.world.send(stories.account("A-1", name="Kestrel Aviation Services Inc"))
    await office.world.send(stories.account("A-2", name="Quite Another Company"))
    await office.world.follow()
    assert await suggested(office) == []
    await office.work()
    found = await suggested(office)
    assert [(each.account_id, each.verdict) for each in found] == [("A-1", "link"), ("A-2", "none")]
    assert found[0].best is not None
    assert found[0].best.reasons == ("same_name",)
    assert (str(found[0].best.score), found[0].number) == ("99.9", 1)


async def test_an_account_is_suggested_again_only_when_its_best_candidate_changes(office: Office) -> None:
    await office.work()
    await send(office, "A-1", name="Harper & Lowe")
    assert await said(office, "A-1") == [("review", "Harper & Lowe Architects")]
    await send(office, "A-1", revision=2, name="Harper & Lowe", billing_address={"city": "Austin"})
    await office.sync(full=True)
    assert len(await suggested(office)) == 1
    await send(office, "A-1", revision=3, name="Kestrel Aviation Services Inc")
    assert (await said(office, "A-1"))[1:] == [("link", "Kestrel Aviation Services, Inc.")]


async def test_changes_of_customers_are_followed_one_by_one(office: Office) -> None:
    await office.work()
    await send(office, "A-1", name="Lakeshore Montessori")
    await send(office, "A-2", name="Something else entirely")
    assert await said(office, "A-1") == [("none", None)]
    lakeshore = create(office, "Lakeshore Montessori")
    for changed in ({"DisplayName": "Lakeshore Montessori School"}, {"Active": False}):
        await office.notify()
        accountant.change(office.company, "Customer", lakeshore, changed, office.world.clock.now())
    await office.notify()
    assert (await said(office, "A-1"))[1:] == [
        ("link", "Lakeshore Montessori"),
        ("review", "Lakeshore Montessori School"),
        ("review", "Lakeshore Montessori School (deleted)"),
    ], "QuickBooks renames a customer that becomes inactive"
    assert await said(office, "A-2") == [("none", None)]


@pytest.mark.parametrize(
    ("fields", "sought", "reason"),
    [
        ({"GSTIN": "22AAAAA0000A1Z5"}, {"tax_id": "22 AAAAA0000A 1Z5"}, "same_tax_id"),
        ({"PrimaryTaxIdentifier": "12-3456789"}, {"tax_id": "12-3456789"}, None),
        ({"WebAddr": {"URI": "https://www.blue.example/about"}}, {"domain": "blue.example"}, "same_domain"),
        ({"WebAddr": {"URI": "https://blue.example"}}, {"email": "ann@blue.example"}, "same_domain"),
        ({"PrimaryEmailAddr": {"Address": "bo@blue.example"}}, {"domain": "blue.example"}, "same_domain"),
        ({"PrimaryEmailAddr": {"Address": "bo@gmail.com"}}, {"email": "ann@gmail.com"}, None),
        ({"WebAddr": {"URI": "https://gmail.com"}}, {"domain": "gmail.com"}, None),
    ],
)
async def test_identifiers_that_quickbooks_shows_find_a_customer_of_another_name(
    office: Office, fields: dict[str, Any], sought: dict[str, Any], reason: str | None
) -> None:
    await office.work()
    await send(office, "A-1", name="Quixote", **sought)
    falcon = create(office, "Blue Falcon", **fields)
    await office.notify()
    await send(office, "A-2", name="Quixote", **sought)
    for account in ("A-1", "A-2"):
        found = (await suggested(office, account))[-1]
        expected = ("review", (falcon, (reason,))) if reason else ("none", None)
        best = found.best and (found.best.customer_id, found.best.reasons[:1])
        assert (found.verdict, best) == expected


async def test_a_second_customer_of_the_same_name_turns_a_link_into_a_review(office: Office) -> None:
    await office.work()
    await send(office, "A-1", name="Kestrel Aviation Services Inc")
    create(office, "Kestrel Aviation Services Inc (old)")
    create(office, "Kestrel Aviation Services, Incorporated")
    await office.notify()
    assert [verdict for verdict, _ in await said(office, "A-1")] == ["link", "review"]


@pytest.mark.parametrize("decision", ["map", "create"])
async def test_an_account_with_a_customer_is_not_suggested(office: Office, decision: str) -> None:
    await office.work()
    acting = office.world.admin()
    await office.world.send(stories.account("A-1", name="Harper & Lowe"))
    await (acting.map_account("A-1", "1") if decision == "map" else acting.request_customer("A-1"))
    await office.world.settle()
    await office.notify()
    await office.sync(full=True)
    assert await suggested(office, "A-1") == []


async def test_the_names_of_linked_accounts_are_learned(office: Office) -> None:
    kestrel = create(office, "KAS")
    await office.work()
    await send(office, "A-1", name="Blue Falcon Airways")
    await office.world.admin().map_account("A-1", kestrel)
    await office.world.settle()
    await send(office, "A-2", name="Blue Falcon Airways")
    (found,) = await suggested(office, "A-2")
    assert found.best is not None
    assert (found.best.display_name, found.best.name) == ("KAS", "Blue Falcon Airways")
    assert "learned_name" in found.best.reasons


@pytest.mark.parametrize("at_once", [1, 400])
async def test_an_account_is_compared_again_when_a_name_is_learned_and_when_it_is_no_longer(
    office: Office, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "ShortTurns", lambda: ShortTurns(at_once))
    kestrel, other = create(office, "KAS"), create(office, "Somebody else")
    await office.work()
    acting = office.world.admin()
    await send(office, "A-1", name="Blue Falcon Airways")
    await send(office, "A-2", name="Blue Falcon Airways")
    assert await said(office, "A-1") == [("none", None)]
    await acting.map_account("A-2", kestrel)
    await office.work()
    assert (await said(office, "A-1"))[1:] == [("link", "KAS")]
    await acting.map_account("A-2", other)
    await office.work()
    assert (await said(office, "A-1"))[2:] == [("link", "Somebody else")]
    await acting.map_account("A-2", kestrel, also=True)
    await office.work()
    assert (await said(office, "A-1"))[3:] == [("none", None)], "a shared customer learns no name"
    assert await office.world.services.database.read(outdated) == []


async def test_an_account_is_matched_by_the_customer_that_it_was_mapped_to_last(office: Office) -> None:
    first, last = create(office, "KAS"), create(office, "Somebody else")
    await office.work()
    for customer in (first, last):
        await office.world.admin().map_account("A-2", customer)
        await send(office, "A-2", revision=int(customer), name="Blue Falcon Airways")
    await send(office, "A-1", name="Blue Falcon Airways")
    (found,) = await suggested(office, "A-1")
    assert found.best is not None
    assert found.best.display_name == "Somebody else"
    assert first not in [each.customer_id for each in found.candidates]


async def test_a_process_that_was_killed_or_is_new_goes_on_where_the_last_portion_ended(
    office: Office,
) -> None:
    names = [f"Customer number {number}" for number in range(9)]
    for number, name in enumerate(names):
        await office.world.send(stories.account(f"A-{number}", name=name))
        create(office, name)
    await office.work()
    before = await suggested(office)
    assert sorted(each.account_id for each in before) == [f"A-{number}" for number in range(9)]
    office.world.indexes = Indexes()
    await office.sync(full=True)
    assert await suggested(office) == before
    create(office, "Fresh Bakery")
    await office.notify()
    await send(office, "A-10", name="Fresh Bakery")
    assert await said(office, "A-10") == [("link", "Fresh Bakery")]


async def test_a_portion_that_was_rolled_back_is_done_again_and_appends_once(office: Office) -> None:
    await office.work()

    class Killed(BaseException):
        """The process ends before it commits."""

    for stopped_at in ("put_entries", "change"):
        with patch.object(portions, stopped_at, side_effect=Killed), pytest.raises(Killed):
            await send(office, f"A-{stopped_at}", name="Harper & Lowe Architects")
        assert await suggested(office, f"A-{stopped_at}") == []
        await office.work()
        assert await said(office, f"A-{stopped_at}") == [("link", "Harper & Lowe Architects")]


async def test_a_rebuilt_table_appends_no_suggestion_twice(office: Office) -> None:
    await office.work()
    await send(office, "A-1", name="Harper & Lowe Architects")
    before = await suggested(office)

    def forget(connection: Any) -> None:
        for table in ("suggesting_sought", "suggesting_companies", "suggesting_changed"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - names of tables
        connection.exec_driver_sql("DELETE FROM subscriptions WHERE name = 'matching'")

    await office.world.services.database.transaction(forget)
    office.world.indexes = Indexes()
    await office.work()
    assert await suggested(office) == before
    await send(office, "A-1", revision=2, name="Kestrel Aviation Services Inc")
    assert [each.number for each in await suggested(office)] == [1, 2]


async def test_a_new_matcher_compares_every_account_again(office: Office) -> None:
    await office.work()
    await send(office, "A-1", name="Harper & Lowe Architects")
    before = await office.head()

    def older(connection: sa.Connection) -> None:
        listening.change(connection, "acme", office.world.realm, matcher=0)

    await office.world.services.database.transaction(older)
    assert await office.world.services.database.read(portions.workspaces) == ["acme"]
    await office.work()
    assert await office.world.services.database.read(portions.workspaces) == []
    assert await office.appended(before) == ["mappings.compared.v1"], "the new matcher says the same"


def test_indexes_keep_the_workspaces_that_were_used_last() -> None:
    kept = Indexes(2)
    companies: Sequence[MatchedCompany] = [
        MatchedCompany(name, "1", is_first=True, connected=True, complete=True, turn=0, matcher=1, swept=None)
        for name in ("a", "b", "c")
    ]
    for company in companies[:2]:
        kept.put(indexes.CompanyIndex(company))
    assert kept.of(companies[0]) is not None
    kept.put(indexes.CompanyIndex(companies[2]))
    assert [kept.of(company) is not None for company in companies] == [True, False, True]
    assert len(kept) == 2


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_changes_each_account_is_suggested_as_if_all_were_compared(
    office: Office, seed: int
) -> None:
    chance = Random(seed)
    words = ("Harper", "Lowe", "Kestrel", "Bolt", "Aviation", "Bakery", "Inc", "Group")

    def name() -> str:
        return " ".join(chance.sample(words, 2))

    customers = [create(office, f"{name()} {number}") for number in range(6)]
    await office.work()
    for step in range(25):
        account, customer = f"A-{chance.randrange(6)}", chance.choice(customers)
        match chance.choice(("account", "rename", "rename", "inactive", "merge", "map", "create")):
            case "account":
                await send(
                    office,
                    account,
                    revision=step + 1,
                    name=name(),
                    email=chance.choice(EMAILS),
                    tax_id=chance.choice(TAX_IDS),
                )
            case "rename":
                fields = {"DisplayName": f"{name()} {step}", "PrimaryEmailAddr": {"Address": EMAILS[1]}}
                fields |= {"GSTIN": chance.choice(TAX_IDS), "WebAddr": {"URI": chance.choice(SITES)}}
                accountant.change(office.company, "Customer", customer, fields, office.world.clock.now())
            case "inactive":
                accountant.change(
                    office.company, "Customer", customer, {"Active": False}, office.world.clock.now()
                )
                customers.remove(customer)
            case "merge" if len(customers) > 3:
                stays = chance.choice([each for each in customers if each != customer])
                accountant.merge(office.company, "Customer", customer, stays, office.world.clock.now())
                customers.remove(customer)
            case "map" if step > 15:
                await office.world.admin().map_account(account, customer)
            case _:
                customers.append(create(office, f"{name()} new {step}"))
        if chance.random() < 0.5:
            await office.notify()
    await office.notify()
    await office.sync()
    assert await office.world.services.database.read(outdated) == []
    assert await suggested(office)
