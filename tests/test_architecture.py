"""The rules of the architecture: imports go one way; time, HTTP and each library are used in one place."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from events.contract.quickbooks import CommandKind
from tests.conftest import LONGEST_FIRST
from worker.quote_to_cash.walk import BY_CODE

ROOT = Path(__file__).parent.parent
ROOMS = ("events", "projections", "worker")
LINES_MAX = 375
# Names that two classes still have.
CLOCKS = (
    "time.time",
    "time.monotonic",
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "uuid.uuid4",
    "asyncio.sleep",
)
# The files that may import a library with limited use.
ONLY = {
    "faust": ("worker/sources/faust.py",),
    "aiokafka": ("worker/kafka/", "worker/sources/replay.py", "worker/sources/faust.py"),
    "litestar": ("worker/web/", "worker/sandbox/"),
    "cryptography": (
        "worker/runtime/vault.py",
        "worker/sandbox/certificate.py",
        "worker/sandbox/oauth/openid.py",
    ),
    "httpx": ("worker/quickbooks/", "worker/sandbox/", "worker/demo/", "worker/simulation/"),
    "typer": ("worker/cli/",),
    "rich": ("worker/cli/", "worker/demo/report.py", "worker/demo/reading.py"),
    "prometheus_client": ("worker/",),
}
# The folders in order: a folder imports only from those before it.
ORDER = (
    "events/errors.py",
    "events/clock.py",
    "events/leases.py",
    "events/contract/",
    "events/database/",
    "events/log/",
    "projections/",
    "worker/runtime/",
    "worker/kafka/",
    "worker/quickbooks/",
    "worker/geography/",
    "worker/workspaces/",
    "worker/matching/",
    "worker/sandbox/",
    "worker/commands/",
    "worker/sync/",
    "worker/suggesting/",
    "worker/quote_to_cash/",
    "worker/migrations/",
    "worker/services.py",
    "worker/docusign/",
    "worker/connections/",
    "worker/sources/",
    "worker/actions/",
    "worker/verification/",
    "worker/web/",
    "worker/roles/",
    "worker/demo/",
    "worker/simulation/",
    "worker/cli/",
)
# One module uses the machine's own time and randomness; the other modules here run outside the simulation.
TELLS_TIME = (
    "events/clock.py",
    "worker/simulation/",
    "worker/sandbox/server.py",
    "worker/demo/stage.py",
    "worker/runtime/installed.py",
)
# The folder of decisions, and its modules that use the database.
DECIDES = "worker/quote_to_cash"
RECORDS = tuple(f"{DECIDES}/{name}.py" for name in ("decide", "evolve", "manager", "store", "explain"))
STORES = tuple(
    f"{DECIDES}/{name}.py" for name in ("manager", "store", "reconsiderations", "explain", "nearest")
)
# The product must not depend on the demo, the simulation or other tools.
NOT_FOR_PRODUCTION = ("worker.sandbox", "worker.demo", "worker.simulation")
MAY_USE_THEM = ("worker/sandbox/", "worker/demo/", "worker/simulation/", "worker/cli/")


def modules(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), parsed(path)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imported(tree: ast.Module) -> tuple[str, ...]:
    return tuple(_imported(tree))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def texts(tree: ast.Module) -> set[str]:
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("events", ("projections", "worker", "tests")),
        ("projections", ("worker", "tests")),
        ("worker", ("tests",)),
    ],
)
def test_imports_go_one_way(room: str, forbidden: tuple[str, ...]) -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules(room)
        for name in imported(tree)
        if within(name, forbidden)
    ]
    assert wrong == []


def room_of(path: str) -> str | None:
    """Return the folder of ORDER that a file is in; None for the packages' own `__init__.py`."""
    return next((room for room in ORDER if path.startswith(room)), None)


def test_every_file_has_a_room() -> None:
    first_pages = {f"{room}/__init__.py" for room in ROOMS}
    assert {path for path, _ in modules(*ROOMS) if room_of(path) is None} <= first_pages


def test_arrows_go_downwards() -> None:
    homes = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): room_of(path)
        for path, _ in modules(*ROOMS)
    }
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules(*ROOMS)
        for name in imported(tree)
        if (home := room_of(path)) and (other := homes.get(name)) and ORDER.index(other) > ORDER.index(home)
    ]
    assert wrong == []


def test_the_map_in_the_readme_names_every_room() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [room for room in ORDER if f"`{room}`" not in readme] == []


@pytest.mark.parametrize("library", ONLY)
def test_a_library_stays_where_it_belongs(library: str) -> None:
    wrong = [
        path
        for path, tree in modules(*ROOMS)
        if any(within(name, (library,)) for name in imported(tree)) and not path.startswith(ONLY[library])
    ]
    assert wrong == []


def test_the_product_does_not_depend_on_its_tools() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules(*ROOMS)
        for name in imported(tree)
        if within(name, NOT_FOR_PRODUCTION) and not path.startswith(MAY_USE_THEM)
    ]
    assert wrong == []


def test_tests_share_helpers_not_tests() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules("tests", "benchmarks")
        for name in imported(tree)
        if name.startswith("tests.") and any(part.startswith("test_") for part in name.split("."))
    ]
    assert wrong == []


def test_make_prove_runs_the_tests_that_make_test_leaves_out() -> None:
    runs = re.findall(r"/pytest .*", (ROOT / "Makefile").read_text())
    assert [run.split()[-1] for run in runs] == ["tests/proof", "tests/proof"]
    assert [run.split()[-2] == "--ignore" for run in runs] == [True, False]


def test_the_files_that_begin_first_exist() -> None:
    assert [name for name in LONGEST_FIRST if not (ROOT / "tests" / name).exists()] == []


def test_time_and_chance_come_from_their_ports() -> None:
    wrong = []
    for path, tree in modules(*ROOMS):
        if path.startswith(TELLS_TIME):
            continue
        calls = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
        wrong += [f"{path} calls {name}" for name in calls if name.endswith(CLOCKS)]
        wrong += [f"{path} imports {name}" for name in imported(tree) if within(name, ("secrets", "time"))]
    assert wrong == []


def test_deciding_is_pure() -> None:
    """Decisions and the matcher use no clock, no database and no network."""
    impure = ("sqlalchemy", "httpx", "asyncio", "structlog", "events.database", "events.clock", "events.log")
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules(DECIDES, "worker/matching")
        for name in imported(tree)
        if within(name, impure) and not path.startswith(STORES)
    ]
    assert wrong == []


def test_rules_know_no_envelope_and_no_cause() -> None:
    """A family yields facts and commands; the decider alone makes events of them."""
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules(DECIDES)
        for name in imported(tree)
        if within(name, ("events.contract.envelope", "worker.commands.table"))
        and not path.startswith(RECORDS)
    ]
    assert wrong == []


def test_a_family_is_a_folder_with_its_state_its_folds_and_its_rule() -> None:
    folders = {path.parent for path in (ROOT / DECIDES).glob("*/rules.py")}
    assert {folder.name for folder in folders} == {
        "company",
        "customers",
        "items",
        "in_step",
        "readings",
        "deal",
        "invoice",
    }
    assert [folder.name for folder in folders if not (folder / "folds.py").exists()] == []
    # Keeping accounts and customers in step holds no invoice.
    assert [folder.name for folder in folders if not (folder / "gates.py").exists()] == ["in_step"]


def test_only_its_own_file_names_a_kind_of_command() -> None:
    """A new kind is a file and a line: claiming, looking up, sending and storing outcomes know none by its name."""
    wrong = [
        f"{path} names {name}"
        for path, tree in modules("worker/commands")
        for name in sorted(texts(tree) & set(get_args(CommandKind)))
        if path != f"worker/commands/kinds/{name}.py"
    ]
    assert wrong == []


def test_every_gate_is_in_the_one_order() -> None:
    """A gate that is missing in the order would never be checked."""
    written = {
        node.args[0].value
        for _, tree in modules(DECIDES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"Gate", "_gate"}
        and isinstance(node.args[0], ast.Constant)
    }
    assert written - BY_CODE.keys() == set()


def test_no_file_is_longer_than_a_reader_can_hold_in_mind() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > LINES_MAX
    }
    assert long == {}


def test_no_two_classes_have_one_name() -> None:
    named = Counter(
        node.name
        for room in ROOMS
        for _, tree in modules(room)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in named.items() if count > 1] == []
