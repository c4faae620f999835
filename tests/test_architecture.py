"""The rules of the house that a reader relies on: imports one way, one home for time, for HTTP, for each library."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("events", "projections", "worker")
LINES_MAX = 375
CLOCKS = (
    "time.time",
    "time.monotonic",
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "uuid.uuid4",
    "asyncio.sleep",
)
# Who may import a library whose reach must stay small.
ONLY = {
    "faust": ("worker/sources/faust.py",),
    "aiokafka": (
        "worker/kafka.py",
        "worker/publisher.py",
        "worker/topics.py",
        "worker/header_names.py",
        "worker/sources/replay.py",
        "worker/sources/faust.py",
    ),
    "litestar": ("worker/web/", "worker/sandbox/"),
    "cryptography": ("worker/quickbooks/vault.py",),
    "httpx": ("worker/quickbooks/", "worker/sandbox/", "worker/demo/", "worker/simulation/"),
    "typer": ("worker/cli/",),
    "rich": ("worker/cli/", "worker/demo/report.py", "worker/demo/reading.py"),
    "prometheus_client": ("worker/",),
}
# The machine's own time and chance have one home; whoever else asks them runs outside the simulation.
TELLS_TIME = (
    "events/clock.py",
    "worker/simulation/",
    "worker/sandbox/server.py",
    "worker/demo/stage.py",
    "worker/installed.py",
)
# Nothing that decides what the books become may depend on the tools that check it or show it off.
NOT_FOR_PRODUCTION = ("worker.sandbox", "worker.demo", "worker.simulation")
MAY_USE_THEM = ("worker/sandbox/", "worker/demo/", "worker/simulation/", "worker/cli/")


def modules(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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


@pytest.mark.parametrize("library", ONLY)
def test_a_library_stays_where_it_belongs(library: str) -> None:
    wrong = [
        path
        for path, tree in modules(*ROOMS)
        if any(within(name, (library,)) for name in imported(tree)) and not path.startswith(ONLY[library])
    ]
    assert wrong == []


def test_the_product_does_not_depend_on_what_checks_it() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules(*ROOMS)
        for name in imported(tree)
        if within(name, NOT_FOR_PRODUCTION) and not path.startswith(MAY_USE_THEM)
    ]
    assert wrong == []


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
    """No clock, no database, no network where decisions are made."""
    pure = (
        "state",
        "settings",
        "gates",
        "walk",
        "evolve",
        "mapped",
        "decide",
        "customers",
        "invoicing",
        "totals",
        "rates",
        "texts",
        "billable",
    )
    impure = ("sqlalchemy", "httpx", "asyncio", "structlog", "events.database", "events.clock", "events.log")
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules("worker/quote_to_cash")
        if Path(path).stem in pure
        for name in imported(tree)
        if within(name, impure)
    ]
    assert wrong == []


def test_no_file_is_longer_than_a_reader_can_hold_in_mind() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > LINES_MAX
    }
    assert long == {}
