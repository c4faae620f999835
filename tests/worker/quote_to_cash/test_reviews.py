"""A deal stands at its account's suggested customer until a person decides; the decision holds for ever."""

from typing import Any

import pytest

from events.contract import catalog
from events.contract.reviewing import MAPPING_LINKED
from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    REALM,
    Decider,
    chosen,
    connected,
    customer_asked,
    customer_seen,
    first_sync,
    first_synced,
    given,
    ignored,
    mapped,
    mapped_product,
    observed,
    ready,
    rejected,
    rejected_pair,
    suggested,
    unignored,
)
from worker.quote_to_cash.readings.state import Customer

UNMAPPED: list[Any] = [*ready()[:3], mapped_product(), stories.account(), *stories.signed_deal()]


def case(decider: Decider) -> tuple[str, str | None]:
    gate = decider.gates()[0]
    return gate.code, gate.case


def test_a_suggestion_is_a_review_until_the_account_has_a_customer() -> None:
    decider = given(*UNMAPPED, suggested())
    (gate,) = [each for each in decider.gates() if each.code == "mapping_in_review"]
    assert (gate.action, gate.about) == ("review_mapping", ("account/A-1",))
    assert gate.params["customer"] == "Acme Inc (58)"
    assert "account_not_mapped" not in [each.code for each in decider.gates()]
    decider.when(mapped(customer="58"))
    assert len(decider.commanded()) == 1


def test_without_a_match_the_account_is_not_mapped() -> None:
    decider = given(*UNMAPPED, suggested(verdict="none"))
    assert case(decider) == ("account_not_mapped", None)
    assert case(decider.when(suggested(number=2))) == ("mapping_in_review", None)


def test_a_rejected_pair_is_no_review_and_another_candidate_is() -> None:
    decider = given(*UNMAPPED, suggested(), rejected_pair())
    assert decider.stands_at() == "account_not_mapped"
    assert decider.when(suggested(number=2)).stands_at() == "account_not_mapped"
    assert decider.when(suggested(customer="59", number=3)).stands_at() == "mapping_in_review"


def test_an_ignored_account_says_who_ignored_it_until_that_is_taken_back_or_it_is_mapped() -> None:
    decider = given(*UNMAPPED, suggested(), ignored())
    assert case(decider) == ("account_not_mapped", "ignored")
    assert decider.gates()[0].params["by"] == "ada"
    assert case(decider.when(suggested(number=2))) == ("account_not_mapped", "ignored")
    assert decider.when(unignored()).stands_at() == "mapping_in_review"
    decider.when(ignored(), mapped())
    assert len(decider.commanded()) == 1


def test_while_the_customers_are_read_for_the_first_time_the_gate_says_so() -> None:
    decider = given(*UNMAPPED, first_sync())
    assert case(decider) == ("account_not_mapped", "being_read")
    assert case(decider.when(first_synced())) == ("account_not_mapped", None)


def test_a_suggestion_of_another_company_is_no_review() -> None:
    assert given(*UNMAPPED, suggested(realm=OTHER_REALM)).stands_at() == "account_not_mapped"


def test_a_requested_customer_is_no_review() -> None:
    decider = given(*UNMAPPED, suggested(), customer_asked())
    assert decider.stands_at() == "account_not_mapped"
    assert len(decider.commanded("create_customer")) == 1


@pytest.mark.parametrize(
    "later", [suggested(customer="99", verdict="link", number=2), connected(), observed()]
)
def test_a_person_s_mapping_holds_against_anything_later(later: Any) -> None:
    decider = given(*UNMAPPED, suggested(), mapped(customer="7")).when(later)
    (body,) = decider.bodies()
    assert body["CustomerRef"]["value"] == "7"


SURE = suggested(verdict="link")  # with a score of 87.5


def linked(decider: Decider) -> list[tuple[str, str]]:
    return [(each.account_id, each.customer_id) for each in decider.facts(MAPPING_LINKED)]


def test_an_account_is_linked_by_itself_from_the_score_of_the_setting_and_its_deal_is_invoiced() -> None:
    assert linked(given(*UNMAPPED, SURE)) == []
    assert linked(given(*UNMAPPED, chosen(auto_link="88"), SURE)) == []
    decider = given(*UNMAPPED, chosen(auto_link="87.5"), SURE)
    (fact_of,) = decider.facts(MAPPING_LINKED)
    assert (fact_of.by, str(fact_of.auto_link), fact_of.evidence.reasons) == (
        "automatic",
        "87.5",
        ("similar_name",),
    )
    assert [each.customer_id for each in decider.facts(catalog.CUSTOMER_LINKED)] == ["58"]
    (body,) = decider.bodies()
    assert body["CustomerRef"]["value"] == "58"


def test_switching_it_on_later_links_what_waits_and_nothing_that_needs_a_person() -> None:
    decider = given(*UNMAPPED, SURE, suggested("A-2", "59"), suggested("A-3", "60", verdict="link"))
    decider.when(rejected_pair("A-3", "60"), suggested("A-4", "61", verdict="link"), ignored("A-4"))
    decider.when(chosen(auto_link="80"))
    assert linked(decider) == [("A-1", "58")]
    assert len(decider.commanded()) == 1


def test_what_people_decide_comes_first_before_and_after_a_link() -> None:
    assert linked(given(*UNMAPPED, chosen(auto_link="80"), mapped(customer="7"), SURE)) == []
    assert linked(given(*UNMAPPED, chosen(auto_link="80"), customer_asked(), SURE)) == []
    decider = given(*UNMAPPED[:3], chosen(auto_link="80"), stories.account(), SURE, mapped(customer="7"))
    (body,) = decider.when(mapped_product(), *stories.signed_deal()).bodies()
    assert body["CustomerRef"]["value"] == "7"


@pytest.mark.parametrize(
    "decision", [customer_asked(), ignored()], ids=["a customer is requested", "ignored"]
)
def test_a_decision_that_was_made_before_the_link_was_known_stays(decision: Any) -> None:
    """A person decides after the suggestion, and before the process manager has followed it."""
    decider = given(*UNMAPPED[:3], chosen(auto_link="80"), stories.account(), SURE, decision)
    decider.when(mapped_product(), *stories.signed_deal())
    assert decider.stands_at() == "account_not_mapped"
    assert decider.commanded() == []


def test_an_account_whose_requested_customer_was_refused_is_not_linked_by_itself() -> None:
    decider = given(*UNMAPPED, chosen(auto_link="80"), customer_asked())
    [command] = decider.commanded("create_customer")
    decider.when(rejected(command), SURE)
    assert linked(decider) == []
    assert decider.stands_at() == "mapping_in_review"


def test_an_account_is_not_linked_to_a_customer_that_is_being_created_for_another_one() -> None:
    """QuickBooks may show the customer before its creation is known."""
    decider = given(
        *UNMAPPED, stories.account("A-2", name="ACME inc"), chosen(auto_link="80"), customer_asked("A-2")
    )
    [command] = decider.commanded("create_customer")
    assert linked(decider.when(SURE)) == []
    decider.when(rejected(command), suggested(verdict="link", number=2))
    assert linked(decider) == [("A-1", "58")]


def test_a_link_of_the_worker_s_own_makes_no_observation_count() -> None:
    """It may be recorded after an observation that was not decided yet: the log would fold to another state."""
    decider = given(
        *UNMAPPED[:3], chosen(auto_link="80"), stories.account(), SURE, customer_seen("58", reading=0)
    )
    assert linked(decider) == [("A-1", "58")]
    assert decider.view.get(Customer, f"{REALM}/58").observed is None


def test_a_rejected_link_is_undone() -> None:
    decider = given(*UNMAPPED[:3], chosen(auto_link="80"), stories.account(), SURE, rejected_pair())
    decider.when(mapped_product(), *stories.signed_deal())
    assert decider.stands_at() == "account_not_mapped"
    assert decider.commanded() == []
    decider.when(suggested(customer="59", verdict="link", number=2))
    assert linked(decider) == [("A-1", "58"), ("A-1", "59")]
    assert len(decider.commanded()) == 1


@pytest.mark.parametrize("first", ["by itself", "by a person"])
def test_a_customer_of_another_account_is_not_linked_by_itself(first: str) -> None:
    decider = given(*UNMAPPED, stories.account("A-2"), chosen(auto_link="80"))
    decider.when(suggested("A-2", verdict="link") if first == "by itself" else mapped("A-2", "58"))
    assert decider.when(SURE).stands_at() == "mapping_in_review"
    assert ("A-1", "58") not in linked(decider)
