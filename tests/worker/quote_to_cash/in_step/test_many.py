"""A changed setting reaches every linked account, in portions if they are many."""

from events.contract import in_step
from tests import stories
from tests.world import World
from worker.quote_to_cash import reconsiderations
from worker.quote_to_cash.view import AT_ONCE
from worker.sandbox import accountant

ACCOUNTS = AT_ONCE + 5


async def test_switching_it_on_settles_more_accounts_than_fit_into_one_transaction(world: World) -> None:
    await world.add_workspace()
    await world.connect()
    company, now = world.sandbox.companies[world.realm], world.clock.now()
    for number in range(ACCOUNTS):
        made = accountant.create(company, "Customer", {"DisplayName": f"Customer {number}"}, now)
        await world.send(stories.account(f"A-{number}", name=f"Customer {number}", email="a@x.example"))
        await world.admin().map_account(f"A-{number}", made["Id"])
    await world.settle()
    await world.admin().change_settings({"customer_sync": "to_quickbooks"})
    await world.settle()
    assert await world.services.database.read(reconsiderations.workspaces) == []
    settled = [
        each.event.payload for each in await world.log() if each.event.type == in_step.CUSTOMER_FIELDS_SETTLED
    ]
    assert {each.account_id for each in settled} == {f"A-{number}" for number in range(ACCOUNTS)}
    sent = [
        each["PrimaryEmailAddr"]["Address"] for each in world.books("Customer") if "PrimaryEmailAddr" in each
    ]
    assert sent.count("a@x.example") == ACCOUNTS
