"""Messages at the door: large ones, with documents, in other formats, of events that change no deal."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from events.log.dead_letters import listed
from tests import stories
from tests.worker.docusign.door import DOCUMENT, Connect, encoded, message, with_documents
from worker.docusign.connect import TEXT_BYTES_KEPT_MAX, without_documents
from worker.web import bodies
from worker.web.app import create_app
from worker.web.bodies import MIB, Room
from worker.web.doors import docusign as door
from worker.web.doors.docusign import MESSAGE_BYTES_MAX
from worker.workspaces import docusign_keys


async def chunked(body: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]
        await asyncio.sleep(0)


async def test_a_contract_with_its_documents_is_taken_however_it_comes(connect: Connect) -> None:
    body = with_documents(6 * MIB)
    whole = await connect.send(body)
    assert (whole.status_code, whole.json()["outcome"]) == (200, "appended")
    in_parts = await connect.http.post(
        "/webhooks/docusign/acme", content=chunked(body), headers=connect.signed(body)
    )
    assert (in_parts.status_code, in_parts.json()["outcome"]) == (200, "duplicate")
    [recorded] = await connect.world.log()
    assert b"JVBERi" not in recorded.event.data.encode()


async def test_a_large_message_that_is_not_signed_leaves_nothing(connect: Connect) -> None:
    body = with_documents(4 * MIB)
    for forged in (connect.signed(body, "wrong"), connect.signed(body + b" "), {}):
        answer = await connect.http.post("/webhooks/docusign/acme", content=chunked(body), headers=forged)
        assert (answer.status_code, answer.json()["reason"]) == (401, "signature_invalid")
    assert (await connect.world.log(), await connect.stored_letters()) == ([], [])


@pytest.mark.parametrize("announced", [True, False])
async def test_a_message_beyond_32_mib_is_refused_and_counted(connect: Connect, *, announced: bool) -> None:
    edge = encoded()
    fits = edge + b" " * (MESSAGE_BYTES_MAX - len(edge))
    over = fits + b" "
    for body, status in ((fits, 200), (over, 413), (over + fits, 413)):
        answer = await connect.http.post(
            "/webhooks/docusign/acme",
            content=body if announced else chunked(body, MIB),
            headers=connect.signed(body),
        )
        assert answer.status_code == status
    assert answer.json()["reason"] == "too_large"
    await connect.world.clock.sleep(2)
    found = await connect.shown()
    assert (found.state, found.reason) == ("refusing", "too_large")
    assert [(refused.reason, refused.messages) for refused in found.refused] == [("too_large", 2)]
    assert await connect.stored_letters() == []


async def test_messages_in_flight_never_exceed_the_limit_of_memory() -> None:
    room = Room(10, wait_seconds=0.05)
    async with room.reserved(6) as first:
        async with room.reserved(5) as second, room.reserved(0) as usual:
            assert (first, second, usual) == (True, False, True)
        async with room.reserved(4) as third:
            assert third
        waiting = asyncio.create_task(room.reserved(10).__aenter__())
        await asyncio.sleep(0.01)
    assert await waiting, "as soon as the first is done"


async def test_a_message_without_room_in_memory_is_refused_and_counted(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "IN_FLIGHT_BYTES_MAX", MIB)
    monkeypatch.setattr(door, "WAIT_SECONDS_MAX", 0.01)
    async with _again(connect) as crowded:
        refused = await crowded.send(with_documents(2 * MIB))
        assert (refused.status_code, refused.json()["reason"]) == (413, "too_large")
        assert (await crowded.send(encoded())).status_code == 200, "there is always room for a usual one"
    assert (await connect.shown()).reason == "too_large"


@asynccontextmanager
async def _again(connect: Connect) -> AsyncIterator[Connect]:
    """Open another door to the same worker."""
    app: Any = create_app(connect.world.services, connect.world.gateway)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker.test") as http:
        yield Connect(connect.world, http, connect.keys)


async def test_a_slow_sender_gets_408(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    monkeypatch.setattr(bodies, "READ_SECONDS_MAX", 0.05)
    answer = await connect.http.post(
        "/webhooks/docusign/acme", content=endless(), headers=connect.signed(b"{")
    )
    assert (answer.status_code, answer.json()["reason"]) == (408, "too_slow")


async def test_the_loop_runs_while_a_large_message_is_verified_with_many_keys(connect: Connect) -> None:
    services = connect.world.services
    for number in range(60):
        key = f"{number:03d}{connect.keys[0]}"
        await services.database.transaction(
            docusign_keys.add, services.vault, "acme", key, services.clock.now()
        )
    longest, beat = 0.0, asyncio.get_running_loop().time
    done = asyncio.Event()

    async def heart() -> None:
        nonlocal longest
        while not done.is_set():
            before = beat()
            await asyncio.sleep(0.001)
            longest = max(longest, beat() - before)

    beating = asyncio.create_task(heart())
    body = with_documents(8 * MIB)
    answer = await connect.http.post(
        "/webhooks/docusign/acme", content=chunked(body), headers=connect.signed(body)
    )
    done.set()
    await beating
    assert answer.status_code == 200
    assert longest < 0.5


KEPT_OUT: list[tuple[str, bytes]] = [
    ("a dead letter", with_documents(2 * MIB, event="envelope-unheard-of")),
    (
        "a small document",
        json.dumps({**message(envelopeDocuments=[{"PDFBytes": DOCUMENT}]), "event": "nonsense"}).encode(),
    ),
    ("under another name", encoded(customFields={}, attachments=[{"data": "JVBERi0x" * 1000}])),
    ("in lines", encoded(customFields={}, attachments=[{"data": ("JVBERi0x" * 9 + "\r\n") * 100}])),
    (
        "in XML",
        b"<?xml version='1.0'?><DocuSignEnvelopeInformation><PDFBytes>"
        + b"JVBERi0x" * 20_000
        + b"</PDFBytes></DocuSignEnvelopeInformation>",
    ),
    ("cut off", with_documents(MIB)[:-700_000]),
]


@pytest.mark.parametrize(("case", "body"), KEPT_OUT, ids=[case for case, _ in KEPT_OUT])
async def test_no_document_is_kept_in_a_dead_letter(connect: Connect, case: str, body: bytes) -> None:
    assert case
    assert (await connect.send(body)).status_code == 422
    [raw] = await connect.stored_letters()
    assert b"JVBERi" not in raw
    assert len(raw) < TEXT_BYTES_KEPT_MAX


async def test_no_document_is_kept_in_a_dead_letter_of_a_conflict(connect: Connect) -> None:
    assert (await connect.send(with_documents(MIB))).status_code == 200
    other = message(envelopeDocuments=[{"PDFBytes": DOCUMENT * 1000}])
    other["data"]["envelopeSummary"]["customFields"]["textCustomFields"][0]["value"] = "D-2"
    assert (await connect.send(json.dumps(other).encode())).status_code == 409
    [raw] = await connect.stored_letters()
    assert b"JVBERi" not in raw
    assert json.loads(raw)["data"]["envelopeId"] == message()["data"]["envelopeId"]


def test_a_message_without_documents_is_stored_unchanged() -> None:
    for body in (encoded(), b"{", b"", b'"', b"x" * 4000, encoded(emailBlurb="Please sign. " * 2000)):
        assert without_documents(body) == body
    quoted = json.dumps({"a": "x" * 5000 + '"' + "y" * 10, "b": "x" * 5000 + "\\", "c": 1}).encode()
    assert json.loads(without_documents(quoted))["c"] == 1


MEANINGLESS = [
    "envelope-created",
    "envelope-resent",
    "envelope-corrected",
    "envelope-purge",
    "envelope-deleted",
    "envelope-discard",
    "envelope-removed",
    "envelope-reminder-sent",
    "recipient-sent",
    "recipient-delivered",
    "recipient-completed",
    "recipient-declined",
    "recipient-authenticationfailed",
    "recipient-autoresponded",
    "recipient-reassign",
    "recipient-delegate",
    "recipient-finish-later",
    "recipient-resent",
    "template-created",
    "template-modified",
    "template-deleted",
    "click-agreed",
    "click-declined",
]


@pytest.mark.parametrize("event", MEANINGLESS)
async def test_documented_events_that_mean_nothing_here_are_answered_and_counted(
    connect: Connect, event: str
) -> None:
    for body in ({**message("sent"), "event": event}, {"event": event}, {"event": event, "data": {}}):
        answer = await connect.send(json.dumps(body).encode())
        assert (answer.status_code, answer.json()) == (200, {"outcome": "ignored"})
    await connect.world.clock.sleep(2)
    assert (await connect.shown()).taken["ignored"].messages == 3
    assert (await connect.world.log(), await connect.stored_letters()) == ([], [])


def flat(status: str = "completed") -> dict[str, Any]:
    """Return an envelope as an aggregated configuration sends it: at the top level, without an event."""
    return {
        "status": status,
        "documentsUri": "/envelopes/e-1/documents",
        "envelopeId": "e-1",
        "statusChangedDateTime": "x",
    }


OTHER_FORMS: list[bytes] = [
    b"<?xml version='1.0' encoding='utf-8'?><DocuSignEnvelopeInformation/>",
    b"\xef\xbb\xbf\r\n<DocuSignEnvelopeInformation/>",
    "<a/>".encode("utf-16"),
    json.dumps(flat()).encode(),
    json.dumps([message(), message("sent")]).encode(),
    json.dumps({"DocuSignEnvelopeInformation": {"EnvelopeStatus": {}}}).encode(),
]


@pytest.mark.parametrize("body", OTHER_FORMS)
async def test_other_formats_are_refused_with_the_remedy(connect: Connect, body: bytes) -> None:
    answer = await connect.send(body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "format_unsupported")
    assert "choose JSON SIM" in answer.json()["detail"]
    found = await connect.shown()
    assert (found.state, found.reason) == ("refusing", "format_unsupported")
    assert "choose JSON SIM" in str(found.remedy)


async def test_a_message_without_data_or_custom_fields_is_refused_with_the_remedy(connect: Connect) -> None:
    bare = message("sent")
    del bare["data"]["envelopeSummary"]
    answer = await connect.send(json.dumps(bare).encode())
    assert (answer.status_code, answer.json()["reason"]) == (422, "envelope_data_missing")
    assert "Custom Fields" in answer.json()["detail"]
    assert (await connect.shown()).reason == "envelope_data_missing"
    fieldless = message("sent")
    del fieldless["data"]["envelopeSummary"]["customFields"]
    answer = await connect.send(json.dumps(fieldless).encode())
    assert (answer.status_code, answer.json()["reason"]) == (422, "deal_id_missing")
    letters = await connect.world.services.database.read(listed, "acme")
    assert {letter["reason"] for letter in letters} == {"envelope_data_missing", "deal_id_missing"}


async def test_an_unusable_message_is_one_dead_letter_however_often_it_is_sent(connect: Connect) -> None:
    for retry in range(4):
        again = {
            **message("sent", customFields={}),
            "retryCount": retry,
            "generatedDateTime": f"2026-05-0{retry + 1}",
        }
        answer = await connect.send(json.dumps(again).encode())
        assert answer.json()["reason"] == "deal_id_missing"
    [letter] = await connect.world.services.database.read(listed, "acme")
    assert letter["seen"] == 4


INVISIBLE = (
    "\u00a0",
    "\u200b",
    "\ufeff",
    "\u2060",
    "\u00ad",
    "\t",
    "\n",
    "\r\n",
    " ",
    "\u202a",
    "\u200e",
    "\u3000",
    "\u2028",
    "\u180e",
    "\ufe0f",
    "\u3164",
)


@pytest.mark.parametrize("around", INVISIBLE, ids=ascii)
async def test_invisible_characters_around_a_deals_id_are_removed(connect: Connect, around: str) -> None:
    body = encoded("sent", f"{around}{around}D-17{around}")
    assert (await connect.send(body)).json()["outcome"] == "appended"
    [recorded] = await connect.world.log()
    assert (recorded.event.payload.deal_id, recorded.event.stream) == ("D-17", "deal/D-17")


async def test_a_blank_deal_id_is_missing(connect: Connect) -> None:
    for blank in ("", " ", "\u200b\u00a0"):
        answer = await connect.send(encoded("sent", blank))
        assert answer.json()["reason"] == "deal_id_missing"


@pytest.mark.parametrize("typed", ["D-1\uff17", "d-17", "D\u201317", "D\u200b-17", "D 17"])
async def test_an_unknown_deal_id_is_no_other_deals_and_is_shown_with_the_nearest(
    connect: Connect, typed: str
) -> None:
    world = connect.world
    await world.send(*(stories.deal(name) for name in ("D-17", "D-171", "X-99")))
    assert (await connect.send(encoded("completed", typed))).status_code == 200
    await world.follow()
    assert (await world.deals())["D-17"]["stage"] == "contract_sent", "nobody signed that one"
    found = await world.explain(typed)
    assert found.nearest == ("D-17", "D-171")
    [reason] = [gate.reason for gate in found.gates if gate.gate == "quote_missing"]
    assert reason == "The CRM has not sent the contract's deal yet. There is D-17, D-171."
    unknown = await connect.http.get("/api/v1/deals/D-18/explanation")
    assert (unknown.status_code, unknown.json()["nearest"]) == (404, ["D-17"])
    ordered = await connect.http.post("/api/v1/deals/D-18/invoice")
    assert "There is D-17." in ordered.json()["detail"]


async def test_rotation_without_a_gap(connect: Connect) -> None:
    sandbox, services = connect.world.sandbox, connect.world.services
    old, second = sandbox.docusign.all
    sandbox.docusign.remove(second)
    made = sandbox.docusign.make()
    new = sandbox.docusign.all[made]
    connect.keys = sandbox.docusign_keys  # both sign
    assert (await connect.send(encoded("sent", "D-1"))).status_code == 200
    added = await services.database.transaction(
        docusign_keys.add, services.vault, "acme", new, services.clock.now()
    )
    connect.world.clock.advance(60)
    assert (await connect.send(encoded("sent", "D-2"))).status_code == 200
    fitted = {
        key.number: key.verified_at for key in await services.database.read(docusign_keys.listed, "acme")
    }
    assert fitted[added.key.number] == services.clock.now()
    first = min(fitted)
    await services.database.transaction(docusign_keys.remove, services.vault, "acme", str(first))
    assert (await connect.send(encoded("sent", "D-3"))).status_code == 200, "the new one is enough"
    sandbox.docusign.switch(old, active=False)
    connect.keys = sandbox.docusign_keys
    before = connect.world.clock.now()
    assert (await connect.send(encoded("sent", "D-4"))).status_code == 200
    assert (await connect.send(encoded("sent", "D-5"), sandbox.docusign.all[old])).status_code == 401
    assert len(await connect.world.log()) == 4
    assert (await connect.shown()).taken["accepted"].last_at >= before
