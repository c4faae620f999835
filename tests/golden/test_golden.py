"""Requests to QuickBooks and announcements, byte for byte, for many quotes, companies and settings.

For an intended difference, `python -m tests.golden` rewrites the files. Review the diff: a file only has what the worker
does. `cases` has the results that a person calculated.
"""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.golden.cases import CASES, Case
from tests.golden.play import BODIES, play

DECODER = msgspec.json.Decoder(float_hook=Decimal)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_requests_and_announcements_are_as_reviewed(case: Case, tmp_path: Path) -> None:
    assert await play(case, tmp_path) == (BODIES / f"{case.name}.json").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reviewed_bodies_match_the_calculation_by_hand(case: Case) -> None:
    told = reviewed(case)["told"]
    deal_updates = [
        event for event in told["crm.deal-updates.v1"] if event["type"].endswith("deal.invoiced.v1")
    ]
    states = told["reporting.revenue.v1"]
    if case.expected.gate is not None:
        assert not deal_updates + states
        [held] = [each for each in told["crm.deal-updates.v1"] if each["type"].endswith("invoice-held.v1")][
            -1:
        ]
        assert held["data"]["gates"][0]["gate"] == case.expected.gate
        return
    [invoiced], [state] = deal_updates, states
    expected = case.expected
    for data in (invoiced["data"], state["data"]):
        assert (data["net"], data["tax"], data["total"]) == (expected.net, expected.tax, expected.total)
        assert data["due_date"] == expected.due
        assert data["currency"] == case.deal.get("currency", "USD")
    assert (state["data"]["txn_date"], state["data"]["balance"]) == (expected.dated, expected.total)
    [sent] = reviewed(case)["sent"]["create_invoice"][-1:]
    assert added_up(sent) == Decimal(expected.net or 0)


def reviewed(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = DECODER.decode((BODIES / f"{case.name}.json").read_text())
    return found


def added_up(body: dict[str, Any]) -> Decimal:
    """Add up an invoice as QuickBooks does, each line by its own arithmetic."""
    total = Decimal(0)
    for line in body["Line"]:
        amount = Decimal(line["Amount"])
        detail = line.get("SalesItemLineDetail", {})
        if "Qty" in detail:
            product = Decimal(detail["Qty"]) * Decimal(detail["UnitPrice"])
            assert product.quantize(Decimal("0.01"), ROUND_HALF_UP) == amount
        total += amount if line["DetailType"] == "SalesItemLineDetail" else -amount
    return total


def test_there_is_no_file_without_a_case() -> None:
    assert {path.stem for path in BODIES.glob("*.json")} == {case.name for case in CASES}
