"""Answer requests to compare accounts and products once more: nothing is like them, as of the answer's place in the log."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract import catalog
from events.contract.envelope import Event, own_event
from worker.suggesting.entries import Entry
from worker.suggesting.indexes import CompanyIndex
from worker.suggesting.kinds import kind_of
from worker.suggesting.unheard import unheard


class Answered(Struct, frozen=True):
    """Compared entries by their streams: those that are done, with the events that answer requests, and those to answer later."""

    done: dict[str, Entry]
    events: Sequence[Event]
    later: dict[str, Entry]


def answered(
    connection: sa.Connection, index: CompanyIndex, compared: Mapping[str, Entry], now: datetime
) -> Answered:
    """Answer the requests of compared entries. If there is something new about one, it is compared again first."""
    asking = {stream: entry for stream, entry in compared.items() if _is_unlike_all(index, entry)}
    if not asking:
        return Answered(dict(compared), (), {})
    new = unheard(connection, index.company.workspace)
    later = {
        stream: entry
        for stream, entry in asking.items()
        if stream in new.sought or not new.knows_all(kind_of(stream))
    }
    done = {stream: entry for stream, entry in compared.items() if stream not in later}
    events = []
    for stream in sorted(asking.keys() - later.keys()):
        number = asking[stream].asked
        done[stream] = replace(asking[stream], answered=number)
        events.append(_event(index, stream, number, now))
    return Answered(done, events, later)


def _is_unlike_all(index: CompanyIndex, entry: Entry) -> bool:
    """Return whether a request waits for an answer, and nothing is like the account or product, by its present suggestion."""
    asked, found, company = entry.compared, entry.suggested, index.company
    if asked is None or asked.number <= entry.answered or asked.realm != company.realm:
        return False
    if found is None or found.verdict != "none" or found.realm != company.realm:
        return False
    return entry.is_open(company.realm, is_first=company.is_first)


def _event(index: CompanyIndex, stream: str, number: int, now: datetime) -> Event:
    """Make the event of an answer. Its identity is the account's or product's, with the number of the request."""
    kind, sought_id = kind_of(stream), catalog.key_of(stream)
    return own_event(
        kind.unmatched,
        kind.answer(sought_id, index.company.realm, number),
        workspace=index.company.workspace,
        source=kind.answers,
        time=now,
        id=f"{sought_id}/{number}",
    )
