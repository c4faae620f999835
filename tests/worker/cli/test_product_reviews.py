"""`q2c mappings --products`: suggested items are listed, decided upon one by one and by spreadsheet."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import stories
from tests.worker.running import Run, lines
from tests.worker.sync.office import Office
from tests.world import TOKEN_KEY, World
from worker.sandbox import accountant

PRODUCTS = {"P-1": "Platform seat", "P-2": "Training", "P-3": "=Nobody like it", "P-4": "Platform seat"}


@pytest.fixture
async def office(world: World) -> Office:
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    account = next(each["Id"] for each in world.books("Account") if each["AccountType"] == "Income")
    for name in ("Platform seat", "Training day"):
        fields = {"Name": name, "Type": "Service", "IncomeAccountRef": {"value": account}}
        accountant.create(opened.company, "Item", fields, world.clock.now())
    quoted = [
        {**stories.LINE, "line_id": product, "product_id": product, "name": name, "sku": None}
        for product, name in PRODUCTS.items()
    ]
    await world.send(stories.account(), stories.deal(quote={**stories.QUOTE, "lines": quoted}))
    await opened.work()
    return opened


@pytest.fixture
async def mappings(office: Office, q2c: Run) -> Callable[..., Any]:
    """Run `q2c mappings` on the office's database."""

    def run(*arguments: str) -> Any:
        url = office.world.services.environment.database_url
        return q2c("mappings", *arguments, Q2C_DATABASE_URL=url, Q2C_TOKEN_KEYS=TOKEN_KEY)

    return run


def states(mappings: Callable[..., Any]) -> dict[str, tuple[str, str | None]]:
    """Return the state of each product, with the mapped item."""
    return {
        row["id"]: (row["state"], row["target"]) for row in lines(mappings("list", "--products", "--json"))
    }


def ids(office: Office) -> dict[str, str]:
    return {item["Name"]: item["Id"] for item in office.world.books("Item")}


async def test_suggested_items_are_listed_and_accepted_from_a_score_on(
    office: Office, mappings: Callable[..., Any]
) -> None:
    assert states(mappings).keys() == PRODUCTS.keys()
    row = next(row for row in lines(mappings("list", "--json")) if row["id"] == "P-1")
    found = row["suggestion"]
    assert (found["item_name"], found["customer"], found["score"]) == ("Platform seat", None, "99.9")
    assert "Training day" in mappings("list", "--products", "--state", "suggested").stdout
    assert [
        (each["product"], each["done"]) for each in lines(mappings("accept", "--above", "99", "--json"))
    ] == []
    accepted = mappings("accept", "--above", "99", "--products", "--json")
    assert [(each["product"], each["done"]) for each in lines(accepted)] == [("P-1", True), ("P-4", True)]
    assert mappings("reject", "P-2", "--products").returncode == 0
    assert mappings("ignore", "P-3", "--products", "--why", "a test").returncode == 0
    await office.work()
    seat, day = ids(office)["Platform seat"], ids(office)["Training day"]
    assert states(mappings) == {
        "P-1": ("mapped", seat),
        "P-2": ("unmatched", None),
        "P-3": ("ignored", None),
        "P-4": ("mapped", seat),
    }
    assert mappings("override", "P-2", day, "--products").returncode == 0
    assert mappings("unignore", "P-3", "--products").returncode == 0
    again = mappings("accept", "P-1", "--products")
    assert (again.returncode, "No item is suggested" in again.stdout) == (1, True)
    assert mappings("accept", "P-1", "--products", "--also").returncode == 2
    await office.work()
    assert states(mappings)["P-2"] == ("mapped", day)
    assert mappings("override", "P-1", day, "--products").returncode == 0
    await office.work()
    differing = {row["product"]: row for row in lines(mappings("differences", "--products", "--json"))}
    assert (differing["P-1"]["item"], differing["P-1"]["best_name"]) == (day, "Platform seat")
    assert "Training day" in mappings("differences", "--products").stdout


async def test_a_spreadsheet_of_products_goes_out_and_comes_back_with_decisions(
    office: Office, mappings: Callable[..., Any], tmp_path: Path
) -> None:
    sheet = tmp_path / "products.csv"
    exported = mappings("export", str(sheet), "--products", "--json")
    assert json.loads(exported.stdout) == {"rows": 4}
    heading, *rows = sheet.read_text(encoding="utf-8-sig").splitlines()
    assert heading.startswith("product,product_name,state,decision,item,item_name,score")
    decisions = {"P-1": "accept", "P-2": "map", "P-3": "create", "P-4": "ignore"}
    decided = []
    for row in rows:
        cells = row.split(",")
        cells[3] = decisions[cells[0]]
        decided.append(",".join(cells))
    sheet.write_text("\r\n".join([heading, *decided]), encoding="utf-8-sig")
    imported = mappings("import", str(sheet), "--products", "--json")
    assert [(each["product"], each["decision"], each["done"]) for each in lines(imported)] == [
        (product, decision, True) for product, decision in decisions.items()
    ]
    await office.work()
    assert {product: state for product, (state, _) in states(mappings).items()} == {
        "P-1": "mapped",
        "P-2": "mapped",
        "P-3": "unmatched",
        "P-4": "ignored",
    }
    assert states(mappings)["P-2"][1] == ids(office)["Training day"], "the item of the sheet"


def test_a_sheet_of_accounts_is_none_of_products(mappings: Callable[..., Any], tmp_path: Path) -> None:
    sheet = tmp_path / "accounts.csv"
    sheet.write_text("account,decision,customer\nA-1,accept,\n", encoding="utf-8")
    refused = mappings("import", str(sheet), "--products")
    assert (refused.returncode, "product and decision" in refused.stderr) == (2, True)
