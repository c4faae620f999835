"""Fold what QuickBooks says of customers and items, and how often it was, or is to be, asked."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from events import catalog
from events.announcements import ReadCommanded
from events.crm import DealUpdated
from events.envelope import Event
from events.quickbooks import CustomerObserved, ItemObserved, ReadingFailed
from worker.quote_to_cash.state import WORKSPACE, Customer, Item, Reading, View


def referred(view: View, latest: DealUpdated) -> list[str]:
    """Return the streams of the customer and the items that a deal's account and products are mapped to."""
    connection = view.workspace().connection
    if connection is None:
        return []
    realm = connection.realm
    link = view.account(latest.account_id).link_in(realm, latest.currency)
    customers = [catalog.customer_stream(realm, link.customer_id)] if link else []
    lines = latest.quote.lines if latest.quote else ()
    item_ids = {view.product(line.product_id).item_in(realm) for line in lines}
    return [*customers, *sorted(catalog.item_stream(realm, item_id) for item_id in item_ids if item_id)]


def known(view: View, stream: str) -> Customer | Item:
    """Return the customer or item of a stream."""
    kind, realm, object_id = stream.split("/", 2)
    return view.customer(realm, object_id) if kind == "customer" else view.item(realm, object_id)


def want(view: View, streams: Iterable[str]) -> None:
    """Have customers and items read, be they known or not: they may have changed since."""
    for stream in streams:
        state = known(view, stream)
        put(view, stream, replace(state, reading=_wanted_once_more(state.reading)))


def put(view: View, stream: str, state: Customer | Item) -> None:
    """Replace a customer or an item, and what its reading waits on."""
    _, realm, object_id = stream.split("/", 2)
    if isinstance(state, Customer):
        view.put_customer(realm, object_id, state)
    else:
        view.put_item(realm, object_id, state)
    # Derived from the state each time, so that replaying the log gives what deciding gave.
    view.set_waits(stream, (WORKSPACE,) if state.reading.is_wanted else ())


def make_known(view: View, stream: str, seen: CustomerObserved | ItemObserved) -> None:
    """Remember what an object is like; a reading of ours that it answers is over."""
    state = known(view, stream)
    reading = replace(state.reading, answered=max(state.reading.answered, seen.reading), problem=None)
    put(view, stream, replace(state, observed=seen, reading=reading))


def call_its_own(view: View, stream: str, account_id: str, *, is_it: bool) -> None:
    """Have a customer know that it is an account, or is it no longer."""
    state = known(view, stream)
    if isinstance(state, Customer) and is_it != (account_id in state.accounts):
        others = {account for account in state.accounts if account != account_id}
        put(view, stream, replace(state, accounts=tuple(sorted(others | ({account_id} if is_it else set())))))


def _wanted_once_more(reading: Reading) -> Reading:
    return replace(reading, wanted=reading.wanted + 1)


def _observed(view: View, event: Event, seen: CustomerObserved | ItemObserved) -> None:
    make_known(view, event.stream, seen)


def _read_commanded(view: View, event: Event, command: ReadCommanded) -> None:
    state = known(view, event.stream)
    reading = replace(state.reading, commanded=command.reading, answers=command.wishes)
    put(view, event.stream, replace(state, reading=reading))


def _reading_failed(view: View, event: Event, failed: ReadingFailed) -> None:
    if failed.kind == "read_company":
        view.put_workspace(replace(view.workspace(), read_problem=failed.message))
        return
    state = known(view, event.stream)
    put(view, event.stream, replace(state, reading=replace(state.reading, problem=failed.message)))


FOLDS: dict[str, Callable[[View, Event, Any], None]] = {
    catalog.CUSTOMER_OBSERVED: _observed,
    catalog.ITEM_OBSERVED: _observed,
    catalog.READ_COMMANDED: _read_commanded,
    catalog.READING_FAILED: _reading_failed,
}
