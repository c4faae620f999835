"""Tokens and workspaces under PostgreSQL's concurrency: two processes at the same moment."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest_asyncio
import sqlalchemy as sa

from events.database.postgres import PostgresDatabase
from events.log import log
from tests.beside import Both, beside, empty
from tests.events.samples import NOW
from worker.connections import steps
from worker.quickbooks import consents, grants, tokens
from worker.quickbooks.consents import ConsentRefused, StartedConsent
from worker.quickbooks.grants import PendingGrant
from worker.quickbooks.oauth import TokenSet
from worker.quickbooks.tokens import RealmTaken
from worker.workspaces import api_tokens, tenants
from worker.workspaces.tenants import WorkspaceInvalid

REALM = "4620816365"
LEASE = timedelta(seconds=90)
GRANTED = TokenSet("access", "refresh", NOW + timedelta(hours=1), NOW + timedelta(days=100))


@pytest_asyncio.fixture
async def postgres(module_postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(module_postgres_url)
    await opened.transaction(empty)
    yield opened
    await opened.close()


def put(workspace: str = "acme", sealed: bytes = b"1") -> Callable[[sa.Connection], None]:
    return lambda c: tokens.put(c, realm=REALM, workspace=workspace, sealed=sealed, of=GRANTED, now=NOW)


def lease(holder: str) -> Callable[[sa.Connection], bool]:
    return lambda connection: tokens.lease(connection, REALM, 1, holder, LEASE, NOW)


def stored(connection: sa.Connection) -> tuple[bytes, int, bool]:
    row = connection.execute(sa.select(tokens.tokens)).one()
    return row.sealed, row.version, row.expired


async def test_one_of_two_processes_refreshes(postgres: PostgresDatabase) -> None:
    await postgres.transaction(put())
    assert await beside(postgres, lease("a"), lease("b")) == Both(True, False, waited=True)


async def test_a_refresh_brings_back_nothing_that_a_consent_replaced(postgres: PostgresDatabase) -> None:
    await postgres.transaction(put())
    await postgres.transaction(lease("a"))

    def rotate(connection: sa.Connection) -> bool:
        return tokens.rotate(connection, REALM, 1, b"refreshed", GRANTED, NOW)

    both = await beside(postgres, put(sealed=b"consented"), rotate)
    assert both == Both(None, False, waited=True)
    assert await postgres.read(stored) == (b"consented", 2, False)


async def test_a_refresh_brings_back_nothing_that_a_person_disconnected(postgres: PostgresDatabase) -> None:
    await postgres.transaction(put())
    await postgres.transaction(lease("a"))
    both = await beside(
        postgres,
        lambda c: tokens.leave(c, REALM, "acme", NOW),
        lambda c: tokens.rotate(c, REALM, 1, b"refreshed", GRANTED, NOW),
    )
    assert both == Both(True, False, waited=True)
    assert await postgres.read(stored) == (b"", 2, True)


async def test_a_company_is_left_once(postgres: PostgresDatabase) -> None:
    await postgres.transaction(put())
    both = await beside(
        postgres,
        lambda c: tokens.leave(c, REALM, "acme", NOW),
        lambda c: tokens.leave(c, REALM, "acme", NOW),
    )
    assert both == Both(True, False, waited=True)


async def test_two_processes_that_notice_an_expiry_at_once_tell_it_once(postgres: PostgresDatabase) -> None:
    await postgres.transaction(put())
    await beside(
        postgres,
        lambda c: tokens.tell_expired(c, REALM, "revoked", NOW),
        lambda c: tokens.tell_expired(c, REALM, "invalid_grant", NOW),
    )
    assert await postgres.read(log.head) == 1


async def test_a_refused_refresh_ends_nothing_that_a_consent_replaced(postgres: PostgresDatabase) -> None:
    await postgres.transaction(put())
    both = await beside(
        postgres, put(sealed=b"consented"), lambda c: tokens.expire(c, REALM, 1, "revoked", NOW)
    )
    assert both == Both(None, False, waited=True)
    assert await postgres.read(stored) == (b"consented", 2, False)


async def test_a_company_that_two_workspaces_connect_at_once_is_one_of_theirs(
    postgres: PostgresDatabase,
) -> None:
    both = await beside(postgres, put("acme"), put("bolt"))
    assert (both.first, type(both.second), both.waited) == (None, RealmTaken, True)


async def test_an_address_that_is_opened_twice_at_once_is_opened_once(postgres: PostgresDatabase) -> None:
    await postgres.transaction(consents.create_link, "link", StartedConsent("acme"), NOW)

    def open_it(state: str) -> Callable[[sa.Connection], None]:
        return lambda connection: consents.open_link(connection, "link", state, "cookie", NOW)

    both = await beside(postgres, open_it("one"), open_it("two"))
    assert (both.first, type(both.second), both.waited) == (None, ConsentRefused, True)


async def test_a_consent_that_comes_back_twice_counts_once(postgres: PostgresDatabase) -> None:
    await postgres.transaction(consents.create_link, "link", StartedConsent("acme"), NOW)
    await postgres.transaction(consents.open_link, "link", "state", "cookie", NOW)

    def redeem(connection: sa.Connection) -> StartedConsent:
        return consents.redeem_state(connection, "state", "cookie", NOW)

    both = await beside(postgres, redeem, redeem)
    assert (both.first, type(both.second), both.waited) == (StartedConsent("acme"), ConsentRefused, True)


async def test_a_grant_that_two_processes_find_due_is_one_of_theirs(postgres: PostgresDatabase) -> None:
    grant = PendingGrant("g-1", "acme", REALM, "proving", b"1", NOW)
    await postgres.transaction(grants.add, grant, NOW, None)

    def take(connection: sa.Connection) -> bool:
        return grants.take(connection, grant, NOW + LEASE, NOW) is not None

    assert await beside(postgres, take, take) == Both(True, False, waited=True)


async def test_tokens_are_not_revoked_while_their_company_is_being_connected(
    postgres: PostgresDatabase,
) -> None:
    grant = PendingGrant("g-1", "bolt", REALM, "revoking", b"1", NOW)

    def may_be_revoked(connection: sa.Connection) -> bool:
        return steps.may_be_revoked(connection, grant, NOW)

    assert await beside(postgres, put("acme"), may_be_revoked) == Both(None, False, waited=True)


async def test_a_workspace_that_is_added_from_two_sides_is_added_once(postgres: PostgresDatabase) -> None:
    def add(token: str) -> Callable[[sa.Connection], None]:
        return lambda connection: tenants.add(connection, "acme", token, NOW)

    both = await beside(postgres, add("one"), add("two"))
    assert (both.first, type(both.second), both.waited) == (None, WorkspaceInvalid, True)
    found = await postgres.read(api_tokens.find, "one")
    assert found is not None
    assert found.workspace == "acme"
