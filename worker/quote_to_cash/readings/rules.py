"""Command readings of customers and items: once a deal or mapping refers to them, and when they may have changed."""

from collections.abc import Iterable, Iterator
from typing import Literal

from events.contract.announcements import ReadCommanded
from worker.quote_to_cash.command import Command, Consequence, identified
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.readings.folds import CUSTOMER_FOLDS, ITEM_FOLDS, known
from worker.quote_to_cash.view import View

_COMMANDS: dict[str, Literal["read_customer", "read_item"]] = {
    "customer": "read_customer",
    "item": "read_item",
}


def consider_customer(view: View, key: str) -> Iterator[Consequence]:
    """Command a reading of a customer, if one was requested and its company is connected."""
    return _consider(view, f"customer/{key}")


def consider_item(view: View, key: str) -> Iterator[Consequence]:
    """Command a reading of an item, if one was requested and its company is connected."""
    return _consider(view, f"item/{key}")


def read_unknown(view: View, streams: Iterable[str]) -> Iterator[Consequence]:
    """Command readings of objects that were never read, such as those that were mapped before connecting."""
    if not view.get(WorkspaceState).is_connected:
        return
    for stream in streams:
        state = known(view, stream)
        if state.observed is None and not state.reading.commanded:
            yield from _command(view, stream)


def read_again(view: View, stream: str) -> Iterator[Consequence]:
    """Command a reading of an object, even of a known one."""
    return _command(view, stream)


def _consider(view: View, stream: str) -> Iterator[Consequence]:
    workspace = view.get(WorkspaceState)
    connected = workspace.realm is not None and workspace.realm == stream.split("/")[1]
    if connected and workspace.is_connected and known(view, stream).reading.is_wanted:
        yield from _command(view, stream)


def _command(view: View, stream: str) -> Iterator[Consequence]:
    kind, realm, _ = stream.split("/", 2)
    reading = known(view, stream).reading
    number = reading.commanded + 1
    key, request = identified(view, _COMMANDS[kind], realm, stream, generation=number)
    yield ReadCommanded(_COMMANDS[kind], realm, stream, number, reading.wanted)
    yield Command(key, realm, request)


CUSTOMERS = Family("customer", CUSTOMER_FOLDS, consider_customer)
ITEMS = Family("item", ITEM_FOLDS, consider_item)
