"""`q2c mappings`: suggestions are listed, decided upon one by one and by spreadsheet."""

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

ACCOUNTS = {
    "A-1": "Harper & Lowe Architects",
    "A-2": "Kestrel Aviation",
    "A-3": "=Nobody like it",
    "A-4": "Harper & Lowe Architects",
    "A-5": "Lakeshore Montessori",
}


@pytest.fixture
async def office(world: World) -> Office:
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    for name in ("Harper & Lowe Architects", "Kestrel Aviation Services", "Lakeshore Montessori"):
        accountant.create(opened.company, "Customer", {"DisplayName": name}, world.clock.now())
    await world.send(*(stories.account(account, name=name) for account, name in ACCOUNTS.items()))
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
    """Return the state of each account, with the mapped customer."""
    return {row["id"]: (row["state"], row["target"]) for row in lines(mappings("list", "--json"))}


def ids(office: Office) -> dict[str, str]:
    return {customer["DisplayName"]: customer["Id"] for customer in office.world.books("Customer")}


async def test_suggestions_are_listed_and_accepted_from_a_score_on(
    office: Office, mappings: Callable[..., Any]
) -> None:
    shown = mappings("list", "--state", "suggested")
    assert (shown.returncode, "Kestrel Aviation Services" in shown.stdout) == (0, True)
    row = next(row for row in lines(mappings("list", "--json")) if row["id"] == "A-1")
    assert (row["suggestion"]["verdict"], row["suggestion"]["score"]) == ("link", "99.9")
    accepted = mappings("accept", "--above", "99", "--json")
    assert [(each["account"], each["done"]) for each in lines(accepted)] == [
        ("A-1", True),
        ("A-4", False),
        ("A-5", True),
    ]
    assert accepted.returncode == 1, "the customer of A-4 is A-1's"
    assert [each["reason"] for each in lines(accepted)] == [None, "customer_taken", None]
    assert mappings("accept", "A-4", "--also").returncode == 0
    assert mappings("reject", "A-2").returncode == 0
    assert mappings("ignore", "A-3", "--why", "a test").returncode == 0
    await office.work()
    harper, lakeshore = ids(office)["Harper & Lowe Architects"], ids(office)["Lakeshore Montessori"]
    assert states(mappings) == {
        "A-1": ("mapped", harper),
        "A-2": ("unmatched", None),
        "A-3": ("ignored", None),
        "A-4": ("mapped", harper),
        "A-5": ("mapped", lakeshore),
    }
    assert mappings("override", "A-2", ids(office)["Kestrel Aviation Services"]).returncode == 0
    assert mappings("unignore", "A-3").returncode == 0
    assert mappings("accept").returncode == 2
    assert mappings("accept", "A-1", "--above", "5").returncode == 2
    again = mappings("accept", "A-1")
    assert (again.returncode, "No customer is suggested" in again.stdout) == (1, True)


async def test_the_list_says_that_no_company_is_connected(world: World, q2c: Run) -> None:
    await world.add_workspace()
    await world.send(stories.account("A-1", name="Harper & Lowe"))
    await world.settle()
    database = {"Q2C_DATABASE_URL": world.services.environment.database_url, "Q2C_TOKEN_KEYS": TOKEN_KEY}
    shown = q2c("mappings", "list", COLUMNS="200", **database)
    assert "unmatched: no company is connected" in shown.stdout
    (row,) = lines(q2c("mappings", "list", "--json", **database))
    assert (row["state"], row["unmatched"]) == ("unmatched", "not_connected")


@pytest.mark.parametrize("semicolons", [(), ("--semicolons",)])
async def test_a_spreadsheet_goes_out_and_comes_back_with_decisions(
    office: Office, mappings: Callable[..., Any], tmp_path: Path, semicolons: tuple[str, ...]
) -> None:
    sheet = tmp_path / "accounts.csv"
    exported = mappings("export", str(sheet), "--json", *semicolons)
    assert json.loads(exported.stdout) == {"rows": 5}
    written = sheet.read_bytes()
    assert written.startswith(b"\xef\xbb\xbfaccount"), "as Excel expects it"
    assert b"'=Nobody like it" in written, "which would be a formula"
    delimiter = ";" if semicolons else ","
    decided = []
    for row in written.decode("utf-8-sig").splitlines():
        cells = row.split(delimiter)
        decisions = {"A-1": "Accept", "A-2": "reject", "A-3": "ignore", "A-4": "map"}
        cells[3] = decisions.get(cells[0], cells[3])
        decided.append(delimiter.join(cells))
    sheet.write_text("\r\n".join(decided), encoding="utf-8-sig")
    imported = mappings("import", str(sheet), "--json")
    assert [(each["account"], each["decision"], each["reason"]) for each in lines(imported)] == [
        ("A-1", "accept", None),
        ("A-2", "reject", None),
        ("A-3", "ignore", None),
        ("A-4", "map", "customer_taken"),
    ]
    assert imported.returncode == 1
    await office.work()
    found = {account: state for account, (state, _) in states(mappings).items()}
    assert found == {
        "A-1": "mapped",
        "A-2": "unmatched",
        "A-3": "ignored",
        "A-4": "suggested",
        "A-5": "suggested",
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"account,customer\nA-1,5\n", "it needs the columns account and decision"),
        (b"account,decision\nA-1,perhaps\n", "line 2: 'perhaps' is no decision"),
        (b"account,decision\n\xff\n", "is not UTF-8"),
    ],
)
async def test_a_sheet_that_can_t_be_read_changes_nothing(
    mappings: Callable[..., Any], tmp_path: Path, content: bytes, problem: str
) -> None:
    sheet = tmp_path / "wrong.csv"
    sheet.write_bytes(content)
    refused = mappings("import", str(sheet))
    assert (refused.returncode, refused.stdout, problem in refused.stderr) == (2, "", True)


@pytest.mark.parametrize("as_json", [False, True])
async def test_duplicates_and_differing_decisions_are_listed(
    office: Office, mappings: Callable[..., Any], as_json: bool
) -> None:
    harper = "Harper & Lowe Architects"
    accountant.create(office.company, "Customer", {"DisplayName": f"{harper} Inc"}, office.world.clock.now())
    await office.notify()
    assert mappings("override", "A-1", ids(office)["Kestrel Aviation Services"]).returncode == 0
    await office.work()
    more = ("--json",) if as_json else ()
    duplicates, differences = mappings("duplicates", *more), mappings("differences", *more)
    if as_json:
        assert harper in {row["other_name"] for row in lines(duplicates)}
        (row,) = lines(differences)
        assert (row["account"], row["decision"], row["by"], row["best"]) == (
            "A-1",
            "mapped",
            "person",
            ids(office)[harper],
        )
    else:
        assert "same_name" in duplicates.stdout
        assert "mapped" in differences.stdout
    assert mappings("differences", "--older", "--json").stdout == ""
