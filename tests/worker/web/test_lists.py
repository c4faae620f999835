"""Lists of the API: pages, cursors and filters, with concurrent writes."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.log.dead_letters import LetterSelection
from tests import stories
from tests.world import World, open_world
from worker.actions import dead_letters
from worker.web.app import create_app
from worker.workspaces import api_tokens

LISTS = ("deals", "invoices", "mappings", "log", "dead-letters", "tokens", "docusign/keys")
KEYS = {
    "deals": ("deal",),
    "invoices": ("realm", "invoice_id"),
    "mappings": ("kind", "id"),
    "log": ("position",),
    "dead-letters": ("number",),
    "tokens": ("number",),
    "docusign/keys": ("number",),
}


def client(world: World, token: str) -> httpx.AsyncClient:
    app: Any = create_app(world.services, world.gateway)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://worker.test/api/v1",
        headers={"authorization": f"Bearer {token}"},
    )


async def token_of(world: World, workspace: str = "acme", label: str | None = None) -> str:
    text = api_tokens.new(world.services.entropy)
    now = world.services.clock.now()
    await world.services.database.transaction(api_tokens.add, workspace, text, now, label=label)
    return text


@pytest_asyncio.fixture
async def busy(world: World) -> World:
    """A workspace with a few objects of each kind; some deals are invoiced, others wait."""
    await world.ready()
    await world.send(stories.account(), stories.account("A-2"))
    for number in range(5):
        fields = {"account_id": "A-2"} if number == 4 else {}
        await world.send(*stories.signed_deal(f"D-{number}", name=f"Größe {number}", **fields))
        await world.settle()
        await world.send({"specversion": "1.0", "number": number})
        await token_of(world)
    return world


@pytest_asyncio.fixture
async def http(busy: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client(busy, await token_of(busy)) as opened:
        yield opened


async def read(http: httpx.AsyncClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """Read a list page by page to its end."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await http.get(f"/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= parameters.get("limit", 100)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        assert page["items"], "a page that is not the last one has rows"
        parameters["cursor"] = page["next_cursor"]


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    return answer.status_code, body["reason"], body.get("field")


@pytest.mark.parametrize("path", LISTS)
async def test_pages_of_any_size_are_the_whole_list(http: httpx.AsyncClient, path: str) -> None:
    whole = await read(http, path)
    assert len(whole) >= 2
    keys = [tuple(row[name] for name in KEYS[path]) for row in whole]
    assert len(set(keys)) == len(keys)
    for limit in (1, 2, len(whole), 1000):
        assert await read(http, path, limit=limit) == whole


@pytest.mark.parametrize("path", LISTS)
async def test_limits_and_cursors_that_do_not_fit_are_named(http: httpx.AsyncClient, path: str) -> None:
    for limit in ("0", "1001", "-1", "x", "", "1e9", "null", "9" * 400):
        assert refusal(await http.get(f"/{path}", params={"limit": limit})) == (
            400,
            "parameter_invalid",
            "limit",
        )
    for cursor in ("", "0", "null", "ÿ", "%%%", "a" * 4096, base64.b64encode(b'["x"]').decode(), "\0"):
        answer = await http.get(f"/{path}", params={"cursor": cursor})
        assert refusal(answer) == (400, "cursor_invalid", "cursor")
    assert refusal(await http.get(f"/{path}", params={"cursor": "a" * 5000}))[1:] == (
        "parameter_invalid",
        "cursor",
    )
    assert refusal(await http.get(f"/{path}", params={"limt": "5"})) == (400, "parameter_unknown", "limt")
    assert refusal(await http.get(f"/{path}?limit=1&limit=2")) == (400, "parameter_repeated", "limit")


async def test_a_cursor_is_of_one_list_one_workspace_and_its_filters(
    http: httpx.AsyncClient, busy: World
) -> None:
    await busy.add_workspace("bolt")
    cursors = {
        path: (await http.get(f"/{path}", params={"limit": 1})).json()["next_cursor"] for path in LISTS
    }
    async with client(busy, await token_of(busy, "bolt")) as other:
        for path, cursor in cursors.items():
            assert refusal(await other.get(f"/{path}", params={"cursor": cursor}))[1] == "cursor_invalid"
    for path in LISTS:
        for of, cursor in cursors.items():
            answer = await http.get(f"/{path}", params={"cursor": cursor})
            assert (answer.status_code == 200) == (of == path)
    answer = await http.get("/deals", params={"cursor": cursors["deals"], "stage": "paid"})
    assert refusal(answer)[1] == "cursor_invalid"
    answer = await http.get("/log", params={"cursor": cursors["log"], "order": "newest"})
    assert refusal(answer)[1] == "cursor_invalid"
    answer = await http.get("/deals", params={"cursor": cursors["deals"], "limit": 7})
    assert answer.status_code == 200, "how many are read is no filter"


async def test_a_cursor_that_was_changed_is_none(http: httpx.AsyncClient) -> None:
    cursor = (await http.get("/deals", params={"limit": 2})).json()["next_cursor"]
    for place in range(len(cursor)):
        for letter in "A_":
            if cursor[place] != letter:
                changed = cursor[:place] + letter + cursor[place + 1 :]
                answer = await http.get("/deals", params={"cursor": changed})
                # the last letter has unused bits
                assert place == len(cursor) - 1 or refusal(answer)[1] == "cursor_invalid", changed


async def test_rows_deleted_between_two_pages_do_not_disturb_the_list(
    http: httpx.AsyncClient, busy: World
) -> None:
    whole = await read(http, "dead-letters")
    page = (await http.get("/dead-letters", params={"limit": 2})).json()
    gone = [row["number"] for row in page["items"]] + [whole[2]["number"]]
    await dead_letters.discard(busy.services, LetterSelection("acme", gone), "ada")
    rest = await read(http, "dead-letters", cursor=page["next_cursor"])
    assert rest == whole[3:]


async def test_a_dead_letter_that_is_repeated_between_two_pages_is_not_skipped(
    http: httpx.AsyncClient, busy: World
) -> None:
    """Other lists show the last seen dead letter first; here the order of numbers is stable."""
    page = (await http.get("/dead-letters", params={"limit": 2})).json()
    busy.clock.advance(60)
    await busy.send({"specversion": "1.0", "number": 0})
    rest = await read(http, "dead-letters", cursor=page["next_cursor"])
    assert [row["seen"] for row in rest][-1] == 2
    assert len(page["items"]) + len(rest) == 5


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.sets(st.integers(0, 30), min_size=1),
    between=st.lists(st.lists(st.integers(0, 30), max_size=3), max_size=40),
    limit=st.integers(1, 4),
)
def test_unchanged_rows_are_listed_once_with_any_writes_between_pages(
    tmp_path_factory: pytest.TempPathFactory, before: set[int], between: list[list[int]], limit: int
) -> None:
    """Deals are added and changed while they are read: each existing deal is listed once, each new one at most once."""

    async def story() -> None:
        async with open_world(tmp_path_factory.mktemp("lists")) as world:
            secrets = await world.add_workspace("acme")
            revisions: dict[int, int] = {}

            async def write(numbers: list[int] | set[int]) -> None:
                for number in numbers:
                    revisions[number] = revisions.get(number, 0) + 1
                    deal = stories.deal(f"D-{number}", revision=revisions[number])
                    await world.send({**deal, "id": f"{number}/{revisions[number]}"})
                await world.follow()

            await write(before)
            pages = iter(between)
            parameters: dict[str, Any] = {"limit": limit}
            found: list[str] = []
            async with client(world, secrets.token) as http:
                while True:
                    page = (await http.get("/deals", params=parameters)).json()
                    found += [row["deal"] for row in page["items"]]
                    if page["next_cursor"] is None:
                        break
                    parameters["cursor"] = page["next_cursor"]
                    await write(next(pages, []))
            assert found == sorted(set(found))
            assert {f"D-{number}" for number in before} <= set(found)

    asyncio.run(story())


FILTERS: list[tuple[str, dict[str, str], int]] = [
    ("deals", {"stage": "invoice_created"}, 4),
    ("deals", {"stage": "quote_draft"}, 0),
    ("deals", {"gate": "account_not_mapped"}, 1),
    ("deals", {"account": "A-2"}, 1),
    ("deals", {"deal": "D-2"}, 1),
    ("deals", {"deal": "D-"}, 0),
    ("deals", {"account": "A-2", "stage": "invoice_created"}, 0),
    ("deals", {"text": "GRÖSSE"}, 0),
    ("deals", {"text": "GRÖß"}, 5),
    ("deals", {"text": "d-3"}, 1),
    ("deals", {"text": "%"}, 0),
    ("deals", {"text": "_"}, 0),
    ("deals", {"text": "null"}, 0),
    ("deals", {"updated_since": "2026-05-05T12:00:00Z"}, 4),
    ("deals", {"changed_after": "0"}, 5),
    ("deals", {"changed_after": "9223372036854775807"}, 0),
    ("deals", {"updated_since": "2027-05-05T12:00:00+02:00"}, 0),
    ("invoices", {"status": "outstanding"}, 4),
    ("invoices", {"deal": "D-1"}, 1),
    ("invoices", {"deal": "D-1", "status": "paid"}, 0),
    ("invoices", {"dated_from": "2026-05-05", "dated_to": "2026-05-06"}, 4),
    ("invoices", {"dated_to": "2026-01-01"}, 0),
    ("invoices", {"due_before": "2100-01-01"}, 4),
    ("mappings", {"kind": "product"}, 1),
    ("mappings", {"status": "unmapped"}, 1),
    ("mappings", {"text": "a-2"}, 1),
    ("log", {"deal": "nobody"}, 0),
    ("log", {"type": "com.coeffection.settings.changed.v1"}, 1),
    ("log", {"until": "2026-01-01T00:00:00Z"}, 0),
    ("dead-letters", {"reason": "schema_invalid"}, 5),
    ("dead-letters", {"reason": "undecodable"}, 0),
    ("dead-letters", {"origin": "test"}, 5),
    ("dead-letters", {"since": "2100-01-01T00:00:00Z"}, 0),
    ("tokens", {"status": "revoked"}, 0),
    ("tokens", {"scope": "produce", "status": "valid"}, 7),
]


async def test_filters_return_the_matching_rows(http: httpx.AsyncClient) -> None:
    found = [(path, wanted, len(await read(http, path, limit=2, **wanted))) for path, wanted, _ in FILTERS]
    assert found == FILTERS


async def test_the_log_is_filtered_by_subject(http: httpx.AsyncClient) -> None:
    whole = await read(http, "log")
    assert await read(http, "log", order="newest", limit=3) == whole[::-1]
    for kind in ("deal", "account", "workspace"):
        expected = [row for row in whole if row["about"].partition("/")[0] == kind]
        assert expected
        assert await read(http, "log", kind=kind, limit=3) == expected
    assert await read(http, "log", deal="D-1") == [row for row in whole if row["about"] == "deal/D-1"]
    assert await read(http, "log", after=whole[3]["position"]) == whole[4:]
    assert await read(http, "log", level="attention", limit=1) == [
        row for row in whole if row["level"] == "attention"
    ]
    later = whole[-1]["at"]
    assert await read(http, "log", since=later) == [row for row in whole if row["at"] >= later]


async def test_the_log_records_changes_of_access(http: httpx.AsyncClient, busy: World) -> None:
    by = {"Q2C-Actor": "kim@coeffection.example"}
    added = (
        await http.post("/docusign/keys", json={"key": "made-by-docusign-and-long-enough="}, headers=by)
    ).json()
    await http.post("/docusign/keys", json={"key": "made-by-docusign-and-long-enough="}, headers=by)
    await http.delete(f"/docusign/keys/{added['number']}", headers=by)
    await http.post("/docusign/seen", headers=by)
    for _ in range(2):
        assert (await http.delete("/tokens/2", headers=by)).status_code == 204
    await http.delete("/tokens/99", headers=by)
    await busy.follow()
    entries = await read(http, "log", about="access")
    assert [
        entry["message"].removeprefix("api:acme/7 for kim@coeffection.example ") for entry in entries
    ] == [
        f"added DocuSign's key {added['number']} (…ugh=).",
        f"removed DocuSign's key {added['number']} (…ugh=).",
        f"revoked API token 2 ({(await read(http, 'tokens'))[1]['hint']}).",
    ]
    assert {entry["by"] for entry in entries} == {"api:acme/7 for kim@coeffection.example"}


ABSURD = ("x" * 201, "a\0b")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("deals", "text"),
        ("deals", "gate"),
        ("invoices", "deal"),
        ("log", "about"),
        ("dead-letters", "reason"),
    ],
)
async def test_an_absurd_text_is_refused_and_an_odd_one_matches_nothing(
    http: httpx.AsyncClient, path: str, field: str
) -> None:
    for text in ABSURD:
        answer = await http.get(f"/{path}", params={field: text})
        assert refusal(answer) == (400, "parameter_invalid", field)
    for text in ("'; DROP TABLE deals; --", "\N{PILE OF POO}", "/", "\\", "a\nb", "x" * 200):
        assert await read(http, path, **{field: text}) == []


async def test_an_id_with_a_nul_is_refused(http: httpx.AsyncClient) -> None:
    for method, path, field in (
        ("GET", "deals/a%00b/explanation", "deal"),
        ("POST", "deals/a%00b/invoice", "deal"),
        ("POST", "mappings/accounts/a%00b", "account"),
        ("POST", "mappings/products/a%00b", "product"),
    ):
        answer = await http.request(method, f"/{path}", json={"invoice_id": "1"} if "invoice" in path else {})
        assert refusal(answer) == (400, "parameter_invalid", field)
    answer = await http.post("http://worker.test/webhooks/docusign/a%00b", content=b"{}")
    assert refusal(answer) == (400, "parameter_invalid", "name")


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-05-05", "2026-05-05T12:00:00", "0001-01-01T00:00:00+14:00", "5", "", "null"]
)
async def test_an_instant_has_its_offset(http: httpx.AsyncClient, text: str) -> None:
    for path, field in (("deals", "updated_since"), ("log", "since"), ("log", "until")):
        answer = await http.get(f"/{path}", params={field: text})
        assert refusal(answer) == (400, "parameter_invalid", field)


async def test_null_is_no_filter_that_is_left_out(http: httpx.AsyncClient) -> None:
    for path, field in (
        ("deals", "stage"),
        ("invoices", "due_before"),
        ("tokens", "scope"),
        ("log", "level"),
    ):
        for text in ("null", "NULL"):
            answer = await http.get(f"/{path}", params={field: text})
            assert refusal(answer) == (400, "parameter_invalid", field)


async def test_amounts_are_decimals_in_strings_and_instants_are_in_utc(http: httpx.AsyncClient) -> None:
    [invoice] = await read(http, "invoices", deal="D-1")
    for name in ("net", "tax", "total", "balance"):
        assert isinstance(invoice[name], str)
        assert "E" not in invoice[name]
    [deal] = await read(http, "deals", text="D-1")
    assert deal["total"] == invoice["net"]
    assert deal["updated_at"].endswith("Z")
    explanation = (await http.get("/deals/D-1/explanation")).json()
    quoted = next(event["data"] for event in explanation["events"] if "quote" in event["data"])
    assert isinstance(quoted["quote"]["total"], str)


async def test_a_dead_letter_is_shown_whole_and_discarded_with_the_actor(
    http: httpx.AsyncClient, busy: World
) -> None:
    first, *others = await read(http, "dead-letters")
    whole = (await http.get(f"/dead-letters/{first['number']}")).json()
    assert {name: whole[name] for name in first} == first
    assert json.loads(whole["raw"])["number"] == 4
    for number in ("0", "-1", "999", "9" * 30, "9" * 5000):
        assert (await http.get(f"/dead-letters/{number}")).status_code == 404
    for body in ({}, {"all": True, "reason": "x"}, {"numbers": [1], "all": True}, {"numbers": [0]}):
        assert refusal(await http.post("/dead-letters/discard", json=body))[:2] == (422, "schema_invalid")
    answer = await http.post(
        "/dead-letters/discard",
        json={"numbers": [first["number"]], "why": "sent again"},
        headers={"q2c-actor": "kim@coeffection.example"},
    )
    assert answer.json()["discarded"] == 1
    assert await read(http, "dead-letters") == others
    await busy.follow()
    [entry] = await read(http, "log", after=answer.json()["position"] - 1)
    assert entry["by"] == "api:acme/7 for kim@coeffection.example"
    assert entry["message"].startswith("api:acme/7 for kim@coeffection.example discarded 1 dead letters")
    assert (await http.post("/dead-letters/discard", json={"reason": "undecodable"})).json() == {
        "discarded": 0,
        "position": None,
    }


async def test_the_log_names_the_actor(busy: World) -> None:
    async with client(busy, await token_of(busy, label="Finance console")) as http:
        mapped = {"target": "7"}
        await http.post("/mappings/accounts/A-2", json=mapped)
        await http.post("/mappings/accounts/A-2", json=mapped, headers={"Q2C-Actor": "Kim Lee"})
        for person in (b"kim\x07", b" ", b"k" * 101, "\N{LATIN SMALL LETTER U WITH DIAERESIS}".encode()):
            answer = await http.post("/mappings/accounts/A-2", json=mapped, headers={b"q2c-actor": person})
            assert refusal(answer) == (400, "parameter_invalid", "q2c-actor")
        await busy.follow()
        entries = await read(http, "log", about="account/A-2", order="newest")
        assert [entry["by"] for entry in entries[:2]] == [
            "api:acme/7 for Kim Lee",
            "api:acme/7 (Finance console)",
        ]
        assert [
            entry["by"] for entry in await read(http, "log", type="com.coeffection.deal.closed-won.v1")
        ] == [None] * 5
