"""Any bytes at a door end in the log or as a dead letter, the answer says which, and nothing stalls."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from events.log.dead_letters import listed
from events.log.tables import dead_letters
from tests import stories
from tests.world import World, open_world
from worker.demo.doors import Secrets
from worker.roles.idle import left_to_do
from worker.sandbox.books.journal import Change
from worker.sandbox.webhooks import docusign, quickbooks
from worker.sandbox.webhooks.envelope import Envelope
from worker.sandbox.webhooks.quickbooks import Notice
from worker.web.app import create_app

AT = datetime(2026, 5, 2, 12, tzinfo=UTC)
REALM = "9133992181716180"  # of the sandbox
MEDIA_TYPES = (
    "application/cloudevents+json",
    "application/cloudevents+json; charset=utf-8",
    "application/cloudevents-batch+json",
    "application/json",
    "text/plain",
    "",
)
Post = tuple[bytes, dict[str, str]]


def fuzzing(examples: int) -> settings:
    """A number of examples, without a time limit for each."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["\ud800", "a\0b", "-0", "1e999", "NaN", "9999-12-31T23:59:59-14:00", "x" * 5000])
    | st.sampled_from([10**400, -(2**63) - 1, 1e308])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
deep = st.integers(1, 3000).map(lambda depth: b"[" * depth + b"]" * depth)
events = st.sampled_from(
    [stories.deal(), stories.account(), stories.contract("sent"), stories.contract("signed", at="now")]
)
envelopes = st.sampled_from(
    [
        json.loads(docusign.message(Envelope("e-1", "D-1", "bo@x.example", AT, completed_at=AT), status, AT))
        for status in ("sent", "completed")
    ]
)

_changes = [
    Notice(REALM, Change(AT, "Invoice", str(number), "Update", "2"), f"notice {number}", nanoseconds=7)
    for number in range(3)
]
deliveries = st.sampled_from(
    [
        json.loads(quickbooks.cloud_events(_changes, "app")),
        json.loads(quickbooks.classic(_changes, merge_names_deleted=True)),
    ]
)


@st.composite
def twisted(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> Any:
    """A valid document with a few members, at any depth, removed or replaced by anything."""
    document = json.loads(json.dumps(draw(documents)))
    for _ in range(draw(st.integers(0, 3))):
        place = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.booleans()):
                place[key] = draw(anything)
            else:
                del place[key]
            break
    return document


@st.composite
def damaged(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> bytes:
    """The bytes of a document, perhaps changed."""
    raw = json.dumps(draw(documents)).encode()
    at = draw(st.integers(0, len(raw)))
    match draw(st.sampled_from(["whole", "whole", "cut", "other byte", "more bytes", "twice"])):
        case "cut":
            return raw[:at]
        case "other byte":
            return raw[:at] + draw(st.binary(min_size=1, max_size=2)) + raw[at + 1 :]
        case "more bytes":
            return raw[:at] + draw(st.binary(max_size=20) | deep) + raw[at:]
        case "twice":
            return raw[:-1] + b"," + raw[1:]
        case _:
            return raw


@st.composite
def posts(draw: st.DrawFn) -> Post:
    """A request to `/events`."""
    single = damaged(twisted(events))
    batch = damaged(st.lists(twisted(events), max_size=4))
    body = draw(single | single | batch | st.binary(max_size=200) | deep)
    headers = {"content-type": draw(st.sampled_from(MEDIA_TYPES))}
    if draw(st.booleans()):
        attributes = draw(twisted(events.map(lambda event: event | {"data": None})))
        headers |= {f"ce-{name}": _header(value) for name, value in attributes.items()}
    return body, headers


def _header(value: Any) -> str:
    """Return the part of a value that HTTP allows."""
    return "".join(letter for letter in str(value) if letter.isprintable() and letter.isascii())[:200]


@asynccontextmanager
async def opened(
    factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[World, httpx.AsyncClient, Secrets]]:
    async with open_world(factory.mktemp("doors")) as world:
        secrets = await world.add_workspace("acme")
        app: Any = create_app(world.services, world.gateway)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://worker.test",
            headers={"authorization": f"Bearer {secrets.token}"},
        ) as http:
            yield world, http, secrets


async def kept(world: World) -> Counter[str]:
    """Return the number of dead letters by reason."""
    counts: Counter[str] = Counter()
    for letter in await world.services.database.read(listed, "acme"):
        counts[letter["reason"]] += letter["seen"]
    return counts


async def check_fate(world: World, answer: httpx.Response, before: Counter[str]) -> None:
    """Check that the answer is true: events are in the log, or dead letters with exactly the named reasons."""
    if answer.status_code < 300:
        position = answer.json().get("position")
        assert position is None or position in {recorded.position for recorded in await world.log()}
        named = []
    else:
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["detail"]
        named = problem.get("errors", [problem])
    assert await kept(world) - before == Counter(error["reason"] for error in named)


async def check_nothing_stalls(world: World, http: httpx.AsyncClient) -> None:
    good = stories.account("A-after")
    answer = await http.post("/events", json=good)
    assert answer.json()["outcome"] == "appended"
    await world.follow()
    assert (await world.services.database.read(left_to_do))[1] is None


requests_to_events = st.lists(posts(), min_size=5, max_size=15)
bodies_of_docusign = st.lists(
    damaged(twisted(envelopes)) | st.binary(max_size=50) | deep, min_size=5, max_size=15
)
bodies_of_intuit = st.lists(
    damaged(twisted(deliveries)) | st.binary(max_size=50) | deep, min_size=5, max_size=15
)


async def try_events(tmp_path_factory: pytest.TempPathFactory, requests: list[Post]) -> None:
    async with opened(tmp_path_factory) as (world, http, _):
        for body, headers in requests:
            before = await kept(world)
            await check_fate(world, await http.post("/events", content=body, headers=headers), before)
        await check_nothing_stalls(world, http)


async def try_docusign(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    async with opened(tmp_path_factory) as (world, http, secrets):
        for body in bodies:
            before = await kept(world)
            count = len(await world.log())
            forged = docusign.signature_headers(body, ["forged"])
            answer = await http.post("/webhooks/docusign/acme", content=body, headers=forged)
            assert (answer.status_code, len(await world.log()), await kept(world)) == (401, count, before)
            signed = docusign.signature_headers(body, secrets.docusign_keys)
            answer = await http.post("/webhooks/docusign/acme", content=body, headers=signed)
            await check_fate(world, answer, before)
        await check_nothing_stalls(world, http)


async def try_quickbooks(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    """Check that a signed delivery is acknowledged whatever it is, with true counts, and adds nothing when it is repeated."""
    async with opened(tmp_path_factory) as (world, http, _):
        await world.connect("acme", REALM)
        await world.settle()
        token = world.sandbox.verifier_token
        for body in bodies:
            forged = quickbooks.headers(body, "forged", AT, "trace")
            answer = await http.post("/webhooks/quickbooks", content=body, headers=forged)
            assert answer.status_code == 401
            signed = quickbooks.headers(body, token, AT, "trace")
            before, count = await world.services.database.read(_letters), len(await world.log())
            first = await http.post("/webhooks/quickbooks", content=body, headers=signed)
            assert first.status_code == 200, first.text
            told = first.json()
            assert len(await world.log()) - count == told["appended"]
            assert await world.services.database.read(_letters) - before == told["dead"] + told["conflict"]
            again = await http.post("/webhooks/quickbooks", content=body, headers=signed)
            assert again.json() == {
                **told,
                "appended": 0,
                "duplicate": told["appended"] + told["duplicate"],
            }
        await check_nothing_stalls(world, http)


def _letters(connection: sa.Connection) -> int:
    """Return how often dead letters were seen, of nobody's too."""
    return connection.scalar(sa.select(sa.func.sum(dead_letters.c.seen))) or 0
