"""The dispatcher's slots are shared: companies with a backlog leave slots free for every other company."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

import worker.services  # noqa: F401 - it knows every table
from events.contract.envelope import from_structured
from events.contract.json import encode
from events.contract.quickbooks import CommandKind
from events.log.tables import metadata
from tests import stories
from tests.worker.commands.given import BODY, START, TIMING
from worker.commands import claims, table
from worker.commands.candidates import UPDATES_AT_ONCE
from worker.commands.claimed import Claimed
from worker.commands.dispatcher import SLOTS, SLOTS_PER_REALM
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand, Realm


def connected(connection: sa.Connection, realm: str, commands: int) -> None:
    """Connect a company that has due commands."""
    table.put_realm(connection, Realm(realm, realm, True, False, "UTC"))
    add(connection, realm, "create_invoice", "deal", commands, START)


def add(
    connection: sa.Connection, realm: str, kind: CommandKind, stream: str, count: int, now: datetime
) -> None:
    """Add due commands of a company."""
    cause = from_structured(encode(stories.account()).encode(), now=START, workspace=realm)
    keys = [CommandKey(realm, f"{stream}/{realm}-{number}/1", kind, 0, 1) for number in range(count)]
    added = [(NewCommand(key, realm, request_id(realm, key), BODY), cause) for key in keys]
    table.add(connection, added, now)


def claimed_until_none(connection: sa.Connection, flying: int) -> list[Claimed]:
    """Claim as the dispatcher does while no command of it ends."""
    claimed: list[Claimed] = []
    while True:
        free = SLOTS - flying - len(claimed)
        more = claims.claim(connection, TIMING, "a", START, slots=free, per_realm=SLOTS_PER_REALM)
        if not more:
            return claimed
        claimed += more


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.mark.parametrize("backlogs", [1, 2, 3, 5, 20])
def test_backlogs_leave_slots_for_the_commands_of_any_other_company(
    connection: sa.Connection, backlogs: int
) -> None:
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


def test_updates_of_customers_let_all_other_commands_go_first(connection: sa.Connection) -> None:
    later = START + timedelta(seconds=1)
    connected(connection, "1", 0)
    add(connection, "1", "update_customer", "customer", 100, START)
    add(connection, "1", "create_invoice", "deal", 3, later)
    claimed = claims.claim(connection, TIMING, "a", later, slots=SLOTS, per_realm=SLOTS_PER_REALM)
    kinds = [command.key.kind for command in claimed]
    assert kinds == ["create_invoice"] * 3 + ["update_customer"] * UPDATES_AT_ONCE


def test_a_backlog_of_updates_holds_few_slots(connection: sa.Connection) -> None:
    connected(connection, "1", 0)
    add(connection, "1", "update_customer", "customer", 100, START)
    assert len(claimed_until_none(connection, 0)) == UPDATES_AT_ONCE
    add(connection, "1", "create_invoice", "deal", 1, START)
    assert [each.key.kind for each in claimed_until_none(connection, UPDATES_AT_ONCE)] == ["create_invoice"]


def test_after_a_pause_an_invoice_tries_before_any_update(connection: sa.Connection) -> None:
    later = START + timedelta(minutes=2)
    connected(connection, "1", 0)
    connection.execute(
        table.realms.update().values(not_before=START + timedelta(minutes=1), waits_since=START)
    )
    add(connection, "1", "update_customer", "customer", 5, START)
    add(connection, "1", "create_invoice", "deal", 1, later)
    claimed = claims.claim(connection, TIMING, "a", later, slots=SLOTS, per_realm=SLOTS_PER_REALM)
    assert [command.key.kind for command in claimed] == ["create_invoice"]
