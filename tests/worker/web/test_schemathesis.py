"""Every route, with valid and invalid requests, answers as the OpenAPI description says.

The engine of schemathesis is used as by its command line: its pytest plugin for a description that is known only at run
time does not work with this pytest.
"""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests import stories
from tests.world import open_world
from worker.web.app import create_app
from worker.workspaces import api_tokens

CONFIG: dict[str, Any] = {
    "seed": 1,
    "continue-on-failure": True,
    "phases": {
        "fuzzing": {"generation": {"max-examples": 5}},
        "stateful": {"enabled": False},  # cursors and numbers from answers are in test_lists.py
    },
}
# Reasons of refused requests that fit the schema: their rules can't be in a schema.
FIT_AND_REFUSED = {
    "cursor_invalid",  # cursors come only from answers
    "setting_invalid",  # settings have their own rules
    "invoice_exists",  # these depend on earlier requests
    "customer_exists",
    "item_exists",
    "outcome_known",
    "connection_missing",  # the company was disconnected before
    "nothing_suggested",
    "account_mapped",
    "product_mapped",
    "item_being_created",
    "customer_taken",
    "not_ignored",
    "no_conflict",
    "no_refused",
}
# The same of one route.
FIT_AND_REFUSED_BY = {
    ("POST /api/v1/dead-letters/discard", "schema_invalid"),  # exactly one of three is given
    ("POST /events", "schema_invalid"),  # the contract describes the data of each type
    ("POST /events", "batch_partly_unusable"),
}
# Routes that accept requests which do not fit the schema.
UNFIT_AND_TAKEN = {
    "POST /api/v1/dead-letters/discard",  # a boolean or a number may be written in another form
    "POST /events",  # small deviations are accepted, such as an empty attribute
    "POST /api/v1/connection/consents",  # a boolean may be written in another form
    "POST /api/v1/mappings/accounts/{account}",  # the same
    "POST /api/v1/mappings/products/{product}",
    "POST /api/v1/mappings/accounts/{account}/accept",
    "POST /api/v1/mappings/decisions",
}
# Tests of the doors have signed messages.
UNSIGNED = {"POST /webhooks/docusign/{name}", "POST /webhooks/quickbooks"}
# By then, the company was disconnected; test_sync_api.py has the others.
DISCONNECTED = {"GET /api/v1/sync", "POST /api/v1/sync"}
# Nothing is suggested for an account or a product here; test_reviews_api.py has the others.
UNDECIDED = {
    "POST /api/v1/mappings/accounts/{account}/accept",
    "POST /api/v1/mappings/accounts/{account}/conflicts/{field}",
    "POST /api/v1/mappings/accounts/{account}/conflicts/{field}/retry",
    "POST /api/v1/mappings/products/{product}/accept",
}


@pytest_asyncio.fixture
async def described(tmp_path: Path) -> AsyncIterator[Any]:
    """The running application's own description, with deals, invoices, mappings, dead letters and keys to read."""
    async with open_world(tmp_path) as world:
        await world.ready()
        token = api_tokens.new(world.services.entropy)
        await world.services.database.transaction(
            api_tokens.add, "acme", token, world.clock.now(), label="tests"
        )
        await world.send(stories.account(), *stories.signed_deal("D-1"))
        await world.send(*stories.signed_deal("D-17", account_id="A-9"))  # which waits for its account
        await world.settle()
        await world.send({"specversion": "1.0"})
        app: Any = create_app(world.services, world.gateway)
        config = SchemathesisConfig.from_dict({**CONFIG, "headers": {"Authorization": f"Bearer {token}"}})
        yield schemathesis.openapi.from_asgi("/api/v1/schema/openapi.json", app, config=config)


def reason_of(response: Any) -> str | None:
    reason: str | None = json.loads(response.content)["reason"] if response.status_code >= 400 else None
    return reason


def is_expected(route: str, check: str, response: Any) -> bool:
    """Return whether a failed check is expected."""
    reason = reason_of(response)
    if check == "positive_data_acceptance":
        return reason in FIT_AND_REFUSED or (route, reason) in FIT_AND_REFUSED_BY
    if check == "negative_data_rejection":  # 413 is a refusal too, which schemathesis does not know
        return response.status_code == 413 or (response.status_code < 300 and route in UNFIT_AND_TAKEN)
    return False


def test_answers_are_as_described(described: Any) -> None:
    failed: list[str] = []
    statuses: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for event in from_schema(described).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            failed.append(str(event))
        if not isinstance(event, events.ScenarioFinished):
            continue
        route, recorder = event.recorder.label, event.recorder
        for case, checks in recorder.checks.items():
            response = recorder.interactions[case].response
            assert response is not None
            if route.startswith(recorder.cases[case].value.method.upper()):
                statuses[route][response.status_code] += 1
            failed += [
                f"{check.failure_info.failure.message}\n{check.failure_info.code_sample}\n{response.content!r}"
                for check in checks
                if check.failure_info is not None and not is_expected(route, check.name, response)
            ]
    assert failed == []
    assert len(statuses) == len(list(described.get_all_operations()))
    assert {route for route, counts in statuses.items() if min(counts) >= 300} == (
        UNSIGNED | DISCONNECTED | UNDECIDED
    )
    assert sum(map(Counter.total, statuses.values())) > 1000
