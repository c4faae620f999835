import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract import catalog
from worker.sync.versions import Answer, LastVersion, ObjectVersion, Seen, skips_a_payment, version_of

REALM = "123"
NOW = datetime.fromisoformat("2026-05-05T12:00:00+00:00")
SECOND = timedelta(seconds=1)


def at(seconds: int) -> datetime:
    return NOW + seconds * SECOND


def invoice(token: int = 0, changed: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "Id": "17",
        "SyncToken": str(token),
        "MetaData": {"LastUpdatedTime": at(changed).isoformat()},
        "CurrencyRef": {"value": "USD"},
        "CustomerRef": {"value": "5", "name": "Acme"},
        "TxnDate": "2026-05-05",
        "TotalAmt": 100,
        "Balance": 100,
        **fields,
    }


def payment(token: int = 0, **applied: int) -> dict[str, Any]:
    lines = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": name[1:], "TxnType": "Invoice"}]}
        for name, amount in applied.items()
    ]
    return {**invoice(token), "UnappliedAmt": 0, "Line": lines}


def answer(*seen: Seen, asked: int = 0) -> Answer:
    return Answer(REALM, "acme", at(asked), seen)


def see(
    known: LastVersion | None,
    row: dict[str, Any] | None,
    *,
    entity: str = "Invoice",
    asked: int = 0,
    **more: Any,
) -> ObjectVersion | None:
    seen = Seen(entity, "17", row, **more)
    return version_of(known, seen, answer(seen, asked=asked))


def first(row: dict[str, Any], entity: str = "Invoice") -> LastVersion:
    version = see(None, row, entity=entity)
    assert version is not None
    return version.row


def types(version: ObjectVersion | None) -> list[str]:
    assert version is not None
    return [event_type.removeprefix(catalog.PREFIX) for event_type, _ in version.facts]


def test_an_echo_with_a_new_sync_token_and_the_same_kept_fields_is_no_version() -> None:
    known = first(invoice())
    echo = see(known, invoice(token=1, changed=5, EmailStatus="EmailSent"), asked=9)
    assert types(echo) == []
    assert echo is not None
    assert (echo.row.ordinal, echo.row.sync_token) == (1, 1)


def test_a_balance_that_changes_and_changes_back_gives_two_versions() -> None:
    known = first(invoice())
    paid = see(known, invoice(Balance=0), asked=1)
    assert paid is not None
    unpaid = see(paid.row, invoice(Balance=100), asked=2)
    assert unpaid is not None
    assert (paid.row.ordinal, unpaid.row.ordinal) == (2, 3)


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        (invoice(token=1, changed=9, Balance=1), 99),  # a smaller sync token
        (invoice(token=2, changed=4, Balance=1), 99),  # an earlier change
        (invoice(token=2, changed=5, Balance=1), 4),  # an answer that was asked for earlier
    ],
)
def test_an_older_answer_does_not_replace_a_newer_one(row: dict[str, Any], asked: int) -> None:
    known = see(None, invoice(token=2, changed=5), asked=5)
    assert known is not None
    assert see(known.row, row, asked=asked) is None


def test_a_deleted_transaction_does_not_come_back_by_a_query_that_lags() -> None:
    deleted = see(first(invoice(token=3)), None, asked=5)
    assert types(deleted) == ["quickbooks.deleted.v1"]
    assert deleted is not None
    assert see(deleted.row, None, asked=6) is None
    assert see(deleted.row, invoice(token=3, Balance=7), asked=9) is None


def test_an_object_that_was_never_observed_and_is_gone_is_no_version() -> None:
    assert see(None, None) is None


def test_an_entry_of_a_list_that_is_gone_was_merged() -> None:
    customer = {"Id": "17", "SyncToken": "0", "DisplayName": "Acme"}
    merged = see(first(customer, "Customer"), None, entity="Customer", survivor="18")
    assert types(merged) == ["quickbooks.merged.v1", "customer.observed.v1"]
    assert merged is not None
    assert merged.is_referred
    assert [fact for _, fact in merged.facts][1].exists is False  # type: ignore[attr-defined] # a customer
    assert next(fact for _, fact in merged.facts).survivor == "18"  # type: ignore[attr-defined] # a merge


@pytest.mark.parametrize("note", ["Voided", "Annulée"])
def test_a_void_is_a_fact_of_its_own_once_in_any_language(note: str) -> None:
    void = invoice(token=1, changed=5, TotalAmt=0, Balance=0, PrivateNote=note)
    version = see(first(invoice()), void, asked=9, is_void=True)
    assert types(version) == ["quickbooks.voided.v1", "invoice.observed.v1"]
    assert version is not None
    assert see(version.row, void, asked=10) is None, "a later answer, without the notice's word"


def test_a_void_in_another_language_that_no_notice_tells_is_an_amount_of_zero() -> None:
    """QuickBooks' answer has nothing else that tells it from an invoice that a person made zero."""
    void = invoice(token=1, changed=5, TotalAmt=0, Balance=0, PrivateNote="Annulée")
    assert types(see(first(invoice()), void, asked=9)) == ["invoice.observed.v1"]


@pytest.mark.parametrize(
    ("before", "now", "skips"),
    [
        (None, 0, False),
        (None, 1, True),
        (None, None, True),
        (0, 0, False),
        (0, 1, False),
        (0, 2, True),
        (0, None, True),
    ],
)
def test_a_payment_with_versions_between_two_reads_skips_them(
    before: int | None, now: int | None, skips: bool
) -> None:
    known = None if before is None else first(payment(before, _1=50), "Payment")
    seen = Seen("Payment", "17", None if now is None else payment(now, _2=50))
    assert skips_a_payment(known, seen) is skips
    assert not skips_a_payment(known, Seen("Invoice", "17", None)), "only payments are applied to others"


def test_a_payment_affects_the_invoices_to_which_it_is_applied_otherwise_than_before() -> None:
    known = first(payment(_1=50, _2=30), "Payment")
    moved = see(known, payment(token=1, _1=50, _3=30), entity="Payment", asked=1)
    assert moved is not None
    assert moved.affected == ("Invoice/2", "Invoice/3")
    gone = see(moved.row, None, entity="Payment", asked=2)
    assert gone is not None
    assert gone.affected == ("Invoice/1", "Invoice/3")


@pytest.mark.parametrize(
    "wrong",
    [
        {"Balance": None},
        {"TotalAmt": "much"},
        {"TxnDate": "soon"},
        {"CurrencyRef": None},
        {"TotalAmt": 10**20},
    ],
)
def test_an_unreadable_object_is_told_once_a_version_and_heals(wrong: dict[str, Any]) -> None:
    known = first(invoice())
    odd = see(known, invoice(token=1, changed=1, **wrong), asked=1)
    assert types(odd) == ["quickbooks.unreadable.v1"]
    assert odd is not None
    assert see(odd.row, invoice(token=1, changed=1, **wrong), asked=2) is None
    assert types(see(odd.row, invoice(token=2, changed=2), asked=3)) == ["invoice.observed.v1"]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_the_order_of_answers_the_last_state_wins(data: st.DataObject) -> None:
    """The states of an invoice follow each other; answers show some of them, each maybe more than once and in any order."""
    states, token = [], 0
    for number in range(data.draw(st.integers(1, 6))):
        token += data.draw(st.integers(0, 1))
        states.append(invoice(token, number, Balance=data.draw(st.sampled_from([0, 50, 100]))))
    shown = [*data.draw(st.lists(st.integers(0, len(states) - 1), max_size=8)), len(states) - 1]
    known: LastVersion | None = None
    contents: list[str] = []
    for number in data.draw(st.permutations(shown)):
        # A query may lag: an old state may be shown by an answer that was asked for much later.
        asked = number + data.draw(st.integers(0, 9))
        version = see(known, states[number], asked=asked)
        if version is not None:
            assert version.row.ordinal == (known.ordinal if known else 0) + bool(version.facts)
            known = version.row
            contents += [known.content] if version.facts else []
    assert known is not None
    assert known.content == first(states[-1]).content
    assert all(one != other for one, other in itertools.pairwise(contents))


@pytest.mark.parametrize(
    "wrong",
    [
        {"SyncToken": "seven"},
        {"SyncToken": str(2**63)},
        {"SyncToken": "-1"},
        {"SyncToken": "9" * 5000},
        {"TotalAmt": "1,000.00"},
        {"CurrencyRef": None},
        {"DocNumber": "a\x00b"},
        {"DocNumber": "a\ud800b"},
        {"TxnDate": None},
    ],
)
def test_an_odd_field_makes_an_object_unreadable_and_no_more(wrong: dict[str, Any]) -> None:
    version = see(None, invoice(**wrong))
    assert version is not None
    assert types(version) == ["quickbooks.unreadable.v1"]
    assert see(version.row, invoice(**wrong)) is None


@pytest.mark.parametrize("written", ["yesterday", "2026-05-05T12:00:00", "", 7])
def test_an_odd_time_of_change_is_none(written: Any) -> None:
    version = see(None, invoice(MetaData={"LastUpdatedTime": written}))
    assert version is not None
    assert types(version) == ["invoice.observed.v1"]
    assert version.row.updated_at is None
