"""A large company is read in as few requests as there are pages, nothing is skipped, and memory does not grow with it."""

import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.worker.sync.office import Office
from tests.world import open_world
from worker.quickbooks import queries
from worker.sandbox import accountant
from worker.sandbox.messages import Reply, Request
from worker.sandbox.openings.plausible import Amounts
from worker.sync.entities import OBSERVABLES

PAGE = queries.PAGE_ROWS_MAX
SMALL_PAGE = PAGE // 10  # where only the number of pages matters
LIKE_BEFORE = 1.2  # with some room, since pages differ


class Recorded:
    """Counts the requests to the sandbox: queries by the kind of object, the others by the last part of their path."""

    def __init__(self, office: Office) -> None:
        self.counts = Counter[str]()
        self.before_page: Callable[[int], None] = lambda _number: None
        sandbox = office.world.sandbox
        self._answered = sandbox.handle
        sandbox.handle = self._handle  # type: ignore[method-assign] # it has no port for this

    def _handle(self, request: Request) -> Reply:
        statement = request.query.get("query", "")
        name = statement.partition(" FROM ")[2].partition(" ")[0] or request.path.rpartition("/")[2]
        if name == "Customer":
            self.before_page(self.counts[name])
        self.counts[name] += 1
        return self._answered(request)


@asynccontextmanager
async def opened(
    directory: Path, customers: int, items: int, database_url: str | None = None
) -> AsyncIterator[Office]:
    """Connect a workspace to a large company, whose books were written a few seconds before."""
    books = Amounts(customers, items)
    async with open_world(directory, books=books, database_url=database_url) as world:
        world.clock.advance(5)
        await world.add_workspace()
        await world.connect()
        await world.follow()
        yield Office(world)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS_MAX", SMALL_PAGE)


def requests_max(office: Office, entity: str) -> int:
    """Return one more than there are full pages."""
    return len(office.company.objects[entity]) // queries.PAGE_ROWS_MAX + 1


async def test_a_quiet_company_is_read_in_one_request_a_kind_more_than_full_pages(tmp_path: Path) -> None:
    async with opened(tmp_path, 2 * PAGE, PAGE) as office:
        requests = Recorded(office)
        await office.work()
        assert await office.differences() == []
        most = {each.name: requests_max(office, each.name) for each in OBSERVABLES}
        assert {kind: requests.counts[kind] for kind in most if requests.counts[kind] > most[kind]} == {}
        assert requests.counts["batch"] == 2, "the counts, and the lists that nothing announces"


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("order", ["numbers", "texts"])
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_nothing_is_skipped_while_rows_are_created_deactivated_and_merged(
    database: str, order: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if database == "postgres" else None
    async with opened(tmp_path, 10 * SMALL_PAGE, 2 * SMALL_PAGE, url) as office:
        company, clock = office.company, office.world.clock
        office.world.sandbox.change_traits(company.realm, {"ids_compare_as_texts": order == "texts"})
        requests, merges = Recorded(office), 0

        def edit(page: int) -> None:
            nonlocal merges
            if page not in {3, 6}:
                return
            merges += 1
            clock.advance(2)
            names = sorted(company.objects["Customer"], key=str if order == "texts" else int)
            accountant.merge(company, "Customer", names[20 * page], names[-page], clock.now())
            for place in (7 * page, -7 * page):
                accountant.change(company, "Customer", names[place], {"Active": False}, clock.now())
            for number in range(5):
                fields = {"DisplayName": f"New {page}.{number}"}
                accountant.create(company, "Customer", fields, clock.now())

        requests.before_page = edit
        await office.work()
        assert merges == 2
        assert await office.differences() == []
        # After a merge, a page no longer begins with the last row that was read: it is searched for, one page back.
        # Customers below one that became inactive, and has another name by that, are read again together.
        assert requests.counts["Customer"] <= requests_max(office, "Customer") + 3 * merges
        assert requests.counts["Item"] <= requests_max(office, "Item")


@pytest.mark.usefixtures("small_pages")
async def test_memory_does_not_grow_with_the_pages(tmp_path: Path) -> None:
    peaks: list[int] = []
    kept: list[int] = []

    def measure(_page: int) -> None:
        present, peak = tracemalloc.get_traced_memory()
        kept.append(present)
        peaks.append(peak)
        tracemalloc.reset_peak()
        if len(peaks) == pages:
            tracemalloc.stop()  # tracing takes most of the time

    async with opened(tmp_path, 20 * SMALL_PAGE, 0) as office:
        requests, pages = Recorded(office), requests_max(office, "Customer")
        requests.before_page = measure
        tracemalloc.start()
        try:
            await office.work()
        finally:
            tracemalloc.stop()
        assert len(peaks) == pages
    assert max(peaks[12:]) < max(peaks[4:12]) * LIKE_BEFORE
    assert max(kept[12:]) < max(kept[4:12]) * LIKE_BEFORE


async def test_many_changes_just_before_a_connection_are_not_read_twice(tmp_path: Path) -> None:
    async with opened(tmp_path, PAGE + 100, 0) as office:
        requests = Recorded(office)
        await office.work()
        office.world.clock.advance(timedelta(minutes=5).total_seconds())
        await office.sync()
        assert requests.counts["Customer"] == 2, "change data capture shows them twice, and they are known"
        assert await office.differences() == []


async def test_more_changes_just_before_a_connection_than_are_captured_are_observed_where_queries_lag(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, PAGE + 100, 0) as office:
        company, clock = office.company, office.world.clock
        office.world.sandbox.change_traits(company.realm, {"query_lag_seconds": 30})
        for customer in list(company.objects["Customer"]):
            accountant.change(company, "Customer", customer, {"CompanyName": "Acme"}, clock.now())
        clock.advance(2)
        await office.work()
        assert len(await office.differences()) > 0
        clock.advance(timedelta(minutes=1).total_seconds())
        await office.work()
        assert await office.differences() == []
