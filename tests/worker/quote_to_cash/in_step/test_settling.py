"""A field that is edited on both sides, with everything late and out of order, comes to rest: agreed, or with a reason."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract.in_step import BothValues, FieldSettlement, FieldValue, Side
from tests.worker.quote_to_cash.in_step.sides import Edit, Sides, as_it_is
from worker.quote_to_cash.in_step.meaning import same
from worker.quote_to_cash.in_step.settle import (
    REPLACED_TIMES_MAX,
    Now,
    Rule,
    UpdateAnswer,
    UpdateRefusal,
    settle,
)

VALUES: tuple[FieldValue, ...] = (
    None,
    "a@x.example",
    "A@X.example",
    "b@x.example",
    "c@x.example",
    "d@x.example",
)
OLD, NEW, OTHER = "old@x.example", "new@x.example", "other@x.example"
BASE = FieldSettlement("email", "agreed", BothValues(OLD, OLD), BothValues(OLD, OLD))
EDITS = st.lists(
    st.builds(Edit, st.sampled_from(["crm", "quickbooks"]), st.sampled_from(VALUES), st.integers(0, 6)),
    max_size=12,
)


def upper(value: FieldValue) -> FieldValue:
    return value.upper() if isinstance(value, str) else value


SIDES = st.builds(
    Sides,
    random=st.integers().map(Random),
    crm=st.sampled_from(VALUES),
    quickbooks=st.sampled_from(VALUES),
    rule=st.sampled_from(["both", "crm", "quickbooks"]),
    crm_form=st.sampled_from([as_it_is, upper]),
    quickbooks_form=st.sampled_from([as_it_is, upper]),
    in_order=st.booleans(),
)


def now(crm: FieldValue, quickbooks: FieldValue, rule: Rule = "both", **more: object) -> Now:
    return Now("email", crm, crm, quickbooks, rule, **more)  # type: ignore[arg-type]


@settings(max_examples=300)
@given(SIDES, EDITS)
def test_both_sides_agree_at_rest_or_a_conflict_says_where_not(sides: Sides, edits: list[Edit]) -> None:
    known = sides.played(edits)
    assert known.values == BothValues(sides.crm, sides.quickbooks)
    is_same = same("email", sides.crm, sides.quickbooks)
    if known.state == "agreed":
        assert is_same or (sides.rule != "both" and None in {sides.crm, sides.quickbooks})
    elif known.state == "to_crm":
        # The CRM's snapshot with the value that it was told came later than the one of a later edit: it seems to be open.
        assert sides.missed
    else:
        assert known.state == "conflict"
        assert not is_same
    assert sides.writes <= sides.edits + 1
    assert sides.tells <= 2 * sides.edits + 1


@settings(max_examples=100)
@given(SIDES, EDITS, st.sampled_from(["crm", "quickbooks"]))
def test_a_resolved_conflict_comes_to_rest_at_the_chosen_value(
    sides: Sides, edits: list[Edit], side: Side
) -> None:
    known = sides.played(edits)
    if known.state != "conflict" or sides.rule not in {"both", side}:
        return
    chosen, written, told = getattr(sides, side), sides.writes, sides.tells
    sides.consider(take=side)
    sides.rest()
    assert sides.known is not None
    assert sides.known.state == "agreed"
    assert same("email", sides.crm, chosen)
    assert same("email", sides.quickbooks, chosen)
    assert sides.writes - written == (1 if side == "crm" else 0)
    # A CRM whose value was taken may still get an earlier one: it is told its own once more.
    assert sides.tells - told in ({0, 1} if side == "crm" else {1})


@settings(max_examples=100)
@given(SIDES, EDITS, st.booleans(), st.booleans())
def test_a_way_that_is_off_is_never_taken_and_no_conflict_by_itself(
    sides: Sides, edits: list[Edit], may_write: bool, may_tell: bool
) -> None:
    sides.may_write, sides.may_tell = may_write, may_tell
    known = sides.played(edits)
    assert may_write or sides.writes == 0
    assert may_tell or sides.tells == 0
    if known.base is not None and len({each.side for each in edits}) < 2 and sides.rule == "both":
        assert known.state != "conflict"


@settings(max_examples=100)
@given(SIDES, EDITS)
def test_a_crm_that_takes_nothing_over_is_told_each_value_once(sides: Sides, edits: list[Edit]) -> None:
    sides.takes_over = False
    sides.played(edits)
    assert sides.tells <= 2 * sides.edits + 1
    before = sides.tells
    for _ in range(3):  # it answers each message with its snapshot
        sides.say_again()
        sides.rest()
    assert sides.tells == before


@pytest.mark.parametrize("rule", ["both", "crm", "quickbooks"])
@pytest.mark.parametrize(("crm", "quickbooks"), [(None, OLD), (OLD, None), (OLD, NEW), (OLD, OLD.upper())])
def test_a_first_comparison_empties_nothing(rule: Rule, crm: FieldValue, quickbooks: FieldValue) -> None:
    sides = Sides(Random(1), crm, quickbooks, rule)
    sides.rest()
    assert (sides.crm is None, sides.quickbooks is None) in {
        (False, False),
        (crm is None, quickbooks is None),
    }


def test_a_difference_of_form_alone_is_no_difference_at_the_first_comparison() -> None:
    settled = settle(None, now(OLD, OLD.upper()))
    assert (settled.field.state, settled.is_told) == ("agreed", False)
    assert settled.field.base == BothValues(OLD, OLD.upper())


@pytest.mark.parametrize(
    ("crm", "quickbooks", "state"),
    [
        (NEW, OLD, "to_quickbooks"),
        (OLD, NEW, "to_crm"),
        (NEW, OTHER, "conflict"),
        (NEW, NEW, "agreed"),
        (NEW, NEW.upper(), "agreed"),
        (None, OLD, "to_quickbooks"),
        (OLD, None, "to_crm"),
        (None, NEW, "conflict"),
    ],
)
def test_the_side_that_changed_wins_and_two_changes_are_a_conflict(
    crm: FieldValue, quickbooks: FieldValue, state: str
) -> None:
    assert settle(BASE, now(crm, quickbooks)).field.state == state


@pytest.mark.parametrize(
    ("rule", "crm", "quickbooks", "state", "put_back"),
    [
        ("crm", OLD, NEW, "to_quickbooks", False),
        ("crm", NEW, OTHER, "to_quickbooks", False),
        ("quickbooks", NEW, OLD, "to_crm", True),
        ("quickbooks", NEW, OTHER, "to_crm", True),
        ("quickbooks", OLD, NEW, "to_crm", False),
        ("quickbooks", None, OLD, "to_crm", True),
    ],
)
def test_a_rule_puts_the_other_side_s_edit_back(
    rule: Rule, crm: FieldValue, quickbooks: FieldValue, state: str, put_back: bool
) -> None:
    settled = settle(BASE, now(crm, quickbooks, rule))
    assert (settled.field.state, settled.is_put_back) == (state, put_back)


def test_a_value_that_another_program_sets_again_and_again_becomes_a_conflict() -> None:
    field, told = BASE, 0
    for _ in range(REPLACED_TIMES_MAX + 2):
        for crm in (NEW, OLD):
            settled = settle(field, now(crm, OLD, "quickbooks"))
            field, told = settled.field, told + settled.is_told
    assert told == REPLACED_TIMES_MAX
    settled = settle(field, now(NEW, OLD, "quickbooks"))
    assert settled.field.state == "conflict"
    assert settle(settled.field, now(NEW, OLD, "quickbooks")).field == settled.field
    assert settle(settled.field, now(NEW, OLD, "quickbooks", take="quickbooks")).is_put_back


def test_a_refused_value_waits_until_it_changes_or_a_person_requests_it() -> None:
    sent = settle(BASE, now(NEW, OLD)).field
    refused = settle(sent, now(NEW, OLD, outcome=UpdateRefusal(NEW, "no"))).field
    assert (refused.state, refused.message) == ("refused", "no")
    assert settle(refused, now(NEW, OLD)).field == refused
    assert settle(refused, now(OTHER, OLD)).field.state == "to_quickbooks"
    assert settle(refused, now(OLD, OLD)).field.state == "agreed"
    again = settle(refused, now(NEW, OLD, retries=1)).field
    assert again.state == "to_quickbooks"
    once_more = settle(again, now(NEW, OLD, retries=1, outcome=UpdateRefusal(NEW, "no"))).field
    assert settle(once_more, now(NEW, OLD, retries=1)).field == once_more


def test_a_refusal_of_several_fields_sends_each_alone_and_one_of_an_older_value_says_nothing() -> None:
    sent = settle(BASE, now(NEW, OLD)).field
    alone = settle(sent, now(NEW, OLD, outcome=UpdateRefusal(NEW, "no", of_several=True))).field
    assert (alone.state, alone.alone) == ("to_quickbooks", True)
    assert settle(sent, now(OTHER, OLD, outcome=UpdateRefusal(NEW, "no"))).field.state == "to_quickbooks"
    done = settle(alone, now(NEW, NEW, outcome=UpdateAnswer(NEW, NEW, NEW))).field
    assert (done.state, done.alone) == ("agreed", False)


def test_a_value_that_quickbooks_can_t_have_is_refused_and_empties_nothing() -> None:
    unfit = Now("email", "no address", None, OLD, unfit="it is no e-mail address")
    settled = settle(BASE, unfit).field
    assert (settled.state, settled.message) == ("refused", "it is no e-mail address")
    assert settle(settled, unfit).field == settled


def test_quickbooks_may_shorten_or_rewrite_a_value_and_not_keep_another_one() -> None:
    sent = settle(BASE, now(NEW, OLD)).field
    rewritten = settle(sent, now(NEW, NEW.upper(), outcome=UpdateAnswer(NEW, NEW, NEW.upper()))).field
    assert rewritten.state == "agreed"
    assert settle(rewritten, now(NEW, NEW.upper())).field == rewritten
    kept = settle(sent, now(NEW, OLD, outcome=UpdateAnswer(NEW, NEW, OLD))).field
    assert kept.state == "refused"
    assert settle(kept, now(NEW, OLD)).field == kept
    assert settle(kept, now(NEW, OLD, retries=1)).field.state == "to_quickbooks"


def test_a_value_on_its_way_to_the_crm_is_replaced_when_quickbooks_returns_to_the_old_one() -> None:
    told = settle(BASE, now(OLD, NEW))
    back = settle(told.field, now(OLD, OLD))
    assert (back.field.state, back.is_told) == ("agreed", True)
    late = settle(back.field, now(NEW, OLD))
    assert (late.field.state, late.is_told) == ("to_crm", False)
    assert settle(late.field, now(OLD, OLD)).field == BASE
