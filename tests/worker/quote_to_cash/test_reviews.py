"""A deal stands at its account's suggested customer until a person decides; the decision holds for ever."""

from typing import Any

import pytest

from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    Decider,
    connected,
    customer_asked,
    first_sync,
    first_synced,
    given,
    ignored,
    mapped,
    mapped_product,
    observed,
    ready,
    rejected_pair,
    suggested,
    unignored,
)

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
