"""DocuSign's keys are added to a workspace by the command line and by the API."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tests.world import World
from worker.demo.doors import Secrets
from worker.web.app import create_app
from worker.workspaces import docusign_keys
from worker.workspaces.docusign_keys import KEYS_MAX, KeyRefused, KeyUnknown, cleaned

KEY, OTHER = (
    "bm90IGEgc2VjcmV0LCBvZiAzMiBieXRlcyBhcyB0aGV5IGE=",
    "YW5vdGhlciBvbmUsIHdoaWNoIGlzIG5vIHNlY3JldCBhbHM=",
)


async def add(world: World, key: str, workspace: str = "bolt") -> docusign_keys.AddedKey:
    services = world.services
    return await services.database.transaction(
        docusign_keys.add, services.vault, workspace, key, services.clock.now()
    )


async def listed(world: World, workspace: str = "bolt") -> list[docusign_keys.Key]:
    return list(await world.services.database.read(docusign_keys.listed, workspace))


@pytest_asyncio.fixture
async def bolt(world: World) -> World:
    """A workspace without keys, beside one with the sandbox's keys."""
    await world.add_workspace("acme")
    world.sandbox.docusign.all.clear()
    await world.add_workspace("bolt")
    return world


async def test_keys_are_added_once_listed_by_a_hint_and_removed(bolt: World) -> None:
    first = await add(bolt, f" {KEY}\r\n")
    assert (first.added, first.key.hint, first.note) == (True, "…IGE=", None)
    again = await add(bolt, KEY)
    assert (again.added, again.key) == (False, first.key)
    second = await add(bolt, OTHER[:-1])
    assert second.note is not None
    assert "=" in second.note
    found = await listed(bolt)
    assert [key.number for key in found] == [first.key.number, second.key.number]
    assert not any(key.verified_at for key in found)
    assert KEY not in repr(found)
    await bolt.services.database.transaction(
        docusign_keys.remove, bolt.services.vault, "bolt", str(first.key.number)
    )
    await bolt.services.database.transaction(
        docusign_keys.remove, bolt.services.vault, "bolt", f" {OTHER[:-1]} "
    )
    assert await listed(bolt) == []
    assert len(await listed(bolt, "acme")) == 2, "another workspace's are not touched"


async def test_a_workspace_can_not_remove_another_workspaces_key(bolt: World) -> None:
    theirs = (await listed(bolt, "acme"))[0]
    for which in (str(theirs.number), "nonsense", ""):
        with pytest.raises(KeyUnknown, match="there is none"):
            await bolt.services.database.transaction(docusign_keys.remove, bolt.services.vault, "bolt", which)
    assert theirs in await listed(bolt, "acme")


async def test_there_are_no_more_keys_than_docusign_signs_under(bolt: World) -> None:
    for number in range(KEYS_MAX):
        await add(bolt, f"key{number}{KEY}")
    with pytest.raises(KeyRefused, match="100"):
        await add(bolt, OTHER)


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u00a0", "\u200b\ufeff"])
def test_a_blank_key_is_refused(blank: str) -> None:
    with pytest.raises(KeyRefused, match="empty"):
        cleaned(blank)


@pytest.mark.parametrize("inside", [" ", "\n", "\0", "\u00a0", "\u200b", "é", "\x7f", "\ud800"])
def test_a_key_with_something_inside_that_is_none_of_it_is_refused(inside: str) -> None:
    with pytest.raises(KeyRefused, match="Copy it again"):
        cleaned(f"{KEY[:5]}{inside}{KEY[5:]}")


@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=100),
    around=st.text(st.sampled_from(" \t\r\n\u00a0\u200b\ufeff\u2060\u00ad"), max_size=5),
)
def test_blanks_around_a_pasted_key_are_removed(key: str, around: str) -> None:
    assert cleaned(around + key + around) == key


@pytest_asyncio.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    secrets: Secrets = await world.add_workspace("acme")
    app: Any = create_app(world.services, world.gateway)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://worker.test/api/v1/docusign",
        headers={"authorization": f"Bearer {secrets.token}"},
    ) as client:
        yield client


async def test_keys_are_added_listed_and_removed_by_the_api(http: httpx.AsyncClient) -> None:
    made = await http.post("/keys", json={"key": KEY})
    assert (made.status_code, made.json()["added"], made.json()["hint"]) == (201, True, "…IGE=")
    again = await http.post("/keys", json={"key": KEY})
    assert (again.status_code, again.json()["added"]) == (200, False)
    shown = await http.get("/keys")
    assert len(shown.json()["items"]) == 3
    assert KEY not in shown.text + made.text
    number = made.json()["number"]
    assert (await http.delete(f"/keys/{number}")).status_code == 204
    gone = await http.delete(f"/keys/{number}")
    assert (gone.status_code, gone.json()["reason"]) == (404, "key_unknown")
    for body, reason in (
        ({"key": " "}, "key_invalid"),
        ({}, "schema_invalid"),
        ({"key": 5}, "schema_invalid"),
    ):
        refused = await http.post("/keys", json=body)
        assert (refused.status_code, refused.json()["reason"]) == (422, reason)
    unknown = await http.get("/keys", headers={"authorization": "Bearer nobody"})
    assert unknown.status_code == 401
