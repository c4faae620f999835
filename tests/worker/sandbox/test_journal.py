"""The change journal: positions, instants, and what a restored snapshot leaves of it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.books.journal import Change, Journal

START = datetime(2026, 5, 5, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


@given(st.lists(st.integers(0, 20)), st.integers(0, 25), st.integers(-1, 21))
def test_changes_are_found_by_position_and_instant_though_the_clock_may_go_back(
    instants: list[int], position: int, since: int
) -> None:
    journal = Journal()
    changes = [Change(at(seconds), "Invoice", str(n), "Create", "app") for n, seconds in enumerate(instants)]
    for change in changes:
        journal.append(change)
    assert len(journal) == len(changes)
    assert journal.after(position) == changes[position:]
    assert journal.since(at(since)) == [change for change in changes if change.at >= at(since)]
    journal.truncate(position)
    assert journal.after(0) == changes[:position]
    journal.append(Change(at(since), "Invoice", "new", "Create", "app"))
    assert [change.identifier for change in journal.since(at(since))][-1] == "new"
