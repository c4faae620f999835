"""Keep a customer and its account in step: settle their fields, update the customer, and tell the CRM.

A pair is considered when its account or its customer changes, when they are linked, when an update has ended, when a person
has decided, and when the settings or the connection change.
"""

from collections.abc import Iterable, Iterator, Mapping

from events.contract import json
from events.contract.crm import Address
from events.contract.in_step import (
    AccountCustomerChanged,
    CustomerFieldsSettled,
    CustomerUpdateCommanded,
    CustomerUpdateWithdrawn,
    FieldName,
    FieldSettlement,
    UpdatedField,
)
from events.contract.quickbooks import CustomerObserved
from worker.quote_to_cash.command import Command, Consequence, Withdrawal, identified
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.body import update_body
from worker.quote_to_cash.customers.holders import owner_of
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.in_step.folds import FOLDS
from worker.quote_to_cash.in_step.meaning import same
from worker.quote_to_cash.in_step.pairs import (
    USUAL,
    Sides,
    fields_now,
    outcomes_of,
    settled_before,
    sides_of,
)
from worker.quote_to_cash.in_step.settle import Settled, settle
from worker.quote_to_cash.in_step.state import Pair
from worker.quote_to_cash.in_step.values import crm_value, quickbooks_value, suffix_of
from worker.quote_to_cash.readings.rules import read_again, read_unknown
from worker.quote_to_cash.readings.state import Customer, linked_accounts
from worker.quote_to_cash.view import View
from worker.workspaces.kinds import OFF, TO_CRM


def consider(view: View, key: str) -> Iterator[Consequence]:
    """Settle the fields of a customer and its account, if they can be kept in step now."""
    customer, workspace = view.get(Customer, key), view.get(WorkspaceState)
    is_off = workspace.settings.customer_sync == OFF
    if not linked_accounts(customer) or (is_off and view.get(Pair, key).open_update is None):
        return
    account_id = owner_of(view, key)
    yield from _unwanted(view, key, account_id)
    is_connected = workspace.is_connected and workspace.realm == key.partition("/")[0]
    if account_id is None or not is_connected or workspace.settings.paused or is_off:
        return
    if customer.observed is None:
        yield from read_unknown(view, [f"customer/{key}"])
    elif _is_usable(customer) and not customer.reading.is_open:
        yield from _settled(view, key, account_id, customer.observed)


def _is_usable(customer: Customer) -> bool:
    seen = customer.observed
    return seen is not None and seen.exists and seen.active and customer.merged is None


def _unwanted(view: View, key: str, account_id: str | None) -> Iterator[Consequence]:
    """Withdraw an open update if the customer is another account's, or QuickBooks may no longer be written to."""
    update = view.get(Pair, key).open_update
    if update is None:
        return
    if update.account_id != account_id or view.get(WorkspaceState).settings.customer_sync in {OFF, TO_CRM}:
        yield from _withdrawn(view, update)


def _withdrawn(view: View, update: CustomerUpdateCommanded) -> Iterator[Consequence]:
    yield CustomerUpdateWithdrawn(update.account_id, update.realm, update.customer_id, update.generation)
    subject = f"customer/{update.realm}/{update.customer_id}"
    following, _ = identified(
        view, "update_customer", update.realm, subject, generation=update.generation + 1
    )
    yield Withdrawal(following)


def _settled(view: View, key: str, account_id: str, seen: CustomerObserved) -> Iterator[Consequence]:
    """Settle every field, tell the CRM, and update the customer."""
    account, pair = view.get(Account, account_id), view.get(Pair, key)
    sides = sides_of(view, account, seen)
    if sides is None:
        return
    before = settled_before(account_id, account, seen, pair)
    if not before and pair.account_id != account_id and _is_of_an_earlier_release(seen):
        yield CustomerFieldsSettled(account_id, seen.realm, seen.customer_id)
        yield from read_again(view, f"customer/{key}")
        return
    update = pair.open_update
    if update is not None and update.sync_token != seen.sync_token:
        return  # its outcome tells whether this version is its own effect
    outcomes, handled = outcomes_of(pair)
    settled = {now.field: settle(before.get(now.field), now) for now in fields_now(sides, pair, outcomes)}
    changed = tuple(
        each.field
        for name, each in settled.items()
        if each.field != before.get(name) and (name in before or not _is_empty(each.field))
    )
    if changed or outcomes:
        yield CustomerFieldsSettled(account_id, seen.realm, seen.customer_id, changed, handled)
    yield from _told(view, key, sides, settled)
    yield from _updated(view, key, sides, {name: each.field for name, each in settled.items()})


def _is_of_an_earlier_release(seen: CustomerObserved) -> bool:
    """Return whether a customer may have been observed before its addresses were kept: it is read again then, once."""
    later = (seen.taxable, seen.terms_id, seen.billing_address, seen.shipping_address, seen.website)
    return all(value is None for value in later)


def _is_empty(field: FieldSettlement) -> bool:
    return field.values.crm is None and field.values.quickbooks is None


def _told(view: View, key: str, sides: Sides, settled: Mapping[FieldName, Settled]) -> Iterator[Consequence]:
    """Tell the CRM the values that it shall have, and QuickBooks' own ones that differ from those that it was told."""
    pair = view.get(Pair, key)
    told = {name: each for name, each in settled.items() if each.is_told}
    fields: dict[str, str | bool | Address | None] = {
        name: each.field.values.quickbooks for name, each in told.items()
    }
    known = USUAL | pair.told
    own = {name: value for name, value in sides.own_values().items() if value != known[name]}
    if sides.may_tell and (fields or own):
        put_back = tuple(name for name, each in told.items() if each.is_put_back)
        realm, customer_id = sides.customer.realm, sides.customer.customer_id
        yield AccountCustomerChanged(
            sides.account.account_id, realm, customer_id, {**fields, **own}, put_back
        )


def _updated(
    view: View, key: str, sides: Sides, fields: Mapping[FieldName, FieldSettlement]
) -> Iterator[Consequence]:
    """Command an update with the fields that are on their way to QuickBooks, unless it is commanded already."""
    update, seen = view.get(Pair, key).open_update, sides.customer
    wanted = _of_one_update(each for each in fields.values() if each.state == "to_quickbooks")
    fits = {name: sides.fit(name) for name in wanted}
    target = tuple(
        UpdatedField(name, crm_value(sides.account, name), fit.value) for name, fit in fits.items()
    )
    if update is not None and update.fields != target and not target:
        yield from _withdrawn(view, update)
    if not target or (update is not None and update.fields == target):
        return
    changed = {name: fit.value for name, fit in fits.items()}
    if "name" in changed:
        changed["name"] = f"{changed['name']}{suffix_of(seen)}"
    body = json.encode_numbers(
        update_body(seen.customer_id, seen.sync_token, changed, renames_company=_has_its_name(seen)).body
    )
    generation = view.get(Pair, key).next_generation
    command, request = identified(
        view, "update_customer", seen.realm, f"customer/{key}", generation=generation, body=body
    )
    yield CustomerUpdateCommanded(
        sides.account.account_id,
        seen.realm,
        seen.customer_id,
        generation,
        request,
        target,
        seen.sync_token,
        tuple(note for fit in fits.values() for note in fit.notes),
    )
    yield Command(command, seen.realm, request, body)


def _of_one_update(fields: Iterable[FieldSettlement]) -> list[FieldName]:
    """Return the fields of the next update: all, or one of those that have to be sent alone, after the others."""
    waiting = list(fields)
    together = [each.field for each in waiting if not each.alone]
    return together or [each.field for each in waiting[:1]]


def _has_its_name(seen: CustomerObserved) -> bool:
    """Return whether a customer's company has the customer's name: then it is renamed with it."""
    name = quickbooks_value(seen, "name")
    return seen.company_name is not None and same("name", seen.company_name, name)


def _read(view: View, key: str) -> list[str]:
    """Return the streams that the rule reads: the pair and its account."""
    accounts = linked_accounts(view.get(Customer, key))
    return [f"pair/{key}", *(f"account/{account_id}" for account_id in accounts)] if accounts else []


FAMILY = Family("customer", FOLDS, consider, reads=(_read,))
