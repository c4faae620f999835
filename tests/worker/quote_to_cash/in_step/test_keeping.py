"""An account and its customer are kept in step: what is decided, sent and told after each event."""

from typing import Any

import pytest

from events.contract import catalog, in_step, json
from events.contract.administration import AccountMapped
from events.contract.crm import Address
from events.contract.envelope import Event
from events.contract.in_step import BothValues, ConflictResolved, FieldName, FieldRetried, Side
from events.contract.observed import TermObserved
from events.contract.quickbooks import (
    CommandRejected,
    CustomerCreated,
    CustomerObserved,
    CustomerUpdated,
    Holder,
    Named,
)
from events.contract.unmatched import CUSTOMER_UNMATCHED, CustomerUnmatched
from tests import stories
from tests.worker.quote_to_cash.given import (
    OTHER_REALM,
    REALM,
    Decider,
    chosen,
    connected,
    customer_asked,
    customer_seen,
    disconnected,
    expired,
    fact,
    mapped,
    observed,
)
from worker.commands.table import NewCommand
from worker.quote_to_cash.in_step.state import Pair

OLD, NEW, OTHER = "old@acme.example", "new@acme.example", "other@acme.example"
CUSTOMER: dict[str, Any] = {"display_name": "Acme", "taxable": True}


def account(revision: int = 1, account_id: str = "A-1", **fields: Any) -> dict[str, Any]:
    return stories.account(account_id, revision=revision, **{"name": "Acme", "email": OLD, **fields})


def seen(token: int = 0, customer: str = "7", **fields: Any) -> Event:
    return customer_seen(customer, **{**CUSTOMER, "email": OLD, "reading": 0, "sync_token": token, **fields})


def linked(sync: str = "both", *, customer: Event | None = None, crm: Any = None, **rules: str) -> Decider:
    """Return a decider with an account that is mapped to a customer, which was read."""
    decider = Decider()
    decider.reads = False
    decider.when(chosen(customer_sync=sync, **rules), connected(), observed(), crm or account(), mapped())
    return decider.when(customer or seen(reading=1))


def updates(decider: Decider) -> list[dict[str, Any]]:
    return decider.bodies("update_customer")


def told(decider: Decider) -> list[dict[str, Any]]:
    return [each.fields for each in decider.facts(in_step.ACCOUNT_CUSTOMER_CHANGED)]


def states(decider: Decider, customer: str = "7") -> dict[str, str]:
    fields = decider.view.get(Pair, f"{REALM}/{customer}").fields
    return {name: field.state for name, field in fields.items() if field.state != "agreed"}


def done(command: NewCommand, **fields: Any) -> Event:
    body = json.parse(command.body.encode())
    changed = {
        "email": body.get("PrimaryEmailAddr", {}).get("Address"),
        "display_name": body.get("DisplayName"),
    }
    changed = {name: value for name, value in changed.items() if value} | fields
    customer_id, token = body["Id"], int(body["SyncToken"]) + 1
    customer = CustomerObserved(
        REALM, customer_id, **{**CUSTOMER, "currency": "USD", "sync_token": token, **changed}
    )
    updated = CustomerUpdated(REALM, customer_id, command.key.generation, command.request_id, customer)
    return fact(catalog.CUSTOMER_UPDATED, updated)


def refused(command: NewCommand, gate: str = "rejected_by_quickbooks", holder: Holder | None = None) -> Event:
    key = command.key
    rejected = CommandRejected(
        key.subject, key.kind, key.part, key.generation, REALM, command.request_id, gate, "no", holder=holder
    )
    return fact(catalog.COMMAND_REJECTED, rejected)


def resolved(take: Side, crm: str, quickbooks: str, field: FieldName = "email") -> Event:
    values = BothValues(crm, quickbooks)
    return fact(in_step.CONFLICT_RESOLVED, ConflictResolved("A-1", REALM, "7", field, take, values, "ada"))


def retried(field: FieldName = "email") -> Event:
    return fact(in_step.FIELD_RETRIED, FieldRetried("A-1", REALM, "7", field, "ada"))


def last(decider: Decider) -> NewCommand:
    return decider.commanded("update_customer")[-1]


def test_while_it_is_off_nothing_is_written_and_nothing_recorded() -> None:
    decider = linked("off").when(account(2, email=NEW), seen(1, email=OTHER))
    assert (updates(decider), told(decider)) == ([], [])
    assert decider.facts(in_step.CUSTOMER_FIELDS_SETTLED) == []


def test_a_pair_that_agrees_is_settled_once_without_a_write() -> None:
    decider = linked().when(account(2), seen(1))
    assert (updates(decider), told(decider)) == ([], [])
    assert len(decider.facts(in_step.CUSTOMER_FIELDS_SETTLED)) == 1


def test_an_edit_in_the_crm_updates_the_customer_once() -> None:
    decider = linked().when(
        account(2, email=NEW), account(3, email=NEW), account(1, email="late@acme.example")
    )
    (body,) = updates(decider)
    assert body == {
        "Id": "7",
        "SyncToken": "0",
        "sparse": True,
        "PrimaryEmailAddr": {"Address": NEW},
    }
    decider.when(done(last(decider)), seen(1, email=NEW))
    assert (len(updates(decider)), told(decider), states(decider)) == (1, [], {})


def test_an_edit_in_quickbooks_is_told_to_the_crm_once() -> None:
    decider = linked().when(
        seen(1, display_name="Acme Group", email=NEW), seen(2, display_name="Acme Group", email=NEW)
    )
    assert told(decider) == [{"name": "Acme Group", "email": NEW}]
    assert states(decider) == {"name": "to_crm", "email": "to_crm"}
    decider.when(account(2, name="ACME Group", email=NEW))
    assert (states(decider), updates(decider), len(told(decider))) == ({}, [], 1)


@pytest.mark.parametrize(
    ("sync", "written", "said"), [("to_quickbooks", 1, 0), ("to_crm", 0, 1), ("both", 1, 1)]
)
def test_each_way_is_taken_only_if_it_is_switched_on(sync: str, written: int, said: int) -> None:
    decider = linked(sync).when(seen(1, display_name="Acme Group"), account(2, phone="555 0100"))
    assert (len(updates(decider)), len(told(decider))) == (written, said)


def test_a_way_that_is_switched_on_later_is_taken_then() -> None:
    decider = linked("to_quickbooks").when(seen(1, email=NEW))
    assert (told(decider), states(decider)) == ([], {"email": "off"})
    assert told(decider.when(chosen(customer_sync="both"))) == [{"email": NEW}]


def test_edits_on_both_sides_are_a_conflict_of_that_field_alone_until_a_person_decides() -> None:
    decider = linked().when(account(2, email=NEW, phone="555 0100"), seen(1, email=OTHER))
    decider.when(refused(last(decider), "customer_changed"), seen(1, email=OTHER, reading=2))
    assert states(decider) == {"email": "conflict", "phone": "to_quickbooks"}
    assert updates(decider)[-1]["SyncToken"] == "1"
    assert "PrimaryEmailAddr" not in updates(decider)[-1]
    decider.when(done(last(decider), email=OTHER, phone="555 0100"))
    assert states(decider) == {"email": "conflict"}
    before = len(updates(decider))
    decider.when(resolved("crm", NEW, "somebody@else.example"))
    assert states(decider) == {"email": "conflict"}
    decider.when(resolved("crm", NEW, OTHER))
    assert [body["PrimaryEmailAddr"] for body in updates(decider)[before:]] == [{"Address": NEW}]
    assert told(decider.when(done(last(decider), phone="555 0100"))) == []
    assert states(decider) == {}


def test_a_conflict_that_quickbooks_wins_is_told_to_the_crm_as_put_back() -> None:
    decider = linked("to_crm").when(seen(1, email=OTHER), account(2, email=NEW))
    assert states(decider) == {"email": "conflict"}
    decider.when(resolved("quickbooks", NEW, OTHER))
    assert [each.put_back for each in decider.facts(in_step.ACCOUNT_CUSTOMER_CHANGED)] == [(), ("email",)]
    assert states(decider.when(account(3, email=OTHER))) == {}


@pytest.mark.parametrize("rule", ["crm", "quickbooks"])
def test_a_rule_puts_an_edit_of_the_other_side_back(rule: str) -> None:
    decider = linked(sync_email=rule)
    decider.when(seen(1, email=NEW) if rule == "crm" else account(2, email=NEW))
    if rule == "crm":
        assert updates(decider)[-1]["PrimaryEmailAddr"] == {"Address": OLD}
    else:
        (changed,) = decider.facts(in_step.ACCOUNT_CUSTOMER_CHANGED)
        assert (changed.fields, changed.put_back) == ({"email": OLD}, ("email",))


def test_a_changed_rule_settles_the_conflicts() -> None:
    decider = linked("to_quickbooks").when(seen(1, email=OTHER), account(2, email=NEW))
    assert states(decider) == {"email": "conflict"}
    decider.when(chosen(sync_email="crm"))
    assert updates(decider)[-1]["PrimaryEmailAddr"] == {"Address": NEW}


def test_an_update_of_an_older_version_is_decided_anew_by_what_was_read() -> None:
    decider = linked().when(account(2, email=NEW))
    decider.when(refused(last(decider), "customer_changed"))
    assert len(decider.commanded("read_customer")) == 2
    assert len(updates(decider)) == 1
    decider.when(seen(3, display_name="Acme Group", reading=2))
    assert [body["SyncToken"] for body in updates(decider)] == ["0", "3"]
    assert told(decider) == [{"name": "Acme Group"}]
    assert [command.key.generation for command in decider.commanded("update_customer")] == [1, 2]


def test_a_version_that_may_be_the_update_s_own_effect_waits_for_its_outcome() -> None:
    decider = linked().when(account(2, email=NEW), seen(1, email="NEW@acme.example"), account(3, email=OTHER))
    assert (told(decider), len(updates(decider))) == ([], 1)
    decider.when(done(last(decider), email="NEW@acme.example"))
    assert updates(decider)[-1]["PrimaryEmailAddr"] == {"Address": OTHER}


def test_a_later_target_replaces_an_update_and_a_value_that_returned_withdraws_it() -> None:
    decider = linked().when(account(2, email=NEW), account(3, email=OTHER))
    assert [body["PrimaryEmailAddr"]["Address"] for body in updates(decider)] == [NEW, OTHER]
    decider.when(account(4, email=OLD))
    (withdrawn,) = decider.facts(in_step.CUSTOMER_UPDATE_WITHDRAWN)
    assert (withdrawn.generation, len(updates(decider))) == (2, 2)
    decider.when(done(last(decider)))  # it had been sent
    assert updates(decider)[-1]["PrimaryEmailAddr"] == {"Address": OLD}


@pytest.mark.parametrize(
    "change", [chosen(customer_sync="off"), chosen(customer_sync="to_crm"), mapped("A-1", "8")]
)
def test_an_open_update_is_withdrawn_once_it_is_not_wanted(change: Event) -> None:
    decider = linked().when(account(2, email=NEW), seen(0, reading=1))
    decider.when(change, account(3, email=NEW))
    withdrawn = decider.facts(in_step.CUSTOMER_UPDATE_WITHDRAWN)
    assert [each.generation for each in withdrawn] == ([1] if change.type == catalog.SETTINGS_CHANGED else [])


def test_a_refused_field_waits_and_the_others_arrive() -> None:
    holder = Holder("Vendor", "12", "Acme Group")
    decider = linked().when(account(2, name="Acme Group", email=NEW))
    decider.when(refused(last(decider), "rejected_by_quickbooks", holder), seen(0, reading=2))
    assert states(decider) == {"name": "refused", "email": "to_quickbooks"}
    assert set(updates(decider)[-1]) == {"Id", "SyncToken", "sparse", "PrimaryEmailAddr"}
    decider.when(done(last(decider)), account(3, name="Acme Group", email=NEW, phone=None))
    assert (states(decider), len(updates(decider))) == ({"name": "refused"}, 2)
    decider.when(retried("name"))
    assert updates(decider)[-1]["DisplayName"] == "Acme Group"
    decider.when(refused(last(decider), "rejected_by_quickbooks", holder), seen(1, email=NEW, reading=3))
    assert (states(decider), len(updates(decider))) == ({"name": "refused"}, 3)
    decider.when(account(4, name="Acme Group Ltd", email=NEW))
    assert updates(decider)[-1]["DisplayName"] == "Acme Group Ltd"


def test_of_several_fields_each_is_sent_alone_to_find_the_one_at_fault() -> None:
    decider = linked().when(account(2, email=NEW, phone="555 0100", shipping_address={"city": "Paris"}))
    decider.when(refused(last(decider)), seen(0, reading=2))
    sent = []
    for reading in (3, 4, 5):
        body = updates(decider)[-1]
        sent.append(sorted(set(body) - {"Id", "SyncToken", "sparse"}))
        if "PrimaryPhone" in body:
            decider.when(refused(last(decider)), seen(int(body["SyncToken"]), email=NEW, reading=reading))
        else:
            address = Address(city="Paris") if "ShipAddr" in body else None
            decider.when(done(last(decider), email=NEW, shipping_address=address))
    assert sent == [["PrimaryEmailAddr"], ["PrimaryPhone"], ["ShipAddr"]]
    assert (states(decider), len(updates(decider))) == ({"phone": "refused"}, 4)


@pytest.mark.parametrize("fields", [{"active": False, "display_name": "Acme (deleted)"}, {"exists": False}])
def test_an_inactive_or_missing_customer_is_left_alone_until_it_is_active(fields: dict[str, Any]) -> None:
    decider = linked().when(seen(1, **fields), account(2, email=NEW))
    assert (updates(decider), told(decider)) == ([], [])
    decider.when(seen(2, display_name="Acme (deleted)"))
    assert told(decider) == []
    assert updates(decider)[-1]["SyncToken"] == "2"
    assert set(updates(decider)[-1]) == {"Id", "SyncToken", "sparse", "PrimaryEmailAddr"}


def test_an_account_that_is_linked_for_invoices_only_is_left_alone() -> None:
    also = AccountMapped("A-2", "7", "ada", also=True)
    decider = linked().when(account(1, "A-2", name="Other", email=OTHER), fact(catalog.ACCOUNT_MAPPED, also))
    decider.when(account(2, "A-2", name="Other", email=NEW), seen(1, email="third@acme.example", reading=2))
    assert updates(decider) == []
    assert {each.account_id for each in decider.facts(in_step.ACCOUNT_CUSTOMER_CHANGED)} == {"A-1"}


def test_a_customer_of_two_accounts_is_left_alone() -> None:
    decider = linked().when(account(1, "A-2", email=OTHER), mapped("A-2", "7"), seen(1, email=NEW, reading=2))
    assert (updates(decider), told(decider)) == ([], [])


def test_nothing_is_written_after_a_creation_and_later_edits_are_measured_against_it() -> None:
    decider = Decider()
    decider.reads = False
    created_with = account(phone="+1 555 0100", billing_address={"line1": "1 Main St", "city": "Paris"})
    decider.when(chosen(customer_sync="both"), connected(), observed(), created_with, customer_asked())
    (command,) = decider.commanded("create_customer")
    answer = CustomerObserved(
        REALM,
        "58",
        display_name="Acme",
        currency="USD",
        taxable=True,
        email=OLD,
        phone="(555) 010-0000",
        billing_address=Address("1 Main St", city="Paris"),
    )
    created = CustomerCreated("A-1", REALM, command.request_id, "58", "Acme", "USD", customer=answer)
    decider.when(fact(catalog.CUSTOMER_CREATED, created))
    assert (updates(decider), told(decider)) == ([], [])
    decider.when(stories.account(**{**created_with["data"], "revision": 2, "email": None}))
    assert updates(decider)[-1]["PrimaryEmailAddr"] == {"Address": ""}
    assert set(updates(decider)[-1]) == {"Id", "SyncToken", "sparse", "PrimaryEmailAddr"}


def test_edits_while_a_customer_is_being_created_arrive_and_are_no_conflict() -> None:
    decider = Decider()
    decider.reads = False
    decider.when(chosen(customer_sync="both"), connected(), observed(), account(phone=None), customer_asked())
    (command,) = decider.commanded("create_customer")
    answer = CustomerObserved(REALM, "58", display_name="Acme", currency="USD", taxable=True, email=OLD)
    created = CustomerCreated("A-1", REALM, command.request_id, "58", "Acme", "USD", customer=answer)
    decider.when(account(2, email=NEW), fact(catalog.CUSTOMER_CREATED, created))
    (body,) = updates(decider)
    assert set(body) == {"Id", "SyncToken", "sparse", "PrimaryEmailAddr"}
    assert (body["PrimaryEmailAddr"], told(decider)) == ({"Address": NEW}, [])


@pytest.mark.parametrize(("email", "differs"), [(OLD, False), (OTHER, True)])
def test_a_found_customer_is_in_step_only_where_it_has_what_was_sent(email: str, differs: bool) -> None:
    """An earlier request created it, or an accountant has edited it since."""
    decider = Decider()
    decider.reads = False
    decider.when(chosen(customer_sync="both"), connected(), observed(), account(), customer_asked())
    [command] = decider.commanded("create_customer")
    found = seen(1, "58", email=email, phone="555 0100").payload
    created = CustomerCreated("A-1", REALM, command.request_id, "58", "Acme", "USD", True, found)
    decider.when(fact(catalog.CUSTOMER_CREATED, created))
    assert told(decider) == [{"phone": "555 0100"}], "the account has none"
    assert states(decider, "58") == {"phone": "to_crm", **({"email": "conflict"} if differs else {})}


def test_an_account_that_the_crm_created_from_an_offer_is_measured_against_the_offer() -> None:
    decider = Decider()
    decider.reads = False
    offer = CustomerUnmatched(REALM, "7", seen(1, email=OLD).payload)
    decider.when(chosen(customer_sync="both", unmapped_customer="create_in_crm"), connected(), observed())
    decider.when(fact(CUSTOMER_UNMATCHED, offer), seen(2, email=NEW))
    brought = account(customer={"realm": REALM, "customer_id": "7"}, phone="555 0100")
    decider.when(brought, seen(2, email=NEW, reading=1))
    assert (told(decider), states(decider)) == (
        [{"email": NEW}],
        {"email": "to_crm", "phone": "to_quickbooks"},
    )
    assert "PrimaryEmailAddr" not in updates(decider)[-1]


@pytest.mark.parametrize("pause", [disconnected(), expired(), connected(OTHER_REALM), chosen(paused="true")])
def test_nothing_is_decided_while_it_is_not_connected_or_paused_and_it_continues_afterwards(
    pause: Event,
) -> None:
    decider = linked().when(pause, account(2, email=NEW), seen(1, display_name="Acme Group"))
    assert (updates(decider), told(decider)) == ([], [])
    decider.when(chosen(paused="false"), connected(), observed())
    assert told(decider) == [{"name": "Acme Group"}]
    assert updates(decider)[-1]["PrimaryEmailAddr"] == {"Address": NEW}


def test_a_customer_that_was_observed_by_an_earlier_release_is_read_before_it_is_compared() -> None:
    decider = linked(customer=seen(reading=1, taxable=None, email=None), crm=account(email=NEW))
    assert updates(decider) == []
    assert len(decider.commanded("read_customer")) == 2
    decider.when(seen(reading=2, email=None, taxable=None))
    assert updates(decider)[-1]["PrimaryEmailAddr"] == {"Address": NEW}


def test_an_account_that_has_not_arrived_and_a_customer_that_was_not_read_wait() -> None:
    decider = Decider()
    decider.reads = False
    decider.when(chosen(customer_sync="both"), connected(), observed(), mapped(), seen(reading=1, email=NEW))
    assert told(decider) == []
    assert told(decider.when(account(email=None))) == [{"email": NEW}]


def test_quickbooks_own_fields_are_told_once_and_by_name() -> None:
    decider = linked(customer=seen(reading=1, terms_id="3", taxable=False))
    assert told(decider) == [{"terms": "Net 30", "taxable": False}]
    decider.when(seen(1, terms_id="3", taxable=False), seen(2, terms_id="99", taxable=False))
    assert len(told(decider)) == 1
    decider.when(seen(3, terms_id=None, taxable=False))
    assert told(decider)[1:] == [{"terms": None}]
    decider.when(seen(4, terms_id="4", taxable=False), observed(terms=(Named("4", "Net 45"),)))
    assert told(decider)[2:] == [{"terms": "Net 60"}, {"terms": "Net 45"}]
    new = TermObserved(realm=REALM, term_id="9", name="Net 10")
    decider.when(fact(catalog.TERM_OBSERVED, new), seen(5, terms_id="9", taxable=False))
    assert told(decider)[4:] == [{"terms": "Net 10"}]


def test_a_currency_of_the_crm_that_differs_is_put_back_if_the_account_has_one_customer() -> None:
    decider = linked(crm=account(currency="EUR"))
    (changed,) = decider.facts(in_step.ACCOUNT_CUSTOMER_CHANGED)
    assert (changed.fields, changed.put_back) == ({"currency": "USD"}, ("currency",))
    assert len(told(decider.when(account(2, currency="EUR"), account(3, currency="USD")))) == 1
    two = linked().when(mapped("A-1", "8", currency="EUR"), seen(0, "8", currency="EUR", reading=1))
    assert told(two) == []


def test_a_currency_that_the_crm_sets_again_and_again_is_a_conflict_that_a_person_ends() -> None:
    decider = linked(crm=account(currency="USD"))
    for revision in range(2, 10):
        decider.when(account(revision, currency="EUR" if revision % 2 == 0 else "USD"))
    assert len(told(decider)) == 3
    decider.when(account(11, currency="EUR"))
    assert states(decider) == {"currency": "conflict"}
    decider.when(resolved("quickbooks", "EUR", "USD", "currency"))
    assert (len(told(decider)), states(decider)) == (4, {"currency": "to_crm"})


def test_a_second_customer_s_currency_in_its_name_is_no_difference() -> None:
    decider = linked().when(mapped("A-1", "7", currency="USD"), seen(0, reading=2))
    decider.when(mapped("A-1", "8", currency="EUR"))
    decider.when(seen(0, "8", currency="EUR", display_name="Acme (EUR)", reading=1))
    assert (updates(decider), told(decider)) == ([], [])
    decider.when(account(2, name="Acme Group"))
    assert [body["DisplayName"] for body in updates(decider)] == ["Acme Group", "Acme Group (EUR)"]
    settled = decider.facts(in_step.CUSTOMER_FIELDS_SETTLED)[-2:]
    assert [each.customer_id for each in settled] == ["7", "8"]
    assert len({event.id for event in decider.events}) == len(decider.events)


def test_the_company_s_name_is_renamed_with_the_customer_s_only_if_it_was_the_same() -> None:
    decider = linked(customer=seen(reading=1, company_name="ACME")).when(account(2, name="Acme Group"))
    assert updates(decider)[-1]["CompanyName"] == "Acme Group"
    other = linked(customer=seen(reading=1, company_name="Acme Holding")).when(account(2, name="Acme Group"))
    assert "CompanyName" not in updates(other)[-1]


def test_a_sub_customer_may_be_an_account_by_its_name_with_those_above_it() -> None:
    austin = seen(reading=1, display_name="Austin", full_name="Acme:Austin", parent_id="6")
    decider = linked(customer=austin, crm=account(name="Acme, Austin"))
    assert (updates(decider), told(decider), states(decider)) == ([], [], {})
    decider.when(account(2, name="Acme Dallas"))
    assert updates(decider)[-1]["DisplayName"] == "Acme Dallas"


def test_another_account_s_agreement_is_none_of_the_new_one_s() -> None:
    decider = linked().when(mapped("A-1", "9"), account(1, "A-2", email=NEW), mapped("A-2", "7"))
    decider.when(seen(1, reading=2))
    assert states(decider) == {"email": "conflict"}
