"""Answer requests to compare accounts once more: no customer is like them, as of the answer's place in the log."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract.envelope import Event, own_event
from events.contract.unmatched import ACCOUNT_UNMATCHED, AccountUnmatched
from worker.suggesting.accounts import AccountEntry
from worker.suggesting.entries import Entry
from worker.suggesting.indexes import CompanyIndex
from worker.suggesting.unheard import unheard

SOURCE = "urn:coeffection:matching:answers"


class Answered(Struct, frozen=True):
    """Compared entries by their streams: those that are done, with the events that answer requests, and those to answer later."""

    done: dict[str, Entry]
    events: Sequence[Event]
    later: dict[str, Entry]


def answered(
    connection: sa.Connection, index: CompanyIndex, compared: Mapping[str, Entry], now: datetime
) -> Answered:
    """Answer the requests of compared accounts. If there is something new about one, it is compared again first."""
    found = {
        stream: (entry, answer)
        for stream, entry in compared.items()
        if isinstance(entry, AccountEntry) and (answer := _answer(index, entry)) is not None
    }
    if not found:
        return Answered(dict(compared), (), {})
    workspace = index.company.workspace
    new = unheard(connection, workspace)
    is_known = not (new.too_many or new.customers)
    later: dict[str, Entry] = {
        stream: entry for stream, (entry, _) in found.items() if not is_known or stream in new.accounts
    }
    answers = {stream: pair for stream, pair in found.items() if stream not in later}
    done = {stream: entry for stream, entry in compared.items() if stream not in later}
    for stream, (entry, answer) in answers.items():
        done[stream] = replace(entry, answered=answer.number)
    events = [_event(workspace, answer, now) for _, (_, answer) in sorted(answers.items())]
    return Answered(done, events, later)


def _answer(index: CompanyIndex, entry: AccountEntry) -> AccountUnmatched | None:
    """Return the answer to an account's request, by its present suggestion; None if there is no request, or a customer."""
    asked, found, company = entry.compared, entry.suggested, index.company
    if asked is None or asked.number <= entry.answered or asked.realm != company.realm:
        return None
    if found is None or found.verdict != "none" or found.realm != company.realm:
        return None
    if not entry.is_open(company.realm, is_first=company.is_first):
        return None
    return AccountUnmatched(asked.account_id, asked.realm, asked.number)


def _event(workspace: str, answer: AccountUnmatched, now: datetime) -> Event:
    """Make the event of an answer. Its identity is the account's, with the number of the request."""
    return own_event(
        ACCOUNT_UNMATCHED,
        answer,
        workspace=workspace,
        source=SOURCE,
        time=now,
        id=f"{answer.account_id}/{answer.number}",
    )
