"""A person maps an account: the customer must be free, also before any company is connected, and while one is being created."""

from typing import Any

import pytest

from events.contract import catalog
from events.contract.administration import CustomerRequested
from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    REALM,
    Decider,
    connected,
    customer_asked,
    customer_created,
    customer_seen,
    fact,
    given,
    ignored,
    mapped,
    observed,
    rejected,
    uncertain,
)
from worker.actions.admin import ActionRefused
from worker.actions.reviewed import ACCOUNTS, ChosenTarget

ASKED: list[Any] = [
    connected(),
    observed(),
    stories.account("A-1"),
    stories.account("A-2"),
    customer_asked("A-1"),
]
# The customer that was created, as sync reads it before the outcome of its creation is known.
SEEN = customer_seen("58", display_name="ACME A-1")


def refusal(decider: Decider, account: str, customer: str, **more: Any) -> tuple[str, str] | None:
    """Return the reason and the sentence with which a person's mapping is refused; None if it is not."""
    try:
        ACCOUNTS.mapped(decider.view, ChosenTarget(account, customer, "ada", **more))
    except ActionRefused as error:
        return error.reason, error.detail
    return None


@pytest.mark.parametrize("is_uncertain", [False, True])
def test_a_customer_that_may_be_another_accounts_new_one_is_refused_until_that_is_known(
    *, is_uncertain: bool
) -> None:
    decider = given(*ASKED)
    (command,) = decider.commanded("create_customer")
    decider.when(
        *([uncertain(command)] if is_uncertain else []), SEEN, customer_seen("59", display_name="Bolt")
    )
    reason, sentence = refusal(decider, "A-2", "58") or ("", "")
    assert reason == "customer_being_created"
    assert "Acme A-1 (A-1): wait until that is known, or map this account to another customer" in sentence
    assert refusal(decider, "A-2", "58", also=True) is None
    assert refusal(decider, "A-2", "59") is None, "another name"
    assert refusal(decider, "A-2", "58", realm=OTHER_REALM) is None, "another company's customer 58"
    assert refusal(decider, "A-1", "58") is None, "it is the account's own"
    assert refusal(given(*ASKED, SEEN, rejected(command)), "A-2", "58") is None
    decider.when(customer_created(command))
    assert (refusal(decider, "A-2", "58") or ("",))[0] == "customer_taken"


def test_the_name_that_a_person_asked_for_is_the_one_that_counts() -> None:
    asked = fact(catalog.CUSTOMER_REQUESTED, CustomerRequested("A-1", "ada", name="Acme of ours"))
    decider = given(*ASKED[:-1], asked, SEEN, customer_seen("60", display_name="Acme of Ours"))
    assert refusal(decider, "A-2", "58") is None
    assert (refusal(decider, "A-2", "60") or ("",))[0] == "customer_being_created"


@pytest.mark.parametrize("since", [mapped("A-1", "7"), ignored("A-1")])
def test_an_account_that_will_not_get_the_new_customer_keeps_nobody_waiting(since: Any) -> None:
    decider = given(*ASKED)
    (command,) = decider.commanded("create_customer")
    decider.when(uncertain(command), SEEN, since)
    assert refusal(decider, "A-2", "58") is None


def test_of_two_mappings_before_any_company_is_connected_the_second_is_refused() -> None:
    decider = given(stories.account("A-1"), mapped("A-1", "7"), mapped("A-3", "8", "EUR"))
    for realm in (None, REALM):
        reason, sentence = refusal(decider, "A-2", "7", realm=realm) or ("", "")
        assert (reason, "the account Acme A-1 (A-1)'s" in sentence) == ("customer_taken", True)
    assert refusal(decider, "A-1", "7") is None
    assert refusal(decider, "A-2", "7", also=True) is None
    assert refusal(decider, "A-2", "9") is None
    assert refusal(decider, "A-2", "8", currency="USD") is None
    assert refusal(decider, "A-2", "8", currency="EUR") is not None
    decider.when(connected())
    assert (refusal(decider, "A-2", "7") or ("",))[0] == "customer_taken"
    decider.when(connected(OTHER_REALM))
    assert refusal(decider, "A-2", "7") is None, "the mapping is of the company that was connected first"
