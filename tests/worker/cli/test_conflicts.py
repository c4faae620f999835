"""`q2c conflicts`: differences are listed, decided one by one or all at once, and sent again."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.worker.quote_to_cash.in_step.crm import (
    Crm,
    customer,
    in_conflict,
    open_crm,
    settle,
    with_a_taken_name,
)
from tests.worker.running import Run, lines
from tests.world import TOKEN_KEY, World


@pytest.fixture
async def crm(world: World) -> Crm:
    crm = await open_crm(world)
    await with_a_taken_name(crm)
    await in_conflict(crm)
    return crm


@pytest.fixture
async def conflicts(crm: Crm, q2c: Run) -> Callable[..., Any]:
    """Run `q2c conflicts` on the office's database."""

    def run(*arguments: str) -> Any:
        url = crm.office.world.services.environment.database_url
        return q2c("conflicts", *arguments, Q2C_DATABASE_URL=url, Q2C_TOKEN_KEYS=TOKEN_KEY)

    return run


async def test_differences_are_listed_and_decided(crm: Crm, conflicts: Callable[..., Any]) -> None:
    shown = conflicts()
    assert {"conflict", "refused", "2026-05-05"} <= set(shown.stdout.split())
    assert "Vendor" in shown.stdout
    rows = lines(conflicts("--json"))
    assert [(row["field"], row["state"]) for row in rows] == [("email", "conflict"), ("name", "refused")]
    assert lines(conflicts("list", "--state", "to_crm", "--json")) == []
    assert conflicts("resolve", "A-1", "email", "quickbooks").returncode == 0
    assert conflicts("retry", "A-1", "name").returncode == 0
    await settle(crm.office)
    assert await crm.hear() == [{"email": "books@acme.example"}]
    assert [row["field"] for row in lines(conflicts("--json"))] == ["name"]


async def test_all_conflicts_are_decided_at_once(crm: Crm, conflicts: Callable[..., Any]) -> None:
    assert conflicts("resolve", "--all", "--take", "crm", "--field", "phone").returncode == 0
    done = conflicts("resolve", "--all", "--take", "crm", "--json")
    assert [(row["account"], row["field"], row["done"]) for row in lines(done)] == [("A-1", "email", True)]
    await settle(crm.office)
    assert customer(crm.office)["PrimaryEmailAddr"]["Address"] == "sales@acme.example"


@pytest.mark.parametrize(
    "arguments",
    [
        ("resolve", "A-1"),
        ("resolve", "A-1", "colour", "crm"),
        ("resolve", "A-1", "email", "left"),
        ("resolve", "--all"),
        ("resolve", "A-1", "email", "crm", "--all", "--take", "crm"),
        ("--json", "retry", "A-1", "name"),
    ],
)
async def test_wrong_usage_is_refused(conflicts: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    assert conflicts(*arguments).returncode == 2
