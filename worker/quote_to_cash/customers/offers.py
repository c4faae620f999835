"""Customers in QuickBooks that belong to no account, and that no account is like: they are offered to the CRM, each once.

An offer ends when the customer belongs to an account, is inactive or gone, or customers are no longer offered. Until then, an
account that is like the customer waits for a review: it may be the account that the CRM created for it.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from events.contract import catalog
from events.contract.crm import AccountUpdated, Address
from events.contract.quickbooks import CustomerCreated, CustomerObserved
from events.contract.unmatched import (
    ACCOUNT_CREATED_FROM_CUSTOMER,
    CUSTOMER_UNMATCHED,
    OFFERING_CHANGED,
    AccountCreatedFromCustomer,
    CustomerUnmatched,
    OfferingChanged,
)
from worker.quote_to_cash.command import Consequence
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.holders import holders
from worker.quote_to_cash.family import Family, Folds
from worker.quote_to_cash.readings.folds import keep_observed, put
from worker.quote_to_cash.readings.state import Customer
from worker.quote_to_cash.view import WORKSPACE, View
from worker.workspaces.kinds import CREATE_IN_CRM

NO_ACCOUNT = ""  # the customers of every account count


def is_offered(view: View, realm: str, customer_id: str) -> bool:
    """Return whether a customer of the connected company is offered to the CRM at present."""
    customer, workspace = view.get(Customer, f"{realm}/{customer_id}"), view.get(WorkspaceState)
    if not customer.is_offered or workspace.settings.unmapped_customer_rule != CREATE_IN_CRM:
        return False
    seen = customer.observed
    is_usable = seen is not None and seen.exists and seen.active
    return realm == workspace.realm and is_usable and not _is_taken(view, realm, customer_id)


def may_be_offered(view: View, realm: str, customer_id: str) -> bool:
    """Return whether a customer was never offered, was not created for an account, and belongs to none."""
    customer = view.get(Customer, f"{realm}/{customer_id}")
    is_known = customer.is_offered or customer.is_ours or customer.is_brought
    return not is_known and not _is_taken(view, realm, customer_id)


def fields_of(customer: CustomerObserved) -> dict[str, str | Address]:
    """Return the values of a customer that its account shall have."""
    values = {
        "name": customer.display_name,
        "email": customer.email,
        "phone": customer.phone,
        "billing_address": customer.billing_address,
        "shipping_address": customer.shipping_address,
    }
    return {name: value for name, value in values.items() if value}


def _offer(view: View, unmatched: CustomerUnmatched) -> Iterator[Consequence]:
    """Offer a customer to the CRM, unless it was offered before, was created for an account, or belongs to one."""
    realm, customer_id, seen = unmatched.realm, unmatched.customer_id, unmatched.customer
    workspace = view.get(WorkspaceState)
    if workspace.settings.unmapped_customer_rule != CREATE_IN_CRM or realm != workspace.realm:
        return
    if not may_be_offered(view, realm, customer_id):
        return
    if not seen.exists or not seen.active or seen.parent_id is not None:
        return
    home = workspace.company.home_currency if workspace.company is not None else None
    yield AccountCreatedFromCustomer(realm, customer_id, fields_of(seen), seen.currency or home)


def consider_offering(view: View, _subject: str) -> Iterator[Consequence]:
    """Record from when on customers of the connected company are offered, and that they are no longer."""
    workspace, last = view.get(WorkspaceState), view.get(WorkspaceState).offering
    is_on = workspace.settings.unmapped_customer_rule == CREATE_IN_CRM
    realm = workspace.realm if is_on else None
    offered_of = last.realm if last is not None and last.offered else None
    number = last.number + 1 if last is not None else 1
    if realm is not None and realm != offered_of:
        yield OfferingChanged(realm, True, number)
    elif realm is None and offered_of is not None:
        yield OfferingChanged(offered_of, False, number)


def _is_taken(view: View, realm: str, customer_id: str) -> bool:
    return any(holders(view, NO_ACCOUNT, customer_id, realm, None))


def _unmatched(view: View, unmatched: CustomerUnmatched, _at: datetime) -> None:
    keep_observed(view, unmatched.customer)


def _offered(view: View, offer: AccountCreatedFromCustomer, _at: datetime) -> None:
    _mark(view, offer.realm, offer.customer_id, is_offered=True)


def _created(view: View, created: CustomerCreated, _at: datetime) -> None:
    _mark(view, created.realm, created.customer_id, is_ours=True)


def _brought(view: View, snapshot: AccountUpdated, _at: datetime) -> None:
    if snapshot.customer is not None:
        _mark(view, snapshot.customer.realm, snapshot.customer.customer_id, is_brought=True)


def _mark(view: View, realm: str, customer_id: str, **marks: bool) -> None:
    customer = view.get(Customer, f"{realm}/{customer_id}")
    marked = replace(customer, **marks)
    if marked != customer:
        put(view, catalog.customer_stream(realm, customer_id), marked)


def _offering_changed(view: View, changed: OfferingChanged, _at: datetime) -> None:
    view.put(replace(view.get(WorkspaceState), offering=changed))


_FOLDS: Folds = {
    CUSTOMER_UNMATCHED: _unmatched,
    ACCOUNT_CREATED_FROM_CUSTOMER: _offered,
    catalog.CUSTOMER_CREATED: _created,
    catalog.ACCOUNT_UPDATED: _brought,
}
FAMILY = Family("customer", _FOLDS, follows={CUSTOMER_UNMATCHED: _offer})
OFFERING = Family(WORKSPACE, {OFFERING_CHANGED: _offering_changed}, consider_offering)
