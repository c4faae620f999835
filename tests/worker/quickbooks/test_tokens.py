import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from events.log.tables import UtcInstant
from tests.worker.quickbooks.intuit import KEY, OLDER_KEY, REALM, Bench, bench, connect, settle, token_answer
from worker.quickbooks import oauth, token_store, tokens
from worker.quickbooks.errors import NotSent, ReconnectRequired
from worker.quickbooks.tokens import RealmTaken
from worker.runtime.vault import Vault
from worker.simulation.ports import SeededEntropy
from worker.workspaces import keyring
from worker.workspaces.keyring import Resealed

LEASE = timedelta(seconds=90)


def row(connection: sa.Connection, realm: str = REALM) -> sa.RowMapping:
    return connection.execute(sa.select(tokens.tokens).where(tokens.tokens.c.realm == realm)).mappings().one()


async def test_a_good_token_is_given_without_asking_intuit(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one)
        assert await one.tokens.access_token(REALM) == "CANARY-access-0"
        assert one.intuit.refreshes == 0


async def test_a_token_is_refreshed_ahead_of_its_end(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one, good_for=299)
        assert await one.tokens.access_token(REALM) == "CANARY-access-1"
        stored = await one.database.read(row)
        assert stored["version"] == 2
        assert stored["lease_holder"] is None


async def test_fifty_expiries_at_once_make_one_refresh(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one, good_for=0)
        got = await asyncio.gather(*(one.tokens.access_token(REALM) for _ in range(50)))
        assert set(got) == {"CANARY-access-1"}
        assert one.intuit.refreshes == 1


async def test_fifty_refusals_at_once_make_one_refresh(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one)
        got = await asyncio.gather(*(one.tokens.renewed(REALM, "CANARY-access-0") for _ in range(50)))
        assert set(got) == {"CANARY-access-1"}
        assert one.intuit.refreshes == 1


async def test_two_processes_make_one_refresh(tmp_path: Path) -> None:
    async with bench(tmp_path) as one, bench(tmp_path, intuit=one.intuit, seed=1) as two:
        await connect(one, good_for=0)
        callers = [store.access_token(REALM) for store in (one.tokens, two.tokens) for _ in range(25)]
        assert set(await asyncio.gather(*callers)) == {"CANARY-access-1"}
        assert one.intuit.refreshes == 1


async def test_a_stale_refusal_refreshes_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one)
        await one.tokens.renewed(REALM, "CANARY-access-0")
        assert await one.tokens.renewed(REALM, "CANARY-access-0") == "CANARY-access-1"
        assert one.intuit.refreshes == 1


async def test_realms_do_not_wait_for_one_another(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one, "1", good_for=0)
        await connect(one, "2", good_for=0)
        await asyncio.gather(one.tokens.access_token("1"), one.tokens.access_token("2"))
        assert one.intuit.refreshing_max == 2


async def kill(task: asyncio.Task[str], of: Bench) -> None:
    """End a holder as SIGKILL does: its tasks stop, its lease stays."""
    before = await of.database.read(row)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await of.database.transaction(
        lambda connection: connection.execute(tokens.tokens.update().values(**dict(before)))
    )


async def test_a_dead_holder_is_replaced_when_its_lease_ends(tmp_path: Path) -> None:
    async with bench(tmp_path) as one, bench(tmp_path, intuit=one.intuit, seed=1) as two:
        await connect(one, good_for=0)
        one.intuit.refresh_seconds = 10_000
        dying = asyncio.create_task(one.tokens.access_token(REALM))
        await settle()
        one.intuit.refresh_seconds = 1
        await kill(dying, one)
        began = one.clock.monotonic()
        assert await two.tokens.access_token(REALM) == "CANARY-access-2"
        assert one.clock.monotonic() - began >= one.oauth.refresh_lasts_at_most.total_seconds()
        assert one.intuit.forms[1]["refresh_token"] == ["CANARY-refresh-0"]


async def test_a_crash_between_the_answer_and_its_commit_is_survived_with_the_old_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> bool:
        raise Killed

    async with bench(tmp_path) as one, bench(tmp_path, intuit=one.intuit, seed=1) as two:
        await connect(one, good_for=0)
        monkeypatch.setattr(tokens, "rotate", die)
        with pytest.raises(Killed):
            await one.tokens.access_token(REALM)
        monkeypatch.undo()
        assert await two.tokens.access_token(REALM) == "CANARY-access-2"
        assert [form["refresh_token"] for form in one.intuit.forms] == [["CANARY-refresh-0"]] * 2


async def test_a_lost_answer_is_retried_with_the_old_token_at_once(tmp_path: Path) -> None:
    def lose(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("CANARY")

    async with bench(tmp_path) as one:
        await connect(one, good_for=0)
        one.intuit.on_refresh = lose
        with pytest.raises(NotSent):
            await one.tokens.access_token(REALM)
        one.intuit.on_refresh = None
        assert await one.tokens.access_token(REALM) == "CANARY-access-2"
        assert one.intuit.forms[1]["refresh_token"] == ["CANARY-refresh-0"]


async def test_invalid_grant_expires_the_connection_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one, good_for=0)
        one.intuit.on_refresh = lambda _: httpx.Response(400, json={"error": "invalid_grant"})
        callers = [one.tokens.access_token(REALM) for _ in range(10)]
        got = await asyncio.gather(*callers, return_exceptions=True)
        assert {type(error) for error in got} == {ReconnectRequired}
        assert one.intuit.refreshes == 1
        with pytest.raises(ReconnectRequired):
            await one.tokens.access_token(REALM)
        assert one.intuit.refreshes == 1


async def test_tokens_rotated_under_us_are_used(tmp_path: Path) -> None:
    """Another process stored new tokens while our refresh came back with invalid_grant."""
    async with bench(tmp_path) as one:
        await connect(one, good_for=0)

        async def replaced(_: httpx.Request) -> httpx.Response:
            await connect(one)
            return httpx.Response(400, json={"error": "invalid_grant"})

        one.intuit.on_refresh = replaced
        assert await one.tokens.access_token(REALM) == "CANARY-access-0"
        assert not (await one.database.read(row))["expired"]


async def test_a_refresh_does_not_overwrite_a_new_consent(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one, good_for=0)

        async def reconsented(_: httpx.Request) -> httpx.Response:
            await connect(one)
            return token_answer(9)

        one.intuit.on_refresh = reconsented
        assert await one.tokens.access_token(REALM) == "CANARY-access-0"


async def test_connecting_again_ends_the_expiry(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one, good_for=0)
        one.intuit.on_refresh = lambda _: httpx.Response(400, json={"error": "invalid_grant"})
        with pytest.raises(ReconnectRequired):
            await one.tokens.access_token(REALM)
        await connect(one)
        assert await one.tokens.access_token(REALM) == "CANARY-access-0"


async def test_an_unknown_realm_has_to_be_connected(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        with pytest.raises(ReconnectRequired):
            await one.tokens.access_token("nobody")


async def test_a_realm_belongs_to_one_workspace(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one, workspace="acme")
        with pytest.raises(RealmTaken):
            await connect(one, workspace="other")
        await connect(one, workspace="acme")


async def test_swapped_rows_do_not_open(tmp_path: Path) -> None:
    def swap(connection: sa.Connection) -> None:
        sealed = {realm: row(connection, realm)["sealed"] for realm in ("1", "2")}
        for realm, other in (("1", "2"), ("2", "1")):
            table = tokens.tokens
            connection.execute(table.update().where(table.c.realm == realm).values(sealed=sealed[other]))

    async with bench(tmp_path) as one:
        await connect(one, "1")
        await connect(one, "2")
        await one.database.transaction(swap)
        for realm in ("1", "2"):
            with pytest.raises(NotSent, match="belongs to another owner"):
                await one.tokens.access_token(realm)


async def test_a_lost_key_stops_its_realm_and_no_other(tmp_path: Path) -> None:
    async with bench(tmp_path, keys=(OLDER_KEY,)) as before:
        await connect(before, "1")
    async with bench(tmp_path) as one:
        await connect(one, "2")
        with pytest.raises(NotSent, match="not in Q2C_TOKEN_KEYS"):
            await one.tokens.access_token("1")
        assert await one.tokens.access_token("2") == "CANARY-access-0"


async def test_the_newest_key_seals_the_next_secret(tmp_path: Path) -> None:
    async with bench(tmp_path, keys=(OLDER_KEY,)) as before:
        await connect(before, good_for=0)
    async with bench(tmp_path, keys=(KEY, OLDER_KEY)) as during:
        await during.tokens.access_token(REALM)
    async with bench(tmp_path) as after:
        assert await after.tokens.access_token(REALM) == "CANARY-access-1"


async def test_all_secrets_can_be_resealed_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, keys=(OLDER_KEY,)) as before:
        for realm in ("1", "2", "3"):
            await connect(before, realm)
    async with bench(tmp_path, keys=(KEY, OLDER_KEY)) as during:
        assert await during.database.transaction(keyring.reseal, during.vault) == Resealed(3, 0, ())
        assert await during.database.transaction(keyring.reseal, during.vault) == Resealed(0, 3, ())
        assert await during.tokens.access_token("2") == "CANARY-access-0"
    async with bench(tmp_path) as after:
        assert await after.tokens.access_token("3") == "CANARY-access-0"


async def test_resealing_does_not_undo_a_refresh_in_flight(tmp_path: Path) -> None:
    async with bench(tmp_path, keys=(OLDER_KEY,)) as one:
        await connect(one, good_for=0)
        newest = Vault((KEY, OLDER_KEY), SeededEntropy(7))

        async def rotated_meanwhile(_: httpx.Request) -> httpx.Response:
            await one.database.transaction(keyring.reseal, newest)
            return token_answer(1)

        one.intuit.on_refresh = rotated_meanwhile
        assert await one.tokens.access_token(REALM) == "CANARY-access-1"


async def test_a_forgotten_realm_needs_a_person_and_starts_afresh(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one)
        assert await one.tokens.access_token(REALM) == "CANARY-access-0"
        await one.database.transaction(tokens.forget, REALM)
        one.tokens.changed(REALM)
        with pytest.raises(ReconnectRequired):
            await one.tokens.access_token(REALM)
        assert b"CANARY" not in (tmp_path / "q2c.sqlite3").read_bytes()
        now = one.clock.now()
        fresh = oauth.TokenSet(
            "CANARY-fresh", "CANARY-refresh", now + timedelta(hours=1), now + timedelta(days=100)
        )
        sealed = one.tokens.seal(REALM, fresh)
        await one.database.transaction(
            tokens.put, realm=REALM, workspace="other", sealed=sealed, of=fresh, now=now
        )
        assert await one.tokens.access_token(REALM) == "CANARY-fresh"


async def test_tokens_deleted_by_another_process_are_returned_for_seconds_at_most(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one)
        assert await one.tokens.access_token(REALM) == "CANARY-access-0"
        await one.database.transaction(tokens.forget, REALM)
        await one.clock.sleep(token_store.FRESH_SECONDS)
        with pytest.raises(ReconnectRequired):
            await one.tokens.access_token(REALM)


async def test_a_refused_token_that_another_process_forgot_is_not_renewed(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one)
        refused = await one.tokens.access_token(REALM)
        await one.database.transaction(tokens.forget, REALM)
        with pytest.raises(ReconnectRequired):
            await one.tokens.renewed(REALM, refused)
        with pytest.raises(ReconnectRequired):
            await one.tokens.access_token(REALM)
        assert one.intuit.refreshes == 0


async def test_many_calls_within_seconds_read_the_tokens_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    stored = tokens.stored

    def counted(connection: sa.Connection, realm: str) -> tokens.StoredTokens | None:
        reads.append(realm)
        return stored(connection, realm)

    monkeypatch.setattr(tokens, "stored", counted)
    async with bench(tmp_path) as one:
        await connect(one)
        for _ in range(10):
            await one.tokens.access_token(REALM)
            await one.clock.sleep(token_store.FRESH_SECONDS / 20)
        assert reads == [REALM]


async def test_tokens_refreshed_by_another_process_are_used_at_once_after_a_refusal(tmp_path: Path) -> None:
    async with bench(tmp_path) as one, bench(tmp_path, intuit=one.intuit, seed=1) as two:
        await connect(one)
        refused = await one.tokens.access_token(REALM)
        renewed = await two.tokens.renewed(REALM, refused)
        assert await one.tokens.renewed(REALM, refused) == renewed
        assert await one.tokens.access_token(REALM) == renewed
        assert one.intuit.refreshes == 1


async def test_a_refresh_in_flight_does_not_restore_deleted_tokens(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await connect(one, good_for=0)

        async def forgotten(_: httpx.Request) -> httpx.Response:
            await one.database.transaction(tokens.forget, REALM)
            return token_answer(1)

        one.intuit.on_refresh = forgotten
        with pytest.raises(ReconnectRequired):
            await one.tokens.access_token(REALM)
        with pytest.raises(ReconnectRequired):
            await one.tokens.access_token(REALM)


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_clock_that_jumps_does_not_hold_a_lease_for_a_day(tmp_path: Path, days: int) -> None:
    async with bench(tmp_path) as one, bench(tmp_path, intuit=one.intuit, seed=1) as two:
        await connect(one, good_for=0)
        one.intuit.refresh_seconds = 10_000
        dying = asyncio.create_task(one.tokens.access_token(REALM))
        await settle()
        one.intuit.refresh_seconds = 1
        await kill(dying, one)
        one.clock.jump(timedelta(days=days))
        assert await two.tokens.renewed(REALM, "CANARY-access-0") == "CANARY-access-2"


@pytest.mark.parametrize("seconds", [0.001, 1, 10, 60])
async def test_a_process_that_read_the_clock_before_a_lease_was_taken_does_not_take_it_too(
    tmp_path: Path, seconds: float
) -> None:
    """The process waited for the database, or its clock is behind."""
    async with bench(tmp_path) as one:
        await connect(one, good_for=0)
        now = one.clock.now()
        earlier = now - timedelta(seconds=seconds)
        assert await one.database.transaction(tokens.lease, REALM, 1, "first", LEASE, now)
        assert not await one.database.transaction(tokens.lease, REALM, 1, "second", LEASE, earlier)


def test_instants_are_stored_with_their_zone() -> None:
    assert isinstance(tokens.tokens.c.leased_until.type, UtcInstant)
