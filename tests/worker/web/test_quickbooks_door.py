"""Intuit's webhook deliveries at the door: verified, stored for the right workspace, and answered in time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from events.contract import catalog
from events.database.port import Database
from events.errors import DatabaseUnavailable
from events.log.dead_letters import listed
from events.log.tables import dead_letters
from tests.world import World, open_world, types
from worker.quickbooks.holders import FRESH_SECONDS
from worker.quickbooks.tokens import tokens
from worker.sandbox.books.journal import Change, Operation
from worker.sandbox.webhooks import quickbooks
from worker.sandbox.webhooks.quickbooks import Notice
from worker.services import Services
from worker.web.app import create_app
from worker.web.doors import quickbooks as door
from worker.web.doors.quickbooks import DELIVERY_BYTES_MAX

MIB = 1024 * 1024


class Intuit:
    """Sends the sandbox's deliveries to the door."""

    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        self.world = world
        self.http = http

    def notice(
        self, number: int, realm: str | None = None, operation: Operation = "Update", entity: str = "Invoice"
    ) -> Notice:
        """Return a notice; the same number has the same identity."""
        change = Change(self.world.clock.now(), entity, str(number), operation, "2")
        return Notice(realm or self.world.realm, change, f"notice {number}", nanoseconds=number % 1000)

    def body(self, *numbers: int) -> bytes:
        """Return a delivery of CloudEvents."""
        return quickbooks.cloud_events([self.notice(number) for number in numbers], "app")

    async def send(self, body: Any, token: str | None = None) -> httpx.Response:
        """Send a signed delivery."""
        signed = quickbooks.headers(
            body, token or self.world.sandbox.verifier_token, self.world.clock.now(), "trace"
        )
        return await self.http.post("/webhooks/quickbooks", content=body, headers=signed)


@asynccontextmanager
async def opened(world: World, services: Services | None = None) -> AsyncIterator[Intuit]:
    app: Any = create_app(services or world.services, world.gateway)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker.test") as http:
        yield Intuit(world, http)


@pytest_asyncio.fixture
async def intuit(world: World) -> AsyncIterator[Intuit]:
    """Intuit, with a company that the workspace acme has connected."""
    await world.add_workspace("acme")
    await world.connect("acme")
    async with opened(world) as found:
        yield found


async def noticed(world: World) -> list[tuple[str, str, str, str]]:
    """Return workspace, entity, ID and operation of each change in the log."""
    found = [each.event for each in await world.log() if each.event.type == catalog.QUICKBOOKS_CHANGED]
    return [
        (event.workspace, event.payload.entity, event.payload.entity_id, event.payload.operation)
        for event in found
    ]


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("q2c_quickbooks_deliveries_total", {"outcome": outcome}) or 0


async def test_each_change_is_one_event_however_often_it_is_delivered(intuit: Intuit) -> None:
    before = counted("accepted")
    as_events = intuit.body(1, 2)
    as_classic = quickbooks.classic(
        [intuit.notice(3, operation="Merge"), intuit.notice(4, entity="Customer")], merge_names_deleted=False
    )
    for outcome in ("appended", "duplicate"):
        for body in (as_events, as_classic):
            answer = await intuit.send(body)
            assert answer.status_code == 200, answer.text
            assert {name: count for name, count in answer.json().items() if count} == {outcome: 2}
    assert await noticed(intuit.world) == [
        ("acme", "Invoice", "1", "Update"),
        ("acme", "Invoice", "2", "Update"),
        ("acme", "Invoice", "3", "Merge"),
        ("acme", "Customer", "4", "Update"),
    ]
    assert counted("accepted") == before + 4
    stored_at = REGISTRY.get_sample_value("q2c_quickbooks_notice_timestamp_seconds", {"workspace": "acme"})
    assert stored_at == intuit.world.clock.now().timestamp()


async def test_a_delivery_is_shared_out_among_workspaces(tmp_path: Path) -> None:
    async with open_world(tmp_path, ("us", "uk")) as world:
        first, second = world.sandbox.companies
        for name, realm in (("acme", first), ("bolt", second)):
            await world.add_workspace(name)
            await world.connect(name, realm)
        async with opened(world) as intuit:
            told = [
                intuit.notice(number, realm) for number, realm in enumerate((first, second, "999", second))
            ]
            with capture_logs() as said:
                answer = await intuit.send(quickbooks.cloud_events(told, "app"))
            assert (answer.status_code, answer.json()["appended"], answer.json()["realm_unknown"]) == (
                200,
                3,
                1,
            )
            assert await noticed(world) == [
                ("acme", "Invoice", "0", "Update"),
                ("bolt", "Invoice", "1", "Update"),
                ("bolt", "Invoice", "3", "Update"),
            ]
        [unknown] = [line for line in said if line["event"] == "quickbooks.realm_unknown"]
        assert (unknown["realms"], unknown["changes"]) == (["999"], 1)
        assert "q2c connect" in unknown["remedy"]
        assert await letters(world) == []


async def letters(world: World) -> list[tuple[str | None, bytes]]:
    """Return the workspace and the content of every dead letter."""
    statement = dead_letters.select().order_by(dead_letters.c.number)
    return await world.services.database.read(
        lambda connection: [(row.workspace, row.raw) for row in connection.execute(statement)]
    )


async def test_a_company_is_found_at_once_when_it_is_connected_and_remembered_for_a_while(
    world: World,
) -> None:
    reads = 0

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.services.database, name)

        async def read(self, *given: Any) -> Any:
            nonlocal reads
            reads += 1
            return await world.services.database.read(*given)

    await world.add_workspace("acme")
    services = msgspec.structs.replace(world.services, database=cast("Database", Counting()))
    async with opened(world, services) as intuit:
        assert (await intuit.send(intuit.body(1))).json()["realm_unknown"] == 1
        await world.connect("acme")
        for number in (2, 3):
            assert (await intuit.send(intuit.body(number))).json()["appended"] == 1
        assert reads == 2
        world.clock.advance(FRESH_SECONDS)
        assert (await intuit.send(intuit.body(4))).json()["appended"] == 1
        assert reads == 3


async def test_an_expired_company_keeps_its_workspace_and_a_disconnected_one_has_none(intuit: Intuit) -> None:
    def change(**values: Any) -> Any:
        return intuit.world.services.database.transaction(
            lambda connection: connection.execute(tokens.update().values(**values))
        )

    await change(expired=True)
    assert (await intuit.send(intuit.body(1))).json()["appended"] == 1
    intuit.world.clock.advance(FRESH_SECONDS)
    await change(disconnected_at=intuit.world.clock.now())
    assert (await intuit.send(intuit.body(2))).json()["realm_unknown"] == 1


async def test_only_intuit_is_heard(intuit: Intuit) -> None:
    body = intuit.body(1)
    for answer in (await intuit.send(body, "another token"), await intuit.send(body, "é")):
        assert (answer.status_code, answer.json()["reason"]) == (401, "signature_invalid")
        assert "Q2C_QUICKBOOKS_VERIFIER_TOKEN" in answer.json()["detail"]
    unsigned = await intuit.http.post("/webhooks/quickbooks", content=body)
    assert (unsigned.status_code, unsigned.json()["reason"]) == (401, "signature_missing")
    signed = quickbooks.headers(body, intuit.world.sandbox.verifier_token, intuit.world.clock.now(), "trace")
    changed = await intuit.http.post("/webhooks/quickbooks", content=body + b" ", headers=signed)
    assert changed.status_code == 401
    assert await noticed(intuit.world) == []
    assert await letters(intuit.world) == []


async def test_without_a_verifier_token_the_remedy_is_named(world: World) -> None:
    environment = world.services.environment.model_copy(update={"quickbooks_verifier_token": None})
    services = msgspec.structs.replace(world.services, environment=environment)
    before = counted("verifier_token_missing")
    async with opened(world, services) as intuit:
        answer = await intuit.send(intuit.body(1))
    assert (answer.status_code, answer.json()["reason"]) == (503, "verifier_token_missing")
    assert "set Q2C_QUICKBOOKS_VERIFIER_TOKEN" in answer.json()["detail"]
    assert counted("verifier_token_missing") == before + 1


async def test_unusable_parts_become_dead_letters_while_the_usable_ones_are_stored(intuit: Intuit) -> None:
    world = intuit.world
    unusable = [
        {"intuitaccountid": world.realm, "type": "qbo.invoice.created.v1"},
        {"intuitaccountid": "999"},
        5,
    ]
    body = json.dumps([*json.loads(intuit.body(1)), *unusable, *json.loads(intuit.body(2))]).encode()
    for appended, duplicate in ((2, 0), (0, 2)):
        answer = await intuit.send(body)
        assert answer.status_code == 200, "Intuit would send it again for days, and hold all later ones"
        assert answer.json() == {
            **dict.fromkeys(("published", "conflict", "refused"), 0),
            "appended": appended,
            "duplicate": duplicate,
            "dead": 2,
            "realm_unknown": 1,
        }
    assert len(await noticed(world)) == 2
    assert sorted(await letters(world), key=str) == [
        ("acme", json.dumps(unusable[:1], separators=(", ", ": ")).encode()),
        (None, b"[5]"),
    ]
    [letter] = await world.services.database.read(listed, "acme")
    assert (letter["reason"], letter["seen"], letter["origin"]) == ("notice_unusable", 2, "quickbooks")
    assert "Nothing has to be sent again" in letter["remedy"]


async def test_a_delivery_that_is_no_delivery_is_a_dead_letter(intuit: Intuit) -> None:
    for body in (b"", b"<xml/>", b'{"a":1}'):
        answer = await intuit.send(body)
        assert (answer.status_code, answer.json()["dead"]) == (200, 1)
    assert [raw for _, raw in await letters(intuit.world)] == [b"", b"<xml/>", b'{"a":1}']


async def test_where_dead_letters_are_full_changes_are_stored_all_the_same(world: World) -> None:
    environment = world.services.environment.model_copy(update={"dead_letters_max": 1})
    world.services = msgspec.structs.replace(world.services, environment=environment)
    await world.add_workspace("acme")
    await world.connect("acme")
    async with opened(world) as intuit:
        await intuit.send(b"1")
        answer = await intuit.send(b"2")
        assert (answer.status_code, answer.json()["refused"]) == (200, 1)
        assert (await intuit.send(intuit.body(1))).json()["appended"] == 1


@pytest.mark.parametrize("announced", [True, False])
async def test_a_delivery_beyond_4_mib_is_refused(intuit: Intuit, *, announced: bool) -> None:
    fits = intuit.body(1)
    fits += b" " * (DELIVERY_BYTES_MAX - len(fits))
    for body, status in ((fits, 200), (fits + b" ", 413), (fits * 3, 413)):
        signed = quickbooks.headers(
            body, intuit.world.sandbox.verifier_token, intuit.world.clock.now(), "trace"
        )
        answer = await intuit.http.post(
            "/webhooks/quickbooks", content=body if announced else chunked(body), headers=signed
        )
        assert answer.status_code == status
    assert answer.json()["reason"] == "too_large"


async def chunked(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), MIB):
        yield body[start : start + MIB]
        await asyncio.sleep(0)


async def test_thousands_of_changes_are_stored_in_portions(intuit: Intuit) -> None:
    answer = await intuit.send(intuit.body(*range(5_000)))
    assert (answer.status_code, answer.json()["appended"]) == (200, 5_000)
    answer = await intuit.send(intuit.body(*range(5_001)))
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_many_changes")


async def test_a_delivery_without_room_in_memory_is_sent_again(
    intuit: Intuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "IN_FLIGHT_BYTES_MAX", MIB)
    monkeypatch.setattr(door, "ANSWER_SECONDS_MAX", 0.5)
    async with opened(intuit.world) as crowded:
        answer = await crowded.send(crowded.body(1) + b" " * 2 * MIB)
        assert (answer.status_code, answer.json()["reason"]) == (503, "too_busy")
        assert (await crowded.send(crowded.body(1))).status_code == 200, (
            "there is always room for a usual one"
        )


async def test_what_is_not_stored_in_time_is_asked_for_again(
    intuit: Intuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "ANSWER_SECONDS_MAX", 0.1)
    answered, stored = asyncio.Event(), asyncio.Event()

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(intuit.world.services.database, name)

        async def transaction(self, *given: Any) -> Any:
            await answered.wait()
            result = await intuit.world.services.database.transaction(*given)
            stored.set()
            return result

    services = msgspec.structs.replace(intuit.world.services, database=cast("Database", Slow()))
    async with opened(intuit.world, services) as slow:
        before, body = counted("too_slow"), slow.body(1)
        answer = await slow.send(body)
        assert (answer.status_code, answer.json()["reason"]) == (503, "too_slow")
        assert int(answer.headers["retry-after"]) > 0
        assert counted("too_slow") == before + 1
        answered.set()
        await stored.wait()
    monkeypatch.undo()
    assert (await intuit.send(body)).json()["duplicate"] == 1
    assert len(await noticed(intuit.world)) == 1


async def test_a_slow_sender_is_not_waited_for(intuit: Intuit, monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.sleep(60)

    monkeypatch.setattr(door, "ANSWER_SECONDS_MAX", 0.1)
    answer = await intuit.http.post("/webhooks/quickbooks", content=endless())
    assert (answer.status_code, answer.json()["reason"]) == (503, "too_slow")


async def test_without_the_database_intuit_sends_again(intuit: Intuit) -> None:
    class Away:
        async def read(self, *_: Any) -> Any:
            raise DatabaseUnavailable("away")

        transaction = read

    services = msgspec.structs.replace(intuit.world.services, database=cast("Database", Away()))
    before = counted("not_stored")
    async with opened(intuit.world, services) as away:
        answer = await away.send(away.body(1))
    assert (answer.status_code, answer.json()["reason"]) == (503, "database_unavailable")
    assert counted("not_stored") == before + 1


async def test_notices_decide_nothing_by_themselves(intuit: Intuit) -> None:
    await intuit.world.settle()
    await intuit.send(intuit.body(1))
    before = len(await intuit.world.log())
    await intuit.world.settle()
    assert types((await intuit.world.log())[before - 1 :]) == ["quickbooks.changed.v1"]
