"""When changes of the books are announced, and to whom they are held back."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.sandbox.webhooks.line import URL, Line, Tried, identifiers, waits
from worker.sandbox.books.journal import Change
from worker.sandbox.webhooks.mishaps import Mishap, MishapPlan
from worker.sandbox.webhooks.retries import LADDER_SECONDS
from worker.sandbox.webhooks.subscriptions import QuickBooksSubscription

PLAIN = QuickBooksSubscription(URL)
SIX_HOURS = 6 * 3600.0
# Changes of three companies, each some seconds after the one before.
CHANGES = st.lists(st.tuples(st.floats(0, 3 * SIX_HOURS), st.sampled_from("123")), max_size=12)
ANSWERS = st.lists(st.sampled_from([None, 200, 202, 404, 500]), max_size=12)


def played(
    changes: list[tuple[float, str]], answers: list[int | None], subscription: QuickBooksSubscription
) -> Line:
    line = Line(subscription, realms="123")
    line.answer(*answers)
    for number, (seconds, realm) in enumerate(changes):
        line.wait(seconds)
        line.change(str(number), realm=realm)
    line.wait()
    return line


def acknowledged(line: Line) -> list[Tried]:
    return [tried for tried in line.tries if tried.status == 200]


@given(CHANGES, ANSWERS, st.sampled_from([1, 3, 100]))
def test_each_change_is_announced_once_in_order_however_often_the_receiver_fails(
    changes: list[tuple[float, str]], answers: list[int | None], most: int
) -> None:
    line = played(changes, answers, QuickBooksSubscription(URL, per_delivery_max=most))
    wanted = [(realm, str(number)) for number, (_, realm) in enumerate(changes)]
    assert identifiers(acknowledged(line)) == wanted
    for before, after in pairwise(line.tries):
        again = before.delivery == after.delivery
        assert again == (before.status != 200), "all others are held behind a message that failed"


@given(CHANGES, ANSWERS, st.integers(0, 100))
def test_repeated_late_and_reordered_changes_are_announced_at_least_once(
    changes: list[tuple[float, str]], answers: list[int | None], percent: int
) -> None:
    mishaps: tuple[Mishap, ...] = ("duplicated", "late", "reordered")
    shares = dict.fromkeys(mishaps, percent / 300)
    line = played(changes, answers, QuickBooksSubscription(URL, mishaps=MishapPlan(probability=shares)))
    counts = Counter(identifiers(acknowledged(line)))
    assert counts.keys() == {(realm, str(number)) for number, (_, realm) in enumerate(changes)}
    assert set(counts.values()) <= {1, 2}


def test_an_unacknowledged_message_is_sent_again_by_quickbooks_ladder() -> None:
    line = Line(PLAIN)
    line.answer(*[500] * 11)
    line.change("1")
    tries = line.wait()
    assert waits(tries) == [10, 20, 30, 300, 1200, 7200, 14400, *[SIX_HOURS] * 4]
    assert LADDER_SECONDS[-1] == SIX_HOURS
    assert all(tried.delivery == tries[0].delivery for tried in tries), "the same bytes and headers each time"


@pytest.mark.parametrize(
    ("by", "status", "enough"),
    [
        ("200", 200, True),
        ("200", 202, False),
        ("200", 302, False),
        ("200", 500, False),
        ("200", None, False),
        ("2xx", 204, True),
        ("2xx", 302, False),
        ("2xx", None, False),
    ],
)
def test_the_statuses_that_acknowledge(by: str, status: int | None, enough: bool) -> None:
    line = Line(QuickBooksSubscription(URL, acknowledged_by="200" if by == "200" else "2xx"))
    line.answer(status)
    line.change("1")
    assert len(line.wait()) == (1 if enough else 2)


def test_one_message_has_all_changes_since_the_first_of_all_companies() -> None:
    line = Line(QuickBooksSubscription(URL, delay_seconds=300), realms="12")
    line.change("1")
    line.wait(200)
    line.change("2", "Customer", "Update", realm="2")
    [tried] = line.wait(100)
    assert identifiers([tried]) == [("1", "1"), ("2", "2")]
    assert [event["type"] for event in tried.message] == ["qbo.invoice.created.v1", "qbo.customer.updated.v1"]


def test_only_connected_companies_and_announced_changes_are_told() -> None:
    line = Line(QuickBooksSubscription(URL, entities=frozenset({"Invoice", "Payment"})), realms="12")
    line.connected.remove("2")
    line.change("1", realm="2")
    line.change("2", "TaxCode")
    line.change("3", "Customer")
    line.journals["1"].append(Change(line.now, "Invoice", "4", "Update", "app", notified=False))
    line.change("5", "Payment")
    assert identifiers(line.wait()) == [("1", "5")]
    line.connected.add("2")
    line.change("6", realm="2")
    assert identifiers(line.wait()) == [("2", "6")], "changes from before the connection are never told"


def test_earlier_changes_are_not_told_to_a_new_subscription() -> None:
    line = Line()
    line.change("1")
    line.deliveries.subscribe(PLAIN)
    line.change("2")
    assert identifiers(line.wait()) == [("1", "2")]


def test_a_restored_journal_is_told_from_its_new_end() -> None:
    line = Line(PLAIN)
    for number in ("1", "2", "3"):
        line.change(number)
    line.wait()
    line.journals["1"].truncate(1)
    line.deliveries.read()
    line.change("4")
    assert identifiers(line.wait()) == [("1", "4")]


def test_mishaps_by_script() -> None:
    plan = MishapPlan(script=("lost", "duplicated", "late", None), late_seconds=300)
    line = Line(QuickBooksSubscription(URL, delay_seconds=0, mishaps=plan))
    for number in ("lost", "duplicated", "late", "usual"):
        line.change(number)
    tries = line.wait()
    assert identifiers(tries[:1]) == [("1", "duplicated"), ("1", "usual")]
    assert identifiers(tries[1:]) == [("1", "duplicated"), ("1", "late")]
    assert (tries[-1].at - tries[0].at).total_seconds() == 300
    [first, *_], [again] = tries[0].message, tries[1].message
    assert first == again, "a repeated event has the same ID"


def test_a_subscription_that_is_changed_keeps_its_messages() -> None:
    line = Line(PLAIN)
    line.answer(500)
    line.change("1")
    line.wait(5)
    line.change("2")
    line.deliveries.change(1, QuickBooksSubscription("https://new.test", form="classic"))
    repeated, other = line.wait()
    assert repeated.delivery.url == other.delivery.url == "https://new.test"
    assert isinstance(repeated.message, list), "its bytes are those of the first try"
    assert "eventNotifications" in other.message


def test_the_log_says_how_each_message_fares() -> None:
    line = Line(PLAIN)
    line.answer(200, 500)
    for number in ("1", "2"):
        line.change(number)
        line.wait(5)
    line.change("3")
    shown = line.deliveries.shown(1)
    assert (shown["kind"], shown["url"]) == ("quickbooks", URL)
    done, failed = shown["log"]
    assert (done["state"], done["status"], done["tries"], done["next_at"]) == ("acknowledged", 200, 1, None)
    assert (failed["state"], failed["status"], failed["tries"]) == ("waiting", 500, 1)
    assert failed["next_at"] == "2026-05-05T12:00:16Z"


def test_an_answer_after_the_subscription_is_gone_is_ignored() -> None:
    line = Line(QuickBooksSubscription(URL, delay_seconds=0))
    line.change("1")
    [delivery] = line.deliveries.due(line.now)
    assert line.deliveries.due(line.now) == [], "it is on its way"
    assert line.deliveries.next_at() is None
    line.deliveries.unsubscribe(1)
    line.deliveries.answered(delivery, 200, line.now)
    assert line.wait() == []
