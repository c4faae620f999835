"""The page of the sandbox names every trait, entity and control."""

import re
from pathlib import Path

import msgspec

from tests.worker.sandbox.app import App
from worker.sandbox.books.traits import Traits
from worker.sandbox.entities.catalog import ENTITIES

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text()


def test_every_trait_is_on_the_page() -> None:
    assert [each for each in msgspec.structs.fields(Traits) if f"`{each.name}`" not in PAGE] == []


def test_every_entity_is_on_the_page() -> None:
    listed = re.search("<!-- entities -->(.*)<!-- /entities -->", PAGE, re.DOTALL)
    assert listed is not None
    assert re.findall(r"\w+", listed[1]) == sorted(ENTITIES)


def test_every_control_on_the_page_exists(app: App) -> None:
    page = PAGE.replace("?after=N", "").replace("ENTITY", "Customer").replace("NAME", "monday")
    for method, path in re.findall(
        r"`(GET|POST) (/_control/[^` ]+)`", page.replace("REALM", app.company.realm)
    ):
        reply = app.request(method, path, body=b"{}" if method == "POST" else b"")
        assert reply.status != 404, (method, path)
