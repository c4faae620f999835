from datetime import datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sync.notices import AFFECTED, WAIT_MAX, WaitingNotice, gather, looks_old, pause_of
from worker.sync.versions import Answer, LastVersion, Seen, version_of

NOW = datetime.fromisoformat("2026-05-05T12:00:00+00:00")


def notice(position: int = 0, operation: str = "Update", attempts: int = 0, second: int = 0) -> WaitingNotice:
    at = NOW + timedelta(seconds=second)
    return WaitingNotice(
        "1", "Invoice", "17", operation, at if position else None, position, at, attempts, at
    )


notices = st.builds(
    notice, st.integers(1, 9), st.sampled_from(["Update", "Void"]), st.integers(0, 1), st.integers(0, 9)
)


def test_a_notice_that_is_fetched_again_does_not_replace_a_later_one() -> None:
    later, again = notice(90, "Void", second=5), notice(57, attempts=1, second=60)
    for found in (gather(later, again), gather(again, later)):
        assert (found.operation, found.position, found.attempts) == ("Void", 90, 0)
        assert found.not_before == later.not_before


def test_an_affected_object_keeps_the_words_of_its_notice() -> None:
    assert gather(notice(5, "Delete"), notice(0, AFFECTED)).operation == "Delete"
    assert gather(notice(0, AFFECTED), notice(5, "Delete")).operation == "Delete"


def test_a_void_that_is_updated_before_it_is_fetched_is_still_a_void() -> None:
    assert gather(notice(5, "Void"), notice(6, "Update")).operation == "Void"
    assert gather(notice(6, "Emailed"), notice(5, "Void")).operation == "Void"
    assert gather(notice(5, "Void"), notice(6, "Create")).operation == "Void", "it was overtaken"
    assert gather(notice(5, "Void"), notice(6, "Delete")).operation == "Delete"


@pytest.mark.parametrize("attempts", [0, 1, 59, 60, 10_000])
def test_no_wait_is_taken_for_one_by_a_wrong_clock(attempts: int) -> None:
    assert timedelta(0) < pause_of(attempts) < WAIT_MAX


@given(st.lists(notices, min_size=2, max_size=6))
def test_gathered_notices_have_the_last_position_and_the_earliest_time_in_any_order(
    found: list[WaitingNotice],
) -> None:
    whole = reduce(gather, found)
    assert whole.position == max(each.position for each in found)
    assert whole.not_before == min(each.not_before for each in found)
    last = max(each.changed_at for each in found if each.changed_at)
    assert whole.changed_at is not None
    assert last <= whole.changed_at <= last + timedelta(seconds=1)


def seen(*, second: int = 0, token: int = 0) -> Seen:
    row = {
        "Id": "17",
        "SyncToken": str(token),
        "MetaData": {"LastUpdatedTime": (NOW + timedelta(seconds=second)).isoformat()},
        "CurrencyRef": {"value": "USD"},
        "TxnDate": "2026-05-05",
        "TotalAmt": 100,
        "Balance": 100,
    }
    return Seen("Invoice", "17", row)


def known(of: Seen) -> LastVersion:
    version = version_of(None, of, Answer("1", "acme", NOW, [of]))
    assert version is not None
    return version.row


def test_an_object_from_before_its_notice_is_fetched_once_more() -> None:
    assert looks_old(notice(5, second=7), seen(second=6))
    assert not looks_old(notice(5, second=7), seen(second=7))
    assert not looks_old(notice(5, second=7, attempts=1), seen(second=6)), "once at most"


def test_of_two_changes_in_one_second_neither_is_taken_for_the_last_at_first_sight() -> None:
    gathered = gather(notice(5, second=7), notice(6, second=7))
    assert looks_old(gathered, seen(second=7))
    assert not looks_old(gather(notice(5, second=6), notice(6, second=7)), seen(second=7))
    before = known(seen(second=7))
    assert looks_old(notice(6, second=7), seen(second=7), before), "the version that was known before"
    assert not looks_old(notice(6, second=7), seen(second=7, token=1), before)
