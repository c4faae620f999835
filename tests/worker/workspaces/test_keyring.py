"""The keys that encrypt secrets: adopted, resealed, retired and lost, while processes run."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace
from pydantic import SecretStr

from events.log.tables import metadata
from tests.fakes import FakeClock
from tests.world import TOKEN_KEY, World
from worker.quickbooks import grants
from worker.quickbooks.errors import NotSent
from worker.quickbooks.grants import PendingGrant
from worker.quickbooks.token_store import TokenStore
from worker.quickbooks.tokens import tokens as tokens_table
from worker.runtime import sealing
from worker.runtime.environment import ConfigurationError, Environment
from worker.runtime.vault import KeyRetired, Unsealable, Vault, key_id_of
from worker.services import open_database, open_services
from worker.simulation.ports import SeededEntropy
from worker.workspaces import docusign_keys, keyring
from worker.workspaces.keyring import SEALED, KeyringRefused

NEW_KEY = base64.urlsafe_b64encode(b"n" * 32).decode()
KEY = "bm90IGEgc2VjcmV0LCBvZiAzMiBieXRlcyBhcyB0aGV5IGE="


def vault(*keys: str) -> Vault:
    return Vault(keys, SeededEntropy(9))


OLD, NEW = vault(TOKEN_KEY).key_ids[0], vault(NEW_KEY).key_ids[0]


def settings(path: Path, *keys: str) -> Environment:
    return Environment(database_url=f"sqlite:///{path}", token_keys=tuple(map(SecretStr, keys)))


@pytest_asyncio.fixture
async def sealed(ready: World) -> AsyncIterator[World]:
    """A world with secrets of every kind, sealed with the old key."""
    database, clock = ready.services.database, ready.services.clock
    await database.transaction(keyring.note, [OLD], clock.now())
    grant = PendingGrant("g-1", "acme", "77", "exchanging", b"", clock.now())
    record = ready.services.vault.seal(b"code", grants.owner(grant.id))
    await database.transaction(grants.add, replace(grant, sealed=record), clock.now(), None)
    counts = await database.read(
        lambda c: [c.scalar(sa.select(sa.func.count()).select_from(s.table)) for s in SEALED]
    )
    assert all(counts), "each kind of secret is in it"
    yield ready


async def retire(world: World, with_keys: Vault, key_id: str = OLD) -> keyring.Shown:
    return await world.services.database.transaction(
        keyring.retire, with_keys, key_id, world.clock.now(), "cli:ada"
    )


async def key_ids(world: World) -> set[str]:
    found = await world.services.database.read(lambda c: list(keyring._records(c)))
    return {key_id_of(row.sealed) for _, row in found}


def test_nothing_that_is_sealed_is_forgotten() -> None:
    """Every column with sealed bytes is resealed, and counted when its key is to be retired."""
    found = {
        table.name
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary) and "sealed" in column.name
    }
    assert found == {sealed.table.name for sealed in SEALED}
    others = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary) and "sealed" not in column.name
    }
    assert others == {"dead_letters.raw"}, (
        "bytes are called sealed where they are, and known here where they are not"
    )


async def test_a_key_is_retired_once_everything_is_sealed_with_a_newer_one(sealed: World) -> None:
    both = vault(NEW_KEY, TOKEN_KEY)
    with pytest.raises(KeyringRefused, match=r"still encrypts secrets .*QuickBooks company .*DocuSign's key"):
        await retire(sealed, both)
    with pytest.raises(KeyringRefused, match="is the newest"):
        await retire(sealed, both, NEW)
    with pytest.raises(KeyringRefused, match="Unknown key 'beef'; choose from"):
        await retire(sealed, both, "beef")
    found = await sealed.services.database.transaction(keyring.reseal, both)
    assert (found.resealed, found.current, found.unreadable) == (4, 0, ())
    assert await key_ids(sealed) == {NEW}
    first = await retire(sealed, both, OLD.upper())
    assert (first.records, first.retired_by) == (0, "cli:ada")
    sealed.clock.advance(60)
    assert (await retire(sealed, both)).retired_at == first.retired_at
    [old, new] = await sealed.services.database.read(keyring.shown, both.key_ids)
    assert (old.key_id, old.place, new.key_id, new.place, new.records) == (OLD, 2, NEW, 1, 4)


async def test_a_start_with_a_retired_key_is_refused(sealed: World) -> None:
    both, path = vault(NEW_KEY, TOKEN_KEY), sealed.services.environment.database_path
    await sealed.services.database.transaction(keyring.reseal, both)
    await retire(sealed, both)
    with pytest.raises(
        ConfigurationError, match=rf"key 2 \({OLD}\) was retired on 20.*remove it from Q2C_TOKEN_KEYS"
    ):
        await open_services(settings(path, NEW_KEY, TOKEN_KEY))
    services = await open_services(settings(path, NEW_KEY))
    records = await services.database.read(docusign_keys.sealed, "acme")
    assert records is not None
    found = docusign_keys.opened(services.vault, "acme", records)
    await services.database.close()
    assert (len(found.keys), found.unreadable) == (2, ())


async def test_a_process_that_still_seals_with_the_old_key_is_noticed(sealed: World) -> None:
    """A process that started before the new key was added stores a secret after the resealing."""
    both, database = vault(NEW_KEY, TOKEN_KEY), sealed.services.database
    await database.transaction(keyring.reseal, both)
    await database.transaction(docusign_keys.add, sealed.services.vault, "acme", KEY, sealed.clock.now())
    with pytest.raises(KeyringRefused, match="a process still runs with this key as the newest"):
        await retire(sealed, both)
    await database.transaction(keyring.reseal, both)
    await retire(sealed, both)
    with pytest.raises(KeyRetired, match=f"{OLD} was retired while this process ran"):
        await database.transaction(
            docusign_keys.add, sealed.services.vault, "acme", f"b{KEY}", sealed.clock.now()
        )
    assert await key_ids(sealed) == {NEW}


async def test_a_refresh_in_flight_stores_nothing_under_a_key_retired_meanwhile(
    sealed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, database, gateway = vault(NEW_KEY, TOKEN_KEY), sealed.services.database, sealed.gateway
    refresh = gateway.oauth.refresh
    token = await gateway.tokens.access_token(sealed.realm)

    async def retired_meanwhile(refresh_token: str) -> object:
        found = await refresh(refresh_token)
        await database.transaction(keyring.reseal, both)
        await retire(sealed, both)
        return found

    monkeypatch.setattr(gateway.oauth, "refresh", retired_meanwhile)
    with pytest.raises(NotSent, match="was retired"):
        await gateway.tokens.renewed(sealed.realm, token)
    assert await key_ids(sealed) == {NEW}
    monkeypatch.undo()
    other = TokenStore(
        database, sealed.services.clock, sealed.services.entropy, vault(NEW_KEY), gateway.oauth
    )
    assert await other.renewed(sealed.realm, token) != token, (
        "a process with the new key goes on with what is stored"
    )


async def test_a_running_process_stops_using_a_key_that_is_retired(sealed: World) -> None:
    database, clock = sealed.services.database, FakeClock()
    record = vault(TOKEN_KEY).seal(b"CANARY", "x")
    both, old = vault(NEW_KEY, TOKEN_KEY), vault(TOKEN_KEY)
    stopping = asyncio.Event()
    watching = asyncio.create_task(keyring.watch(both, database, clock, stopping))
    await asyncio.sleep(0.01)
    assert both.open(record, "x") == b"CANARY"
    await database.transaction(keyring.reseal, both)
    await retire(sealed, both)
    with pytest.raises(ConfigurationError, match="remove it from Q2C_TOKEN_KEYS, and restart"):
        await keyring.watch(old, database, clock, stopping)
    with pytest.raises(KeyRetired):
        old.seal(b"CANARY", "x")
    await clock.sleep(2 * keyring.LOOK_SECONDS)
    with pytest.raises(Unsealable):
        both.open(record, "x")
    stopping.set()
    await watching


async def test_a_record_that_does_not_open_is_named_and_all_others_are_sealed_anew(
    sealed: World,
) -> None:
    strange = vault(base64.urlsafe_b64encode(b"s" * 32).decode()).seal(b"x", "y")
    await sealed.services.database.transaction(
        lambda c: c.execute(tokens_table.update().values(sealed=strange))
    )
    found = await sealed.services.database.transaction(keyring.reseal, vault(NEW_KEY, TOKEN_KEY))
    assert (found.resealed, found.current) == (3, 0)
    [problem] = found.unreadable
    assert sealed.realm in problem


async def test_records_that_lost_keys_encrypted_are_given_again(sealed: World) -> None:
    database, path = sealed.services.database, sealed.services.environment.database_path
    with pytest.raises(ConfigurationError, match=f"other keys \\({OLD}\\) than yours .*q2c keys lost"):
        await open_services(settings(path, NEW_KEY))
    gone = await database.transaction(keyring.lose, vault(NEW_KEY), sealed.clock.now(), "cli:ada")
    assert sorted(sentence.partition(":")[2] for sentence in gone) == [
        " connect again (q2c connect)",
        *[" give it again (q2c workspace docusign-key add)"] * 2,
        " start again (q2c connect)",
    ]
    services = await open_services(settings(path, NEW_KEY))
    assert await services.database.read(docusign_keys.listed, "acme") == []
    await services.database.close()
    with pytest.raises(ConfigurationError, match="retired"):
        await open_services(settings(path, NEW_KEY, TOKEN_KEY))


async def test_a_key_file_is_made_once_and_missed_ever_after(tmp_path: Path) -> None:
    path = tmp_path / "q2c.sqlite3"
    environment, file = settings(path), tmp_path / "token.key"
    database = open_database(environment)
    await database.close()
    path.unlink()
    for _ in range(2):
        services = await open_services(environment)
        await services.database.close()
    kept = file.read_bytes()
    file.unlink()
    with pytest.raises(
        ConfigurationError, match=r"token\.key is missing: .*from your backup.* q2c keys lost --yes"
    ):
        await open_services(environment)
    assert not file.exists()
    file.write_bytes(kept)
    file.chmod(0o644)
    services = await open_services(environment)
    await services.database.close()
    assert file.stat().st_mode & 0o777 == 0o600
    for damaged in (b"", b"\xff\xfe", kept[:-5]):
        file.write_bytes(damaged)
        with pytest.raises(ConfigurationError, match=r"token\.key contains no key"):
            await open_services(environment)
    file.write_bytes(NEW_KEY.encode())
    with pytest.raises(ConfigurationError, match=r"token\.key: .* encrypted with other keys"):
        await open_services(environment)


async def test_a_database_from_before_keys_were_known_is_missing_its_key_all_the_same(sealed: World) -> None:
    path = sealed.services.environment.database_path
    await sealed.services.database.transaction(lambda c: c.execute(sealing.token_keys.delete()))
    with pytest.raises(ConfigurationError, match=r"token\.key is missing"):
        await open_services(settings(path))
    services = await open_services(settings(path, TOKEN_KEY))
    assert list(await services.database.read(sealing.known)) == [OLD]
    await services.database.close()


async def test_an_empty_file_beside_a_key_is_no_new_database(tmp_path: Path) -> None:
    environment = settings(tmp_path / "q2c.sqlite3")
    services = await open_services(environment)
    await services.database.close()
    environment.database_path.write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"is empty, but token\.key beside it shows"):
        await open_services(environment)
