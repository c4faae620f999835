"""Refused messages from DocuSign are counted, and shown to people and by the deals that wait."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from prometheus_client import generate_latest

from events.contract import catalog
from events.contract.docusign import DocusignReceptionChanged
from events.errors import DatabaseUnavailable
from tests import stories
from tests.fakes import FakeClock
from tests.worker.docusign.door import Connect, connected, encoded, message
from tests.world import World
from worker.docusign import reception, watch
from worker.docusign.reception import Count
from worker.docusign.state import judge
from worker.docusign.tally import Tally
from worker.verification.books import Books
from worker.verification.invariants import violations

NOW = FakeClock().now()
DAY = timedelta(days=1)


async def told(connect: Connect) -> list[DocusignReceptionChanged]:
    return [
        recorded.event.payload
        for recorded in await connect.world.log()
        if recorded.event.type == catalog.DOCUSIGN_RECEPTION_CHANGED
    ]


async def unmet(connect: Connect, deal: str = "D-1") -> tuple[str, str, str]:
    """Return the gate at which a deal waits, with its reason and remedy."""
    found = await connect.world.explain(deal)
    [gate, *_] = [gate for gate in found.gates if not gate.met]
    row = (await connect.world.deals())[deal]
    assert (row["gate"], row["reason"], row["remedy"]) == (gate.gate, gate.reason, gate.remedy)
    return gate.gate, str(gate.reason), str(gate.remedy)


async def waiting(connect: Connect) -> None:
    """Send a contract that DocuSign reported as sent, one that only the CRM did, a draft, and a won deal."""
    await connect.send(encoded("sent", "D-1"))
    await connect.world.send(
        stories.deal("D-1"),
        stories.deal("D-2"),
        stories.deal("D-3", stage="quote_draft"),
        stories.deal("D-4", stage="closed_won"),
    )
    await connect.world.follow()


@pytest.mark.parametrize(
    ("keys", "reason", "remedy"),
    [
        (("wrong",), "signatures match no key", "Add the key that DocuSign signs with now"),
        ((), "not signed", "switch on HMAC signatures"),
    ],
)
async def test_deals_that_wait_for_a_signature_show_that_messages_are_refused_and_since_when(
    connect: Connect, keys: tuple[str, ...], reason: str, remedy: str
) -> None:
    await waiting(connect)
    before = {deal: row["reason"] for deal, row in (await connect.world.deals()).items()}
    await connect.world.clock.sleep(90)
    for _ in range(3):
        headers = connect.signed(b"", *keys) if keys else {}
        assert (
            await connect.http.post("/webhooks/docusign/acme", content=encoded(), headers=headers)
        ).status_code == 401
        await connect.world.clock.sleep(30)
    assert [await connect.look() for _ in range(3)] == [1, 0, 0], "once, whatever comes"
    for deal, gate in (("D-1", "contract_not_signed"), ("D-2", "not_won")):
        stands_at, said, advice = await unmet(connect, deal)
        assert stands_at == gate
        assert "refused since 2026-05-05 12:01 UTC" in said
        assert reason in said
        assert remedy in advice
        assert "send the failed messages again" in advice
    after = {deal: row["reason"] for deal, row in (await connect.world.deals()).items()}
    assert {deal for deal in after if after[deal] != before[deal]} == {"D-1", "D-2"}
    await connect.send(encoded("delivered", "D-1"))
    assert await connect.look() == 1, "that it is over is said at once"
    assert {deal: row["reason"] for deal, row in (await connect.world.deals()).items()} == before
    assert [fact.state for fact in await told(connect)] == ["refusing", "good"]
    assert not any((await connect.world.services.database.read(violations, NOW, Books({}))).values())


async def test_without_a_key_messages_are_refused_with_that_reason(world: World) -> None:
    world.sandbox.docusign.all.clear()
    async with connected(world) as connect:
        answer = await connect.send(encoded(), "any")
        assert (answer.status_code, "docusign-key add" in answer.json()["detail"]) == (401, True)
        found = await connect.shown()
        assert (found.state, found.reason, found.keys) == ("refusing", "key_missing", 0)
        assert "no DocuSign key" in found.says


async def test_messages_of_a_stranger_append_few_events(connect: Connect) -> None:
    await waiting(connect)
    for _ in range(120):
        await connect.send(encoded(), "a stranger's")
        await connect.world.clock.sleep(15)
        await connect.look()
        await connect.send(encoded("delivered", "D-1"))
        await connect.world.clock.sleep(15)
        await connect.look()
    assert 2 <= len(await told(connect)) <= 2 * watch.CHANGES_AN_HOUR_MAX + 2
    assert (await connect.shown()).refused[0].messages == 120


async def test_a_too_large_message_stays_a_problem_until_a_person_clears_it(
    connect: Connect,
) -> None:
    await waiting(connect)
    over = b" " * (32 * 1024 * 1024 + 1)
    assert (await connect.send(over)).status_code == 413
    await connect.world.clock.sleep(5)
    await connect.send(encoded("delivered", "D-1"))
    await connect.look()
    _, said, advice = await unmet(connect)
    assert "were refused since 2026-05-05 12:00 UTC: they are too large" in said
    assert "and clear this warning" in advice
    assert (await connect.shown()).action == "acknowledge_docusign"
    seen = await connect.http.post("/api/v1/docusign/seen")
    assert (seen.status_code, seen.json()["state"]) == (200, "good")
    assert seen.json()["refused"][0]["messages"] == 1, "the count stays"
    await connect.look()
    assert "Wait for the signature" in (await unmet(connect))[2]


async def test_each_new_problem_is_reported_at_once(connect: Connect) -> None:
    await waiting(connect)
    for body, says in (
        (b"<?xml version='1.0'?><a/>", "not in the format JSON SIM"),
        (encoded("sent", "D-1"), "not in the format JSON SIM"),
    ):
        await connect.send(body)
        await connect.world.clock.sleep(5)
        await connect.look()
        assert says in (await unmet(connect))[1]
    await connect.send(encoded("sent", "D-1"), "wrong")
    await connect.world.clock.sleep(5)
    await connect.look()
    assert "match no key" in (await unmet(connect))[1], "what is wrong with keys comes first"
    await connect.send(encoded("delivered", "D-1"))
    await connect.world.clock.sleep(5)
    await connect.look()
    assert "not in the format JSON SIM" in (await unmet(connect))[1], "that is not over with it"


async def test_silence_is_noticed_while_a_contract_is_out(connect: Connect) -> None:
    await waiting(connect)
    last = connect.world.clock.now()
    await connect.world.clock.sleep(6.9 * 86400)
    assert await connect.look() == 0
    await connect.world.clock.sleep(0.2 * 86400)
    assert await connect.look() == 1
    for deal in ("D-1", "D-2"):
        _, said, advice = await unmet(connect, deal)
        assert f"no message has arrived from DocuSign since {last:%Y-%m-%d %H:%M} UTC" in said
        assert "active" in advice
    assert (await connect.shown()).state == "silent"
    await connect.send(encoded("completed", "D-1"))
    assert await connect.look() == 1
    assert [fact.state for fact in await told(connect)] == ["silent", "good"]
    await connect.world.clock.sleep(30 * 86400)
    assert await connect.look() == 1, "another contract is out still"


async def test_silence_counts_only_if_docusign_is_in_use_and_a_contract_is_out(world: World) -> None:
    world.sandbox.docusign.all.clear()
    await world.add_workspace("acme")
    await world.send(stories.deal("D-2"))
    await world.follow()
    world.clock.advance(30 * 86400)
    assert await world.services.database.read(watch.changes, world.clock.now()) == []


async def test_completed_events_that_are_not_among_the_configurations_are_noticed(connect: Connect) -> None:
    await waiting(connect)
    recipient = {**message("completed"), "event": "recipient-completed"}
    assert (await connect.send(json.dumps(recipient).encode())).status_code == 200
    await connect.world.clock.sleep(3500)
    assert await connect.look() == 0, "the envelope's own may be on its way"
    await connect.world.clock.sleep(200)
    assert await connect.look() == 1
    _, said, advice = await unmet(connect)
    assert "report no completed envelope" in said
    assert "select the event Envelope Completed" in advice
    await connect.world.clock.sleep(1)
    await connect.send(encoded("completed", "D-9"))
    assert await connect.look() == 1
    assert (await connect.shown()).state == "good"


async def test_the_reception_for_people_and_metrics(connect: Connect) -> None:
    await connect.send(encoded("sent"))
    await connect.world.clock.sleep(10)
    await connect.send(encoded("sent"), "wrong")
    found = (await connect.http.get("/api/v1/docusign")).json()
    assert (found["state"], found["reason"], found["keys"]) == ("refusing", "signature_invalid", 2)
    assert found["last_accepted_at"] < found["last_refused_at"]
    assert found["last_refused_because"] == "signature_invalid"
    assert found["taken"]["accepted"]["messages"] == 1
    assert found["refused"][0]["messages"] == 1
    shown = generate_latest().decode()
    assert 'q2c_docusign_messages_total{outcome="signature_invalid",workspace="acme"}' in shown
    assert 'q2c_docusign_accepted_timestamp_seconds{workspace="acme"}' in shown


async def test_any_number_of_processes_may_watch(connect: Connect) -> None:
    await connect.send(encoded(), "wrong")
    stopping = asyncio.Event()
    watching = [asyncio.create_task(watch.watch(connect.world.services, stopping)) for _ in range(3)]
    await connect.world.clock.sleep(60)
    stopping.set()
    await asyncio.gather(*watching)
    assert [fact.state for fact in await told(connect)] == ["refusing"]


async def test_frequent_messages_are_added_up_without_loss(world: World) -> None:
    writes = 0
    database = world.services.database
    transaction = database.transaction

    async def counted(work: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal writes
        writes += 1
        if writes == 2:
            raise DatabaseUnavailable("busy")
        return await transaction(work, *args, **kwargs)

    await world.add_workspace("acme")
    database.transaction = counted  # type: ignore[method-assign] # what it does is what is looked at
    tally = Tally(database, world.clock)
    for _ in range(50):
        await tally.note("acme", "accepted")
    await world.clock.sleep(3)
    assert writes == 3, "at once, one that failed, and once more"
    found = await database.read(reception.read, "acme")
    assert found["acme"]["accepted"].messages == 50


@pytest.mark.parametrize(
    ("counts", "keys", "out", "state"),
    [
        ({}, 0, None, "good"),
        ({}, 1, NOW - 8 * DAY, "silent"),
        ({}, 1, NOW - 6 * DAY, "good"),
        ({"accepted": Count(1, NOW - 9 * DAY, NOW - 8 * DAY)}, 1, None, "good"),
        ({"accepted": Count(1, NOW - 9 * DAY, NOW - 8 * DAY)}, 1, NOW - 20 * DAY, "silent"),
        ({"accepted": Count(9, NOW - 9 * DAY, NOW - DAY)}, 1, NOW - 8 * DAY, "incomplete"),
        (
            {
                "accepted": Count(9, NOW - 9 * DAY, NOW - DAY),
                "completed": Count(1, NOW - 9 * DAY, NOW - 9 * DAY),
            },
            1,
            NOW - 8 * DAY,
            "good",
        ),
        ({"too_large": Count(1, NOW - DAY, NOW - DAY, NOW - DAY)}, 1, None, "refusing"),
        ({"too_large": Count(1, NOW - 130 * DAY, NOW - 121 * DAY, NOW - 130 * DAY)}, 1, None, "good"),
        ({"unusable": Count(1, NOW - DAY, NOW - DAY, NOW - DAY)}, 1, None, "good"),
    ],
)
def test_the_state_that_follows_from_counts(
    counts: dict[str, Count], keys: int, out: Any, state: str
) -> None:
    found = judge(counts, keys=keys, out_since=out, now=NOW)
    assert found.state == state
    assert (found.since is None) == (state == "good")
    assert msgspec.json.decode(msgspec.json.encode(found), type=DocusignReceptionChanged) == found
