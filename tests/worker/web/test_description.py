"""The OpenAPI description has the scope and answers of each route, and an example of every body."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest_asyncio
from litestar import Litestar
from litestar.routes import HTTPRoute

from tests.world import World
from worker.web.access import NEEDS, OPEN
from worker.web.app import create_app
from worker.workspaces.settings import SETTINGS

METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM = "application/problem+json"


@pytest_asyncio.fixture
async def app(world: World) -> Litestar:
    return create_app(world.services, world.gateway)


@pytest_asyncio.fixture
async def http(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    asgi: Any = app
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(asgi, raise_app_exceptions=False), base_url="http://worker.test"
    ) as client:
        yield client


@pytest_asyncio.fixture
async def description(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.get("/api/v1/schema/openapi.json")
    found: dict[str, Any] = answer.json()
    return found


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in description["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def validator(description: dict[str, Any], schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for({**schema, "components": description["components"]})


def shown(description: dict[str, Any], content: dict[str, Any]) -> list[Any]:
    """Return the examples of a body: its own, or those of its struct."""
    if "examples" in content:
        return [example["value"] for example in content["examples"].values()]
    schemas = content["schema"].get("oneOf", [content["schema"]])
    names = [schema["$ref"].rpartition("/")[2] for schema in schemas if "$ref" in schema]
    return [
        example
        for name in names
        for example in description["components"]["schemas"][name].get("examples", [])
    ]


def test_the_description_names_the_token_where_it_is_needed(
    app: Litestar, description: dict[str, Any]
) -> None:
    assert description["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    needs = {
        (method.lower(), route.path_format): handler.opt[NEEDS]
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods - {"OPTIONS"}
    }
    for method, path, operation in operations(description):
        is_open = needs[method, path] == OPEN
        assert operation.get("security", []) == ([] if is_open else [{"token": []}]), path
        if not is_open:
            assert {"401", "403", "503"} <= operation["responses"].keys(), path


def test_every_route_has_a_description(description: dict[str, Any]) -> None:
    found = list(operations(description))
    assert len(found) > 20
    assert len({operation["operationId"] for *_, operation in found}) == len(found)
    for method, path, operation in found:
        assert operation["operationId"].isalnum(), path
        assert len(operation["summary"]) > 10, path
        assert operation["description"].endswith((".", ";")), path
        assert operation["tags"], path
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (method, path, parameter["name"])


def test_every_field_has_a_description(description: dict[str, Any]) -> None:
    silent = [
        (name, field)
        for name, schema in description["components"]["schemas"].items()
        for field, about in schema.get("properties", {}).items()
        if not about.get("description")
    ]
    assert silent == []


def test_every_setting_that_can_be_changed_is_described(description: dict[str, Any]) -> None:
    changes = description["components"]["schemas"]["SettingsChange"]["properties"]["changes"]
    assert changes["properties"].keys() == {setting.name for setting in SETTINGS}
    assert changes["additionalProperties"] is False
    for setting in SETTINGS:
        assert changes["properties"][setting.name]["description"].endswith(setting.help)


def test_every_body_has_an_example_that_fits(description: dict[str, Any]) -> None:
    for method, path, operation in operations(description):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for body in [*bodies, *operation["responses"].values()]:
            for content in body.get("content", {}).values():
                examples = shown(description, content)
                assert examples, (method, path)
                for example in examples:
                    validator(description, content["schema"]).validate(example)


def test_every_refusal_is_a_problem(description: dict[str, Any]) -> None:
    for _, path, operation in operations(description):
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == [PROBLEM], (path, status)
            assert status != "default", "which would describe whatever is answered"


async def test_an_event_as_it_is_described_is_taken(
    http: httpx.AsyncClient, world: World, description: dict[str, Any]
) -> None:
    secrets = await world.add_workspace("acme")
    for kind, content in description["paths"]["/events"]["post"]["requestBody"]["content"].items():
        for example in shown(description, content):
            answer = await http.post(
                "/events",
                json=example,
                headers={"content-type": kind, "authorization": f"Bearer {secrets.token}"},
            )
            assert answer.status_code == 202, answer.text


async def test_an_unknown_method_gets_the_allowed_ones(http: httpx.AsyncClient) -> None:
    for method, path in (("PUT", "/api/v1/settings"), ("OPTIONS", "/api/v1/settings"), ("GET", "/events")):
        answer = await http.request(method, path)
        assert answer.status_code == (204 if method == "OPTIONS" else 405)
        assert {name.strip() for name in answer.headers["allow"].split(",")} == (
            {"GET", "OPTIONS", "POST"} if "settings" in path else {"OPTIONS", "POST"}
        )
