"""An account that no customer is like: it waits for a person, or its customer is created on invoice, or at once."""

from typing import Any

import pytest
from msgspec.structs import replace

from events.contract import catalog
from events.contract.envelope import Event
from events.contract.quickbooks import CommandRejected, Holder
from events.contract.unmatched import COMPARISON_REQUESTED
from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    REALM,
    Decider,
    chosen,
    connected,
    customer_asked,
    customer_created,
    disconnected,
    fact,
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
    uncertain,
    unignored,
    unmatched,
)

NO_MATCH = suggested(verdict="none")
ACCOUNT = stories.account()
DEAL = stories.signed_deal()


def without_customer(rule: str, sync: str = "to_quickbooks", **settings: str) -> list[Any]:
    """Everything that a signed deal needs to be invoiced, except a customer for its account."""
    more = {"unmapped_account": rule, "customer_sync": sync} | settings
    return [*ready(**more)[:3], mapped_product()]


def requests(decider: Decider) -> list[tuple[str, int]]:
    return [(each.account_id, each.number) for each in decider.facts(COMPARISON_REQUESTED)]


def creations(decider: Decider) -> list[str]:
    return [command.key.subject for command in decider.commanded("create_customer")]


def case(decider: Decider) -> tuple[str, str | None]:
    gate = decider.gates()[0]
    return gate.code, gate.case


@pytest.mark.parametrize(
    ("rule", "sync"), [("hold", "both"), ("create_at_once", "off"), ("create_on_invoice", "to_crm")]
)
def test_nothing_is_created_unless_both_settings_say_so(rule: str, sync: str) -> None:
    decider = given(*without_customer(rule, sync), ACCOUNT, NO_MATCH, *DEAL, unmatched())
    assert (case(decider), requests(decider), creations(decider)) == (("account_not_mapped", None), [], [])


def test_at_once_the_account_is_compared_once_more_and_then_its_customer_is_created() -> None:
    decider = given(*without_customer("create_at_once", "both"), ACCOUNT)
    assert requests(decider) == [], "the account was not compared yet"
    decider.when(NO_MATCH)
    assert (requests(decider), creations(decider)) == ([("A-1", 1)], [])
    decider.when(stories.account(revision=2), unmatched())
    assert (requests(decider), creations(decider)) == ([("A-1", 1)], ["account/A-1"])
    (body,) = decider.bodies("create_customer")
    assert body["DisplayName"] == "Acme A-1"
    decider.when(customer_created(decider.commanded("create_customer")[0]), *DEAL)
    assert [each["CustomerRef"]["value"] for each in decider.bodies()] == ["58"]
    assert [each.customer_id for each in decider.facts(catalog.CUSTOMER_LINKED)] == ["58"]


def test_on_invoice_it_is_created_once_a_deal_waits_for_nothing_else() -> None:
    decider = given(*without_customer("create_on_invoice"), ACCOUNT, NO_MATCH, stories.deal())
    assert (requests(decider), creations(decider)) == ([], [])
    decider.when(chosen(paused="true"), *DEAL[1:])
    assert requests(decider) == [], "the deal waits for a person"
    assert decider.when(chosen(paused="false")).stands_at() == "customer_being_created"
    assert (requests(decider), creations(decider)) == ([("A-1", 1)], [])
    decider.when(*stories.signed_deal("D-2"), unmatched())
    assert (requests(decider), creations(decider)) == ([("A-1", 1)], ["account/A-1"])
    assert case(decider) == ("customer_being_created", None)
    decider.when(customer_created(decider.commanded("create_customer")[0]))
    assert len(decider.commanded()) == 2
    held = [each.gates[0].gate for each in decider.facts(catalog.DEAL_INVOICE_HELD)]
    assert held == ["paused"], "the CRM gets no message about what needs nobody"


def test_while_an_account_is_still_to_be_compared_nobody_is_asked() -> None:
    decider = given(*without_customer("create_on_invoice"), ACCOUNT, *DEAL)
    assert case(decider) == ("customer_being_created", "to_compare")
    assert (requests(decider), decider.facts(catalog.DEAL_INVOICE_HELD)) == ([], [])
    decider.when(suggested())
    assert decider.stands_at() == "mapping_in_review"
    decider.when(rejected_pair())
    assert case(decider) == ("customer_being_created", "to_compare")
    assert requests(decider.when(suggested(verdict="none", number=2))) == [("A-1", 1)]


def test_the_customer_and_the_item_of_a_deal_are_created_one_after_the_other() -> None:
    settings = without_customer("create_on_invoice", unmapped_product="create", income_account="Services")
    decider = given(*settings[:-1], ACCOUNT, NO_MATCH, *DEAL)
    assert (requests(decider), decider.commanded("create_item")) == ([("A-1", 1)], [])
    decider.when(unmatched(), customer_created(decider.when(unmatched()).commanded("create_customer")[0]))
    assert len(decider.commanded("create_item")) == 1


@pytest.mark.parametrize("rule", ["create_at_once", "create_on_invoice"])
@pytest.mark.parametrize(
    "meanwhile",
    [
        [suggested(number=2)],
        [mapped(customer="7")],
        [ignored()],
        [disconnected()],
        [chosen(unmapped_account="hold")],
        [chosen(customer_sync="to_crm")],
        [stories.account(revision=2, customer={"realm": REALM, "customer_id": "7"})],
        [
            mapped("A-2", "7"),
            stories.account(revision=2, customer={"realm": REALM, "customer_id": "7"}),
        ],
        [first_sync()],
    ],
    ids=["suggested", "mapped", "ignored", "left", "held", "no sync", "brought", "refused", "being read"],
)
def test_nothing_is_created_if_something_happens_before_the_answer(
    rule: str, meanwhile: list[Event | dict[str, Any]]
) -> None:
    decider = given(*without_customer(rule), ACCOUNT, NO_MATCH, *DEAL)
    assert requests(decider) == [("A-1", 1)]
    decider.when(*meanwhile, unmatched())
    assert creations(decider) == []


def test_an_old_answer_creates_nothing_and_the_account_is_compared_again() -> None:
    decider = given(*without_customer("create_at_once"), ACCOUNT, NO_MATCH, disconnected(), unmatched())
    assert (creations(decider), requests(decider)) == ([], [("A-1", 1)])
    decider.when(connected())
    assert (creations(decider), requests(decider)) == ([], [("A-1", 1), ("A-1", 2)])
    assert creations(decider.when(unmatched())) == [], "an answer to an earlier request"
    assert creations(decider.when(unmatched(number=2))) == ["account/A-1"]


def test_switching_it_on_compares_what_waits_and_nothing_that_needs_a_person() -> None:
    decider = given(*without_customer("hold"), first_sync(), ACCOUNT, NO_MATCH)
    decider.when(stories.account("A-2"), suggested("A-2", verdict="review"))
    decider.when(stories.account("A-3"), suggested("A-3", verdict="none"), ignored("A-3"))
    decider.when(stories.account("A-4"), chosen(unmapped_account="create_at_once"))
    assert requests(decider) == []
    assert requests(decider.when(first_synced())) == [("A-1", 1)]
    assert requests(decider.when(unignored("A-3"))) == [("A-1", 1), ("A-3", 1)]


@pytest.mark.parametrize("outcome", [rejected, uncertain], ids=["refused", "uncertain"])
def test_a_person_decides_if_it_was_not_created(outcome: Any) -> None:
    decider = given(*without_customer("create_at_once"), ACCOUNT, NO_MATCH, *DEAL, unmatched())
    (command,) = decider.commanded("create_customer")
    decider.when(outcome(command), suggested(verdict="none", number=2), unmatched(number=2))
    assert (decider.stands_at(), len(creations(decider))) == ("account_not_mapped", 1)
    decider.when(chosen(unmapped_account="hold"), chosen(unmapped_account="create_at_once"))
    assert (requests(decider), len(creations(decider))) == ([("A-1", 1)], 1)


@pytest.mark.parametrize(("entity", "held"), [("Customer", "customer"), ("Vendor", "another_list")])
def test_a_taken_name_is_told_with_its_holder(entity: str, held: str) -> None:
    decider = given(*without_customer("create_at_once"), ACCOUNT, NO_MATCH, *DEAL, unmatched())
    refusal: CommandRejected = rejected(decider.commanded("create_customer")[0]).payload
    holder = Holder(entity, "9", "Acme A-1", active=False)
    decider.when(fact(catalog.COMMAND_REJECTED, replace(refusal, holder=holder)))
    assert case(decider) == ("account_not_mapped", f"name_of_{held}")


def test_another_company_gets_a_customer_of_its_own() -> None:
    decider = given(*without_customer("create_at_once"), ACCOUNT, NO_MATCH, unmatched())
    decider.when(customer_created(decider.commanded("create_customer")[0]))
    other = replace(observed().payload, realm=OTHER_REALM)
    decider.when(connected(OTHER_REALM), fact(catalog.COMPANY_OBSERVED, other))
    assert requests(decider) == [("A-1", 1)]
    decider.when(suggested(verdict="none", realm=OTHER_REALM, number=2))
    decider.when(unmatched(number=2, realm=OTHER_REALM))
    assert [(each.realm, each.key.subject) for each in decider.commanded("create_customer")] == [
        (REALM, "account/A-1"),
        (OTHER_REALM, "account/A-1"),
    ]


@pytest.mark.parametrize("by", ["the setting", "a person"])
def test_a_decision_of_a_person_while_the_customer_is_created_stays(by: str) -> None:
    start: list[Any] = (
        [ACCOUNT, NO_MATCH, unmatched()] if by == "the setting" else [ACCOUNT, customer_asked()]
    )
    decider = given(*without_customer("create_at_once"), *start)
    created = customer_created(decider.commanded("create_customer")[0])
    decider.when(mapped(customer="7"), created, *DEAL)
    assert [each["CustomerRef"]["value"] for each in decider.bodies()] == ["7"]
    assert [each.customer_id for each in decider.facts(catalog.CUSTOMER_LINKED)] == ["7"]
    decider = given(*without_customer("create_at_once"), *start, ignored(), created, *DEAL)
    assert case(decider) == ("account_not_mapped", "ignored")
    foreign = given(*without_customer("create_at_once"), *start, mapped(customer="7", currency="EUR"))
    foreign.when(created, *DEAL)
    assert [each["CustomerRef"]["value"] for each in foreign.bodies()] == ["58"]
