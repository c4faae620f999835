"""Fold settled fields, updates and their outcomes, and the decisions of people, into pairs."""

from datetime import datetime

from msgspec.structs import replace

from events.contract import catalog, in_step
from events.contract.in_step import (
    AccountCustomerChanged,
    ConflictResolved,
    CustomerFieldsSettled,
    CustomerUpdateCommanded,
    CustomerUpdateWithdrawn,
    FieldRetried,
    OfPair,
)
from events.contract.observed import TermObserved
from events.contract.quickbooks import CommandRejected, CustomerCreated, CustomerUpdated
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER, AccountCreatedFromCustomer
from worker.quote_to_cash.family import Folds
from worker.quote_to_cash.in_step.state import LISTED, OUTCOMES_MAX, Pair, Terms, UpdateOutcome
from worker.quote_to_cash.readings.folds import want
from worker.quote_to_cash.view import View


def pair_key(of: OfPair) -> str:
    """Return the key of the pair that an event is about."""
    return f"{of.realm}/{of.customer_id}"


def _put(view: View, key: str, pair: Pair) -> None:
    """Replace the state of a pair, and the keys by which lists find the pairs that wait for a person."""
    view.put(pair, key)
    states = {field.state for field in pair.fields.values()}
    view.set_waits(f"pair/{key}", tuple(LISTED[state] for state in sorted(states & LISTED.keys())))


def _settled(view: View, settled: CustomerFieldsSettled, at: datetime) -> None:
    pair = view.get(Pair, pair_key(settled))
    if pair.account_id != settled.account_id:
        pair = replace(pair, account_id=settled.account_id, fields={}, since={}, told={})
    new = {field.field: field for field in settled.fields}
    before = {name: field.state for name, field in pair.fields.items()}
    since = {name: at for name, field in new.items() if before.get(name) != field.state}
    handled = max(pair.handled, settled.handled)
    pair = replace(pair, fields=pair.fields | new, since=pair.since | since, handled=handled)
    _put(view, pair_key(settled), replace(pair, updates=_unhandled(pair)))


def _unhandled(pair: Pair) -> tuple[CustomerUpdateCommanded, ...]:
    """Return the updates that may still have an outcome, and the last one."""
    return tuple(each for each in pair.updates[:-1] if each.generation > pair.handled) + pair.updates[-1:]


def _update_commanded(view: View, update: CustomerUpdateCommanded, _at: datetime) -> None:
    pair = view.get(Pair, pair_key(update))
    view.put(replace(pair, updates=(*_unhandled(pair), update)), pair_key(update))


def _update_withdrawn(view: View, withdrawn: CustomerUpdateWithdrawn, _at: datetime) -> None:
    pair = view.get(Pair, pair_key(withdrawn))
    view.put(replace(pair, withdrawn=withdrawn.generation), pair_key(withdrawn))


def _told(view: View, told: AccountCustomerChanged, _at: datetime) -> None:
    pair = view.get(Pair, pair_key(told))
    own = {name: value for name, value in told.fields.items() if name in {"terms", "taxable"}}
    view.put(replace(pair, told=pair.told | own), pair_key(told))


def _offered(view: View, offer: AccountCreatedFromCustomer, _at: datetime) -> None:
    key = f"{offer.realm}/{offer.customer_id}"
    view.put(replace(view.get(Pair, key), offered=offer.fields), key)


def _created(view: View, created: CustomerCreated, _at: datetime) -> None:
    key = f"{created.realm}/{created.customer_id}"
    view.put(replace(view.get(Pair, key), created=created), key)


def _updated(view: View, updated: CustomerUpdated, _at: datetime) -> None:
    outcome = UpdateOutcome(updated.generation, updated.request_id, updated.customer)
    _put_outcome(view, f"{updated.realm}/{updated.customer_id}", outcome)


def _rejected(view: View, rejected: CommandRejected, _at: datetime) -> None:
    """Note the refusal of an update, and request a reading: another version may be in QuickBooks."""
    if rejected.kind != "update_customer":
        return
    outcome = UpdateOutcome(
        rejected.generation,
        rejected.request_id,
        gate=rejected.gate,
        message=rejected.message,
        holder=rejected.holder,
    )
    _put_outcome(view, catalog.key_of(rejected.subject), outcome)
    want(view, [rejected.subject])


def _put_outcome(view: View, key: str, outcome: UpdateOutcome) -> None:
    pair = view.get(Pair, key)
    others = tuple(each for each in pair.outcomes if each.request_id != outcome.request_id)
    view.put(replace(pair, outcomes=(*others, outcome)[-OUTCOMES_MAX:]), key)


def _resolved(view: View, resolved: ConflictResolved, _at: datetime) -> None:
    pair = view.get(Pair, pair_key(resolved))
    decided = pair.resolved | {resolved.field: resolved}
    view.put(replace(pair, resolved=decided), pair_key(resolved))


def _retried(view: View, retried: FieldRetried, _at: datetime) -> None:
    pair = view.get(Pair, pair_key(retried))
    count = pair.retries.get(retried.field, 0) + 1
    view.put(replace(pair, retries=pair.retries | {retried.field: count}), pair_key(retried))


def _term_observed(view: View, term: TermObserved, _at: datetime) -> None:
    names = view.get(Terms, term.realm).names | {term.term_id: term.name}
    view.put(Terms(names), term.realm)


FOLDS: Folds = {
    in_step.CUSTOMER_FIELDS_SETTLED: _settled,
    in_step.CUSTOMER_UPDATE_COMMANDED: _update_commanded,
    in_step.CUSTOMER_UPDATE_WITHDRAWN: _update_withdrawn,
    in_step.ACCOUNT_CUSTOMER_CHANGED: _told,
    in_step.CONFLICT_RESOLVED: _resolved,
    in_step.FIELD_RETRIED: _retried,
    ACCOUNT_CREATED_FROM_CUSTOMER: _offered,
    catalog.TERM_OBSERVED: _term_observed,
    catalog.CUSTOMER_CREATED: _created,
    catalog.CUSTOMER_UPDATED: _updated,
    catalog.COMMAND_REJECTED: _rejected,
}
