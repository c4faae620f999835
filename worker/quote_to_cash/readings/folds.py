"""Fold observed customers and items, and count their requested, commanded and answered readings."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from events.contract import catalog
from events.contract.announcements import ReadCommanded
from events.contract.observed import ObjectMerged
from events.contract.quickbooks import CustomerObserved, CustomerUpdated, ItemObserved, ReadingFailed
from worker.quote_to_cash.family import Folds
from worker.quote_to_cash.keys import COMPANY, IN_STEP
from worker.quote_to_cash.readings.state import KINDS, Customer, Item, ReadingState, linked_accounts
from worker.quote_to_cash.view import View


def known(view: View, stream: str) -> Customer | Item:
    """Return the state of the customer or item of a stream."""
    kind, _, key = stream.partition("/")
    return view.get(KINDS[kind], key)


def want(view: View, streams: Iterable[str]) -> None:
    """Request readings of customers and items, even of known ones: they may have changed since."""
    for stream in streams:
        state = known(view, stream)
        put(view, stream, replace(state, reading=_wanted_once_more(state.reading)))


def put(view: View, stream: str, state: Customer | Item) -> None:
    """Replace the state of a customer or an item, and the keys that its reading waits on."""
    view.put(state, stream.partition("/")[2])
    # Derived from the state each time, so that replaying the log gives the same keys as the decisions did.
    company = (COMPANY,) if state.reading.is_wanted else ()
    view.set_waits(stream, (*company, *_in_step(state)))


def make_known(view: View, seen: CustomerObserved | ItemObserved) -> None:
    """Store the observed object, and end the commanded reading that it answers."""
    stream = _stream_of(seen)
    state = known(view, stream)
    reading = replace(state.reading, answered=max(state.reading.answered, seen.reading), problem=None)
    put(view, stream, replace(state, observed=seen, reading=reading))


def keep_observed(view: View, seen: CustomerObserved) -> None:
    """Store a customer as it was observed, unless a newer version is stored; later versions are stored from now on."""
    known_one = view.get(Customer, f"{seen.realm}/{seen.customer_id}").observed
    if known_one is None or seen.sync_token >= known_one.sync_token:
        make_known(view, seen)


def call_its_own(view: View, stream: str, account_id: str, *, is_it: bool) -> None:
    """Add an account to the accounts of a customer, or remove it."""
    state = known(view, stream)
    if isinstance(state, Customer) and is_it != (account_id in state.accounts):
        others = {account for account in state.accounts if account != account_id}
        put(view, stream, replace(state, accounts=tuple(sorted(others | ({account_id} if is_it else set())))))


def call_products(view: View, stream: str, product_id: str) -> None:
    """Add a product to the products of an item."""
    state = known(view, stream)
    if isinstance(state, Item) and product_id not in state.products:
        put(view, stream, replace(state, products=tuple(sorted((*state.products, product_id)))))


def survivor_of(view: View, kind: type[Customer | Item], realm: str, object_id: str) -> str | None:
    """Return the ID of the object that one was merged into, perhaps by several merges; None if it is not known."""
    gone: list[str] = []
    while object_id not in gone:
        merged = view.get(kind, f"{realm}/{object_id}").merged
        if merged is None:
            return object_id if gone else None
        if merged.survivor is None:
            return None
        gone.append(object_id)
        object_id = merged.survivor
    return None


def _in_step(state: Customer | Item) -> tuple[str, ...]:
    """Return the accounts with which a customer is kept in step, and the settings of that."""
    accounts = linked_accounts(state) if isinstance(state, Customer) else ()
    return (*(f"account/{account_id}" for account_id in accounts), IN_STEP) if accounts else ()


def _wanted_once_more(reading: ReadingState) -> ReadingState:
    return replace(reading, wanted=reading.wanted + 1)


def _is_of_use(view: View, seen: CustomerObserved | ItemObserved) -> bool:
    """Return whether an observed object is to be stored.

    Sync observes every object of the company: those that nothing refers to are not stored, and an older version that it
    observes late does not replace a newer one. A link that the worker made by itself does not count, since it may have been
    decided before, and be recorded after the observation: the log would fold to another state.
    """
    state = known(view, _stream_of(seen))
    if seen.reading:
        return True
    if state.observed is None:
        return state.reading.wanted > 0 or (isinstance(state, Customer) and bool(state.accounts))
    return not seen.exists or seen.sync_token >= state.observed.sync_token


def _stream_of(seen: CustomerObserved | ItemObserved) -> str:
    if isinstance(seen, CustomerObserved):
        return catalog.customer_stream(seen.realm, seen.customer_id)
    return catalog.item_stream(seen.realm, seen.item_id)


def _customer_observed(view: View, seen: CustomerObserved, _at: datetime) -> None:
    _end_merge(view, seen)
    if _is_of_use(view, seen):
        make_known(view, seen)


def _end_merge(view: View, seen: CustomerObserved | ItemObserved) -> None:
    """Forget a merge if sync, which knows the order of versions, observes the object afterwards."""
    stream = _stream_of(seen)
    state = known(view, stream)
    if state.merged is not None and seen.exists and not seen.reading:
        put(view, stream, replace(state, merged=None))


def _customer_updated(view: View, updated: CustomerUpdated, at: datetime) -> None:
    """Make the customer known as the answer to the update shows it, unless a newer version was observed since."""
    _customer_observed(view, updated.customer, at)


def _item_observed(view: View, seen: ItemObserved, _at: datetime) -> None:
    _end_merge(view, seen)
    if _is_of_use(view, seen):
        make_known(view, seen)


def _merged(entity: str, view: View, merged: ObjectMerged) -> None:
    """Remember a merge of an entity's objects, and read the one that stays if the other was referred to."""
    if merged.entity != entity:
        return
    stream = catalog.object_stream(merged.realm, entity, merged.entity_id)
    state = known(view, stream)
    put(view, stream, replace(state, merged=merged))
    if merged.survivor is not None and (state.observed is not None or state.reading.wanted):
        want(view, [catalog.object_stream(merged.realm, entity, merged.survivor)])


def _read_commanded(kind: str, view: View, command: ReadCommanded) -> None:
    if command.kind != f"read_{kind}":
        return
    state = known(view, command.subject)
    reading = replace(state.reading, commanded=command.reading, answers=command.wishes)
    put(view, command.subject, replace(state, reading=reading))


def _reading_failed(kind: str, view: View, failed: ReadingFailed) -> None:
    if failed.kind != f"read_{kind}":
        return
    state = known(view, failed.subject)
    put(view, failed.subject, replace(state, reading=replace(state.reading, problem=failed.message)))


def folds_of(kind: str) -> Folds:
    """Return the folds of one kind of object, `customer` or `item`."""
    return {
        catalog.READ_COMMANDED: lambda view, command, _at: _read_commanded(kind, view, command),
        catalog.READING_FAILED: lambda view, failed, _at: _reading_failed(kind, view, failed),
    }


CUSTOMER_FOLDS: Folds = {
    catalog.CUSTOMER_OBSERVED: _customer_observed,
    catalog.CUSTOMER_UPDATED: _customer_updated,
    catalog.OBJECT_MERGED: lambda view, merged, _at: _merged("Customer", view, merged),
    **folds_of("customer"),
}
ITEM_FOLDS: Folds = {
    catalog.ITEM_OBSERVED: _item_observed,
    catalog.OBJECT_MERGED: lambda view, merged, _at: _merged("Item", view, merged),
    **folds_of("item"),
}
