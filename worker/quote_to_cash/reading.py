"""When QuickBooks is read: the company after connecting, a customer or an item once something refers to it."""

from typing import Literal

from events import catalog
from events.announcements import CompanyReadCommanded, ReadCommanded
from events.crm import DealUpdated
from events.envelope import Event
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand
from worker.quote_to_cash.decision import Decision, record
from worker.quote_to_cash.observed import known, referred
from worker.quote_to_cash.state import View

KINDS: dict[str, Literal["read_customer", "read_item"]] = {"customer": "read_customer", "item": "read_item"}


def consider_company(view: View, decision: Decision, event: Event, _subject: str) -> None:
    """Command a reading of the company, if one is wanted and it is connected."""
    state = view.workspace()
    if state.connection is None or state.expired or state.reads_wanted <= state.reads_commanded:
        return
    realm, generation = state.connection.realm, state.reads_wanted
    fact = CompanyReadCommanded(realm, generation)
    key = CommandKey(event.workspace, realm, "read_company", 0, generation)
    record(view, decision, event, catalog.COMPANY_READ_COMMANDED, fact)
    decision.commands.append(NewCommand(key, realm, request_id(realm, key), ""))


def consider_object(kind: str, view: View, decision: Decision, event: Event, subject: str) -> None:
    """Command a reading of a customer or an item, if one is wanted and its company is connected."""
    realm = subject.partition("/")[0]
    workspace = view.workspace()
    connected = workspace.connection is not None and workspace.connection.realm == realm
    if connected and not workspace.expired and known(view, f"{kind}/{subject}").reading.is_wanted:
        _command(view, decision, event, f"{kind}/{subject}")


def read_referred(view: View, decision: Decision, event: Event, latest: DealUpdated) -> None:
    """Command readings of what a deal refers to and nobody has looked at, as where it was mapped before connecting."""
    if view.workspace().expired:
        return
    for stream in referred(view, latest):
        state = known(view, stream)
        if state.observed is None and not state.reading.commanded:
            _command(view, decision, event, stream)


def _command(view: View, decision: Decision, event: Event, stream: str) -> None:
    kind, realm, object_id = stream.split("/", 2)
    reading = known(view, stream).reading
    number = reading.commanded + 1
    key = CommandKey(event.workspace, f"{realm}/{object_id}", KINDS[kind], 0, number)
    fact = ReadCommanded(KINDS[kind], realm, object_id, number, reading.wanted)
    record(view, decision, event, catalog.READ_COMMANDED, fact)
    decision.commands.append(NewCommand(key, realm, request_id(realm, key), ""))
