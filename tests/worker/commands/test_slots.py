"""The dispatcher's slots are shared: companies with a backlog leave slots free for every other company."""

from collections import Counter

import pytest
import sqlalchemy as sa

import worker.services  # noqa: F401 - it knows every table
from events.contract.envelope import from_structured
from events.contract.json import encode
from events.log.tables import metadata
from tests import stories
from tests.worker.commands.given import BODY, START, TIMING
from worker.commands import claims, table
from worker.commands.claimed import Claimed
from worker.commands.dispatcher import SLOTS, SLOTS_PER_REALM
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand, Realm


def connected(connection: sa.Connection, realm: str, commands: int) -> None:
    """Connect a company that has due commands."""
    table.put_realm(connection, Realm(realm, realm, True, False, "UTC"))
    cause = from_structured(encode(stories.account()).encode(), now=START, workspace=realm)
    keys = [CommandKey(realm, f"deal/D-{number}", "create_invoice", 0, 1) for number in range(commands)]
    added = [(NewCommand(key, realm, request_id(realm, key), BODY), cause) for key in keys]
    table.add(connection, added, START)


def claimed_until_none(connection: sa.Connection, flying: int) -> list[Claimed]:
    """Claim as the dispatcher does while no command of it ends."""
    claimed: list[Claimed] = []
    while True:
        free = SLOTS - flying - len(claimed)
        more = claims.claim(connection, TIMING, "a", START, slots=free, per_realm=SLOTS_PER_REALM)
        if not more:
            return claimed
        claimed += more


@pytest.mark.parametrize("backlogs", [1, 2, 3, 5, 20])
def test_backlogs_leave_slots_for_the_commands_of_any_other_company(backlogs: int) -> None:
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    metadata.create_all(engine)
    with engine.connect() as connection:
        for number in range(backlogs):
            connected(connection, f"backlog-{number}", 100)
        claimed = claimed_until_none(connection, 0)
        held = Counter(command.realm for command in claimed)
        free = SLOTS - len(claimed)
        assert len(held) == backlogs
        assert max(held.values()) <= SLOTS_PER_REALM
        assert max(held.values()) - min(held.values()) <= 1
        assert free >= max(held.values()) - 1, "as many as each of them holds are free"
        assert free <= min(held.values()) or max(held.values()) == SLOTS_PER_REALM, "no slot is wasted"
        connected(connection, "another", 1)
        assert [each.realm for each in claimed_until_none(connection, len(claimed))] == ["another"]
