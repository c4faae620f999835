"""The comparison of accounts with their customers finds each field that differs without a reason, and too many writes."""

from typing import Any

import sqlalchemy as sa

from events.contract import json
from tests.worker.quote_to_cash.in_step.crm import edit, open_crm, settle
from tests.world import World
from worker.quote_to_cash.store import process_state
from worker.simulation import agreeing
from worker.simulation.ablations import without

EDITS = 3


async def found(world: World, edits: int = EDITS) -> list[str]:
    def look(connection: sa.Connection) -> list[str]:
        return list(agreeing.violations(connection, "acme", edits))

    return await world.services.database.read(look)


async def change(world: World, kind: str, *path: str, to: Any) -> None:
    """Change a value in the process manager's state of the only stream of a kind."""

    def work(connection: sa.Connection) -> None:
        of_kind = process_state.c.stream.startswith(f"{kind}/")
        stream, data = next(
            (row.stream, row.data)
            for row in connection.execute(sa.select(process_state).where(of_kind))
            if all(name in row.data for name in path)
        )
        state = json.decode(data, dict[str, Any])
        inner = state
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = to
        this = process_state.c.stream == stream
        connection.execute(process_state.update().where(this).values(data=json.encode(state)))

    await world.services.database.transaction(work)


async def test_edits_on_both_sides_agree_at_rest(world: World) -> None:
    crm = await open_crm(world)
    await crm.edit(email="new@acme.example")
    edit(crm.office, PrimaryPhone={"FreeFormNumber": "+1 555 0199"})
    await settle(crm.office)
    await crm.hear()
    assert await found(world) == []
    (problem,) = await found(world, edits=0)
    assert problem.startswith("I11: acme: 2 writes to both sides for 0 edits")


async def test_a_field_that_waits_for_nothing_and_differs_is_found(world: World) -> None:
    crm = await open_crm(world)
    await crm.edit(email="new@acme.example")
    await change(world, "account", "latest", "email", to="other@acme.example")
    (problem,) = await found(world)
    assert "it was settled as" in problem
    await change(world, "pair", "fields", "email", "values", "crm", to="other@acme.example")
    (problem,) = await found(world)
    assert problem.endswith("by both: its state is agreed")


async def test_a_field_that_is_never_told_is_found(world: World) -> None:
    crm = await open_crm(world)
    edit(crm.office, PrimaryPhone={"FreeFormNumber": "+1 555 0199"})
    await settle(crm.office)
    assert await found(world) == [], "the CRM was told, and has not taken it over"
    await change(world, "customer", "observed", "phone", to="+1 555 0100 99")
    await change(world, "pair", "fields", "phone", "values", "quickbooks", to="+1 555 0100 99")
    (problem,) = await found(world)
    assert problem.endswith("it waits for the CRM, which was not told")


async def test_an_update_over_an_unseen_edit_is_found(world: World) -> None:
    crm = await open_crm(world)
    with without(["version_of_an_update"]):
        edit(crm.office, PrimaryPhone={"FreeFormNumber": "+1 555 0199"})
        await crm.edit(email="new@acme.example")
    (problem,) = await found(world)
    assert problem.endswith("an update of version 0 made version 2, over unseen edits")
