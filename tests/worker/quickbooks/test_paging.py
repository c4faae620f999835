"""A list is read whole while it changes, whether its Ids compare as numbers or as texts, also from a stored cursor."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeClock
from tests.world import World
from worker.quickbooks import paging, queries
from worker.quickbooks.errors import OutcomeUnknown
from worker.quickbooks.paging import PageCursor
from worker.sandbox.openings.plausible import Amounts
from worker.sandbox.service import Sandbox

ROWS = 10
ORDERS: dict[str, Callable[[int], Any]] = {"numbers": lambda number: number, "texts": str}
# Before each page some rows are deleted, by their place, and some are created.
Edit = tuple[list[int], int]


def read_through(
    present: set[int], edits: list[Edit], order: Callable[[int], Any], new: int = 1_000
) -> tuple[set[str], set[int], int]:
    """Read a list whose rows are edited before each page; return what was read, what was there throughout, and pages."""
    lasting, got, pages = set(present), set[str](), 0
    cursor: PageCursor | None = PageCursor()
    while cursor is not None:
        deleted, created = edits[pages] if pages < len(edits) else ([], 0)
        for place in deleted:
            if present:
                gone = sorted(present, key=order)[place % len(present)]
                present.discard(gone)
                lasting.discard(gone)
        present |= set(range(new, new + created))
        new += created
        listed = [{"Id": str(number)} for number in sorted(present, key=order)]
        rows = listed[cursor.start - 1 :][:ROWS]
        fresh, cursor = paging.beyond(cursor, rows, "Customer")
        cursor = msgspec.json.decode(msgspec.json.encode(cursor), type=PageCursor | None)
        got |= {row["Id"] for row in fresh}
        pages += 1
    return got, lasting, pages


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "PAGE_ROWS_MAX", ROWS)
        yield


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@settings(deadline=None, max_examples=300)
@given(
    count=st.integers(0, 120),
    edits=st.lists(st.tuples(st.lists(st.integers(0, 200), max_size=12), st.integers(0, 12)), max_size=25),
)
def test_no_row_that_is_there_throughout_is_skipped(
    order: Callable[[int], Any], count: int, edits: list[Edit]
) -> None:
    try:
        got, lasting, _ = read_through(set(range(count)), edits, order)
    except OutcomeUnknown:
        return  # too much disappeared: it is said, and nothing is skipped in silence
    assert {str(number) for number in lasting} <= got


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 19, 20, 82, 91])
def test_a_quiet_list_takes_at_most_one_page_more_than_full_ones(
    order: Callable[[int], Any], count: int
) -> None:
    got, _, pages = read_through(set(range(count)), [], order)
    assert len(got) == count
    assert pages <= math.ceil(count / ROWS) + 1


def test_a_list_in_which_rows_come_and_go_is_read_to_its_end() -> None:
    """One row is deleted and three are created before each page, as in a busy company."""
    for order in ORDERS.values():
        got, lasting, pages = read_through(set(range(500)), [([3], 3)] * 40, order)
        assert {str(number) for number in lasting} <= got
        assert pages < 150


@pytest.mark.parametrize("as_texts", [False, True])
async def test_ten_thousand_customers_take_eleven_requests(
    ready: World, monkeypatch: pytest.MonkeyPatch, as_texts: bool
) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS_MAX", 1_000)
    plausible = Sandbox(FakeClock(), kinds=("us",), books=Amounts(customers=10_000, items=20, months=1))
    company = ready.sandbox.companies[ready.realm]
    company.objects["Customer"] = next(iter(plausible.companies.values())).objects["Customer"]
    ready.sandbox.change_traits(ready.realm, {"ids_compare_as_texts": as_texts})
    there = set(company.objects["Customer"])
    assert len(there) >= 10_000
    requests, got, cursor = 0, set[str](), PageCursor()
    everything = queries.everything_of("Customer")
    while True:
        page = await ready.gateway.client.page(ready.realm, "Customer", cursor, everything)
        requests += 1
        got |= {row["Id"] for row in page.rows}
        assert abs(page.answered_at - ready.clock.now()) < timedelta(milliseconds=2)
        if page.cursor is None:
            break
        cursor = page.cursor
    assert got == there
    assert requests <= 11
