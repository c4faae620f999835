"""Snapshots stored together give the same signed quote as snapshots stored one by one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract.crm import Stage
from worker.quote_to_cash.deal.signed import Signed, signed_version
from worker.quote_to_cash.deal.state import Contract, Deal
from worker.quote_to_cash.deal.versions import Version, is_known, one_by_one, with_snapshot

BEGIN = datetime(2026, 5, 2, tzinfo=UTC)


def at(halves: int) -> datetime:
    """Draw half minutes, so that an edit within a minute of a sending is as likely as a later one."""
    return BEGIN + timedelta(seconds=30 * halves)


# Mostly the CRM sends in time, one snapshot every minute; late snapshots have the instant of their arrival.
late = st.sampled_from([0, 0, 0, 0, 1, 5])
STAGES: list[Stage] = ["contract_sent", "contract_sent", "contract_sent", "quote_draft", "closed_won"]
stages = st.sampled_from(STAGES)
quotes = st.sampled_from(["A", "A", "A", "B", None])
never_arrives = st.sampled_from([False, False, False, False, True])


@st.composite
def snapshots(draw: st.DrawFn) -> list[Version]:
    """Draw the snapshots of a deal in their order of arrival; some never arrive."""
    told = draw(st.lists(st.tuples(never_arrives, late, stages, quotes), min_size=3, max_size=10))
    arrived = [
        Version(revision, at(2 * revision + later), stage, quote)
        for revision, (missing, later, stage, quote) in enumerate(told, 1)
        if not missing
    ]
    return draw(st.permutations(arrived))


instants = st.integers(0, 24).map(at)
signed_contracts = st.builds(Contract, st.just("C-1"), st.just("signed"), instants, st.none() | instants)
others = st.builds(Contract, st.just("C-2"), st.sampled_from(["sent", "voided"]), instants, instants)


def together(arrived: Sequence[Version]) -> tuple[Version, ...]:
    versions: tuple[Version, ...] = ()
    for snapshot in arrived:
        assert not is_known(versions, snapshot.revision)
        versions = with_snapshot(versions, snapshot)
        assert is_known(versions, snapshot.revision)
    return versions


def said(signed: Signed) -> tuple[object, ...]:
    """Return the data on which an invoice and its gates depend."""
    version, other = signed.version, signed.other
    return (
        version and (version.stage, version.quote),
        signed.doubt,
        other and (other.stage, other.quote),
    )


def one_each(arrived: Sequence[Version]) -> tuple[Version, ...]:
    return tuple(sorted(arrived, key=lambda version: version.revision))


@settings(max_examples=500)
@given(
    snapshots(),
    signed_contracts,
    st.lists(others, max_size=1),
    st.randoms(use_true_random=False),
)
def test_snapshots_kept_together_say_the_same_as_each_by_itself(
    arrived: list[Version], signed: Contract, other: list[Contract], random: Random
) -> None:
    versions = together(arrived)
    assert versions == together(random.sample(arrived, len(arrived)))
    contracts = {contract.contract_id: contract for contract in (signed, *other)}
    told = said(signed_version(Deal(versions=versions, contracts=contracts)))
    assert told == said(signed_version(Deal(versions=one_each(arrived), contracts=contracts)))


def test_a_contract_sent_amid_snapshots_of_one_quote_is_of_that_quote() -> None:
    shown = [Version(revision, at(2 * revision), "contract_sent", "A") for revision in (1, 2, 3, 4)]
    changed = Version(5, at(10), "contract_sent", "B")
    contracts = {
        "C-1": Contract("C-1", "signed", at(20), sent_at=at(5)),
        "C-2": Contract("C-2", "voided", at(4), sent_at=at(2)),
    }
    deal = Deal(versions=together([changed, *shown]), contracts=contracts)
    assert said(signed_version(deal)) == (("contract_sent", "A"), None, None)


def test_no_snapshot_is_dated_later_than_a_following_one() -> None:
    told_late = Version(1, at(9), "quote_draft", "A")
    draft, sent = Version(2, at(2), "quote_draft", "A"), Version(3, at(4), "contract_sent", "B")
    (version, _) = together([draft, sent, told_late])
    assert (version.time, version.last.time) == (at(2), at(2))
    late_amid = together([told_late, Version(3, at(6), "quote_draft", "A"), draft])
    assert [end.time for end in one_by_one(late_amid)] == [at(2), at(6)]


def test_a_thousand_snapshots_of_one_quote_are_kept_as_one() -> None:
    arrived = [
        Version(revision, BEGIN + timedelta(seconds=revision), "contract_sent", "A")
        for revision in range(1, 1_001)
    ]
    (version,) = together(arrived)
    assert (version.revision, version.last.revision) == (1, 1_000)
    assert (version.time, version.last.time) == (arrived[0].time, arrived[-1].time)


def test_a_revision_that_is_still_missing_is_not_taken_for_known() -> None:
    versions = together([Version(revision, BEGIN, "quote_draft", "A") for revision in (1, 2, 4, 5)])
    assert [is_known(versions, revision) for revision in range(7)] == [
        False,
        True,
        True,
        False,
        True,
        True,
        False,
    ]
    assert len(together([*versions[:1], Version(4, BEGIN, "quote_draft", "A")])) == 2
