"""The integration log says in sentences how accounts and customers are kept in step, with both values."""

from typing import Any

import pytest

from events.contract import in_step
from events.contract.crm import Address
from events.contract.in_step import (
    AccountCustomerChanged,
    BothValues,
    ConflictResolved,
    CustomerFieldsSettled,
    FieldSettlement,
    FieldState,
)
from projections.in_step_entries import sentence

PAIR = ("A-1", "1111", "58")
REMEDY = "Correct it in the CRM; or remove the cause in QuickBooks, then request it again: q2c conflicts retry A-1 email"


def settled(state: FieldState, **fields: Any) -> tuple[str, str, str | None] | None:
    field = FieldSettlement("email", state, BothValues("a@x.example", None), **fields)
    return sentence(in_step.CUSTOMER_FIELDS_SETTLED, CustomerFieldsSettled(*PAIR, fields=(field,)))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("to_quickbooks", "The e-mail address of the CRM goes to QuickBooks: "),
        ("to_crm", "The e-mail address of QuickBooks goes to the CRM: "),
        ("off", "The e-mail address differs, and customer_sync does not write it: "),
        ("conflict", "Both sides have the e-mail address: "),
    ],
)
def test_a_field_that_differs_is_said_with_both_values(state: FieldState, said: str) -> None:
    found = settled(state)
    assert found is not None
    assert found[1] == f"{said}'a@x.example' in the CRM, none in QuickBooks (customer 58)."
    assert (found[0] == "attention") == (state == "conflict") == (found[2] is not None)


def test_an_agreement_is_not_worth_a_sentence_and_a_refusal_has_a_remedy() -> None:
    assert settled("agreed") is None
    assert settled("refused", message="It is taken.") == (
        "attention",
        "QuickBooks does not take the e-mail address 'a@x.example' (customer 58): It is taken.",
        REMEDY,
    )


def test_people_s_decisions_and_messages_to_the_crm_are_said() -> None:
    values = BothValues(Address("1 Main St", city="Paris"), None)
    resolved = ConflictResolved(*PAIR, field="billing_address", take="crm", values=values, by="ada")
    assert sentence(in_step.CONFLICT_RESOLVED, resolved) == (
        "info",
        "ada decided for the billing address of the CRM: '1 Main St, Paris'.",
        None,
    )
    told = AccountCustomerChanged(*PAIR, {"name": "Acme", "taxable": False}, ("name",))
    assert sentence(in_step.ACCOUNT_CUSTOMER_CHANGED, told) == (
        "info",
        "The CRM was told the customer's name 'Acme', taxability no. That puts back what the CRM has: name.",
        None,
    )
