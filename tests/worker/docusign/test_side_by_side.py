"""Keys and counts on PostgreSQL: concurrent processes get the same results as on SQLite."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.util import await_only

from events.database import bulk
from events.database.postgres import PostgresDatabase
from events.log import log
from tests.beside import beside, empty
from tests.events.samples import NOW
from worker.docusign import reception, watch
from worker.docusign.reception import Count, Noted
from worker.runtime.vault import KeyRetired, Vault
from worker.simulation.ports import SeededEntropy
from worker.workspaces import docusign_keys, keyring, tenants
from worker.workspaces.docusign_keys import AddedKey
from worker.workspaces.keyring import KeyringRefused

KEY = "bm90IGEgc2VjcmV0LCBvZiAzMiBieXRlcyBhcyB0aGV5IGE="
LATER = NOW + timedelta(minutes=1)
OLD_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
VAULT = Vault([OLD_KEY], SeededEntropy(1))


@pytest_asyncio.fixture
async def postgres(module_postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(module_postgres_url)
    await opened.transaction(empty)
    await opened.transaction(tenants.add, "acme", "token", NOW)
    yield opened
    await opened.close()


def add(connection: sa.Connection) -> AddedKey:
    return docusign_keys.add(connection, VAULT, "acme", KEY, NOW)


def noted(outcome: str, messages: int = 1, last: timedelta = timedelta(0)) -> Noted:
    return Noted({("acme", outcome): Count(messages, NOW, NOW + last)}, {1: NOW})


async def test_a_key_that_is_added_twice_at_once_is_stored_once(postgres: PostgresDatabase) -> None:
    both = await beside(postgres, add, add)
    assert (both.first.added, both.second.added, both.waited) == (True, False, True)
    assert len(await postgres.read(docusign_keys.listed, "acme")) == 1


async def test_nothing_is_sealed_with_a_key_while_it_is_retired(postgres: PostgresDatabase) -> None:
    newer = Vault(["bmV3ZXIgYnV0IG9mIDMyIGJ5dGVzLCBhcyBuZWVkZWQ", OLD_KEY], SeededEntropy(2))
    old = VAULT.key_ids[0]

    def retire(connection: sa.Connection) -> str:
        try:
            return str(keyring.retire(connection, newer, old, NOW, "ada").retired_by)
        except KeyringRefused as error:
            return str(error)

    first_sealed = await beside(postgres, lambda connection: sealed(connection, KEY), retire)
    assert (first_sealed.first, first_sealed.waited) == ("…IGE=", True)
    assert "still encrypts secrets" in first_sealed.second
    assert (await postgres.transaction(keyring.reseal, newer)).resealed == 1
    first_retired = await beside(postgres, retire, lambda connection: sealed(connection, f"b{KEY}"))
    assert (first_retired.first, first_retired.waited) == ("ada", True)
    assert "was retired while this process ran" in first_retired.second
    assert len(await postgres.read(docusign_keys.listed, "acme")) == 1


def sealed(connection: sa.Connection, key: str) -> str:
    try:
        return docusign_keys.add(connection, VAULT, "acme", key, NOW).key.hint
    except KeyRetired as error:
        return str(error)


async def test_counts_from_two_sides_are_added_up(postgres: PostgresDatabase) -> None:
    both = await beside(
        postgres,
        lambda c: reception.write(c, noted("signature_invalid", 3)),
        lambda c: reception.write(c, noted("signature_invalid", 4, timedelta(seconds=9))),
    )
    assert (both.first, both.second) == (None, None)
    found = (await postgres.read(reception.read))["acme"]["signature_invalid"]
    assert found == Count(7, NOW, NOW + timedelta(seconds=9), NOW)


async def test_ended_problems_and_reported_changes(postgres: PostgresDatabase) -> None:
    await postgres.transaction(add)
    await postgres.transaction(reception.write, noted("signature_invalid"))
    await postgres.transaction(reception.write, noted("too_large"))
    [changed] = await postgres.read(watch.changes, NOW)
    assert changed.payload.state == "refusing"
    await postgres.transaction(log.append, [changed], NOW)
    assert await postgres.read(watch.changes, NOW) == []
    await postgres.transaction(reception.write, noted("accepted", last=timedelta(seconds=1)))
    shown = await postgres.read(watch.shown, "acme", LATER)
    assert (shown.reason, shown.last_accepted_at) == ("too_large", NOW + timedelta(seconds=1))
    await postgres.transaction(reception.acknowledge, "acme", LATER)
    [changed] = await postgres.read(watch.changes, LATER)
    assert changed.payload.state == "good"
    [key] = await postgres.read(docusign_keys.listed, "acme")
    assert key.verified_at == NOW


async def test_two_doors_that_count_at_once_never_wait_in_a_ring(postgres: PostgresDatabase) -> None:
    """An accepted message ends the problems that refused ones begin, in another order of rows."""

    async def write(*outcomes: str) -> None:
        for _ in range(100):
            counted = {("acme", outcome): Count(1, NOW, NOW) for outcome in outcomes}
            await postgres.transaction(reception.write, Noted(counted, {}))

    await asyncio.gather(write("accepted"), write("signature_invalid", "signature_missing"))
    found = (await postgres.read(reception.read))["acme"]
    assert {count.messages for count in found.values()} == {100}


async def test_a_door_updates_no_row_that_another_inserted_after_it_locked_its_own(
    postgres: PostgresDatabase,
) -> None:
    """Such a row may be locked by a writer that waits for another row."""
    lock, refused = bulk.lock, noted("signature_invalid")

    def late(connection: sa.Connection, *arguments: Any) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        found = lock(connection, *arguments)
        if ("acme", "accepted") in arguments[2]:
            await_only(postgres.transaction(reception.write, refused))
        return found

    with patch.object(bulk, "lock", late):
        await postgres.transaction(reception.write, noted("accepted", last=timedelta(seconds=1)))
    found = (await postgres.read(reception.read))["acme"]
    assert found["signature_invalid"].since == NOW, "the next accepted message ends it"
