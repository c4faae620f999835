"""`q2c connection` and `q2c disconnect`, on an installation that is connected."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from events.contract import catalog
from tests.worker.running import Run
from tests.world import TOKEN_KEY, World

NOBODY = "http://127.0.0.1:9/discovery"  # nothing listens there
KEYS = {
    "realm", "company", "plan", "connected_by", "state", "refresh_expires_at", "hard_expires_at", "last_sync",
    "next_sync", "reads_this_month",
}  # fmt: skip


@pytest.fixture
async def ours(ready: World, q2c: Run) -> Callable[..., Any]:
    """Run the real command on the world's database, at the present time; Intuit can't be reached."""
    environment = ready.services.environment

    def run(*arguments: str) -> Any:
        return q2c(
            *arguments,
            Q2C_DATABASE_URL=environment.database_url,
            Q2C_TOKEN_KEYS=TOKEN_KEY,
            Q2C_QUICKBOOKS_CLIENT_ID="app",
            Q2C_QUICKBOOKS_CLIENT_SECRET="secret",
            Q2C_QUICKBOOKS_DISCOVERY_URL=NOBODY,
        )

    return run


async def test_the_connection_is_shown_and_an_alarm_is_exit_1(ready: World, ours: Callable[..., Any]) -> None:
    shown = ours("connection", "--json")
    found = json.loads(shown.stdout)
    assert found.keys() >= KEYS
    assert (found["realm"], found["company"]) == (ready.realm, "Craig's Consulting")
    assert (found["plan"], found["connected_by"]) == ("QuickBooks Online Plus", "cli:ada")
    assert (found["state"], shown.returncode) == ("expired", 1), (
        "its tokens have not been refreshed for months"
    )
    said = ours("connection")
    assert (said.returncode, "q2c connect" in said.stdout) == (1, True)


async def test_a_disconnect_says_first_what_stops_and_tells_that_intuit_did_not_answer(
    ready: World, ours: Callable[..., Any]
) -> None:
    asked = ours("disconnect")
    assert asked.returncode != 0
    assert "deals wait at connection_missing" in " ".join(asked.stdout.split())
    assert catalog.CONNECTION_DISCONNECTED not in [one.event.type for one in await ready.log()]
    done = ours("disconnect", "--json", "--why", "a new bookkeeper")
    assert (done.returncode, json.loads(done.stdout)["revocation"]) == (0, "retried")
    last = (await ready.log())[-1].event
    assert (last.type, last.payload.why) == (catalog.CONNECTION_DISCONNECTED, "a new bookkeeper")
    shown = ours("connection", "--json")
    assert (json.loads(shown.stdout)["state"], shown.returncode) == ("disconnected", 0), "a person wanted it"
    again = ours("disconnect", "--yes")
    assert (again.returncode, "No QuickBooks company is connected" in again.stderr) == (2, True)


def test_without_a_company_there_is_no_alarm(q2c: Run) -> None:
    assert q2c("workspace", "add", "acme").returncode == 0
    shown = q2c("connection", "--json")
    assert (json.loads(shown.stdout)["state"], shown.returncode) == ("not_connected", 0)
