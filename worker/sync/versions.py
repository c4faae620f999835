"""Compare what an answer says of an object with the last observed version: is it new, and what are its events?

An echo of our own write, a second notice and an older answer that arrives late give no version.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from events.contract import catalog, identifiers, json
from events.contract.observed import (
    Applied,
    ObjectDeleted,
    ObjectMerged,
    ObjectUnreadable,
    ObjectVoided,
    PaymentObserved,
    SaleObserved,
)
from events.contract.quickbooks import CustomerObserved, ItemObserved
from events.contract.values import Fact
from events.errors import InvalidEvent
from worker.commands.fields import Row, sync_token, updated_at
from worker.sync.entities import BY_NAME, Observable, named

Fate = Literal["present", "gone", "unreadable"]
_ODD = (InvalidEvent, KeyError, TypeError, ValueError, ArithmeticError, AttributeError)


class LastVersion(Struct, frozen=True):
    """The columns of the last observed version of an object."""

    realm: str
    entity: str
    entity_id: str
    ordinal: int
    sync_token: int
    updated_at: datetime | None
    asked_at: datetime
    fate: Fate
    content: str
    refers_to: str | None
    reading: int


class Seen(Struct, frozen=True):
    """An object as QuickBooks answered.

    Attributes:
        entity: QuickBooks' name of its kind.
        entity_id: Its ID.
        row: The object; None if QuickBooks has it no longer.
        is_void: Whether a notice says that it was voided.
        survivor: The ID of the object that it was merged into, if that is known.
    """

    entity: str
    entity_id: str
    row: Row | None = None
    is_void: bool = False
    survivor: str | None = None

    @property
    def name(self) -> str:
        """Its name within its company, such as `Invoice/17`."""
        return named(self.entity, self.entity_id)


class Answer(Struct, frozen=True):
    """The objects of one answer.

    Attributes:
        realm: The company.
        workspace: Its workspace.
        asked_at: When the answer was asked for.
        seen: The objects.
        reading: The number of the full reading that it belongs to; 0 if it belongs to none.
        is_page: Whether it is a page of a full reading, which meets all other objects by itself.
    """

    realm: str
    workspace: str
    asked_at: datetime
    seen: Sequence[Seen]
    reading: int = 0
    is_page: bool = False


class ObjectVersion(Struct, frozen=True):
    """A new version of an object: its row, its events in order, and the other objects that may have changed with it.

    Without events, only QuickBooks' own version is new: none of the kept fields differ.
    `is_referred` is true if all objects that refer to this one may have changed; `is_renamed` if those of its kind may have,
    since its name is a part of theirs.
    """

    row: LastVersion
    facts: tuple[tuple[str, Fact], ...]
    affected: tuple[str, ...] = ()
    is_referred: bool = False
    is_renamed: bool = False


def version_of(known: LastVersion | None, seen: Seen, answer: Answer) -> ObjectVersion | None:
    """Return the version that an object has now; None if it equals the last observed one, or is older."""
    observable = BY_NAME[seen.entity]
    if seen.row is None:
        return _gone(known, seen, answer, observable)
    try:
        row = _row(known, seen, seen.row, answer)
    except _ODD as error:
        return _odd(known, seen, answer, _problem(error))
    if known is not None and is_older(known, row.sync_token, row.updated_at, answer.asked_at):
        return None
    before = _fact(known, observable)
    try:
        fact = _with_void(observable.fact(answer.realm, seen.row), seen, before)
        content = json.encode(replace(fact, sync_token=0))
        _check(content, type(fact))
    except _ODD as error:
        return _unreadable(known, row, _problem(error))
    if known is not None and known.fate == "present" and known.content == content:
        return _unchanged(known, row)
    voided = _is_void(fact) and not _is_void(before)
    facts: list[tuple[str, Fact]] = [(observable.event, fact)]
    if voided:
        facts.insert(0, (catalog.OBJECT_VOIDED, ObjectVoided(answer.realm, seen.entity, seen.entity_id)))
    return ObjectVersion(
        replace(row, content=content),
        tuple(facts),
        tuple(_applied_otherwise(before, fact)),
        is_renamed=_is_renamed(before, fact),
    )


def _row(known: LastVersion | None, seen: Seen, read: Row, answer: Answer) -> LastVersion:
    """Return the row of a new version, without its content."""
    return LastVersion(
        realm=answer.realm,
        entity=seen.entity,
        entity_id=seen.entity_id,
        ordinal=(known.ordinal if known else 0) + 1,
        sync_token=sync_token(read),
        updated_at=updated_at(read),
        asked_at=answer.asked_at,
        fate="present",
        content="",
        refers_to=BY_NAME[seen.entity].refers_to(read),
        reading=answer.reading or (known.reading if known else 0),
    )


def _check(content: str, fact: type[Fact]) -> None:
    """Check that the log can store and read an event with this content.

    Raises:
        InvalidEvent: It can't.
    """
    written = content.encode()
    json.check(written)
    identifiers.check_own(json.decode(written, fact), written)


def _problem(error: Exception) -> str:
    """Say for a person why a field can't be read."""
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    return (error.detail if isinstance(error, InvalidEvent) else str(error)) or type(error).__name__


def _unchanged(known: LastVersion, row: LastVersion) -> ObjectVersion | None:
    """Return an object whose kept fields are the same in a newer version: without events, but no older answer replaces it."""
    if (known.sync_token, known.updated_at) == (row.sync_token, row.updated_at):
        return None
    return ObjectVersion(replace(row, ordinal=known.ordinal, content=known.content), ())


def is_older(known: LastVersion, token: int, changed_at: datetime | None, asked_at: datetime) -> bool:
    """Return whether an object as it was answered is older than its last observed version.

    Queries may lag behind the books. An object that is gone does not come back: a query may only show it for a while.
    """
    if known.fate == "gone":
        return token <= known.sync_token
    if token != known.sync_token or changed_at is None or known.updated_at is None:
        return token < known.sync_token
    if changed_at != known.updated_at:
        return changed_at < known.updated_at
    return asked_at < known.asked_at


def _gone(
    known: LastVersion | None, seen: Seen, answer: Answer, observable: Observable
) -> ObjectVersion | None:
    """Return the last version of an object that QuickBooks has no longer; None if it was never observed."""
    if known is None or known.fate == "gone":
        return None
    where = (answer.realm, seen.entity, seen.entity_id)
    facts: list[tuple[str, Fact]] = []
    # Entries of lists are never deleted in QuickBooks: one that is gone was merged into another.
    if observable.is_list:
        facts.append((catalog.OBJECT_MERGED, ObjectMerged(*where, survivor=seen.survivor)))
    else:
        facts.append((catalog.OBJECT_DELETED, ObjectDeleted(*where)))
    if seen.entity == "Customer":
        facts.append((observable.event, CustomerObserved(answer.realm, seen.entity_id, exists=False)))
    if seen.entity == "Item":
        facts.append((observable.event, ItemObserved(answer.realm, seen.entity_id, exists=False)))
    row = replace(known, ordinal=known.ordinal + 1, asked_at=answer.asked_at, fate="gone", refers_to=None)
    before = _fact(known, observable)
    return ObjectVersion(
        row, tuple(facts), tuple(_applied_otherwise(before, None)), is_referred=observable.is_list
    )


def _odd(known: LastVersion | None, seen: Seen, answer: Answer, problem: str) -> ObjectVersion | None:
    """Return an object whose version has no number that can be read, so that nothing tells which is newer."""
    if known is not None and known.fate == "gone":
        return None
    as_known = {"SyncToken": known.sync_token if known else 0}
    row = _row(known, seen, as_known, answer)
    return _unreadable(known, row, problem)


def _unreadable(known: LastVersion | None, row: LastVersion, problem: str) -> ObjectVersion | None:
    """Record once that a version can't be read; the content of the last readable version stays."""
    if known is not None and known.fate == "unreadable" and known.sync_token == row.sync_token:
        return None
    fact = ObjectUnreadable(row.realm, row.entity, row.entity_id, problem)
    kept = replace(row, fate="unreadable", content=known.content if known else "")
    return ObjectVersion(kept, ((catalog.OBJECT_UNREADABLE, fact),))


def _fact(known: LastVersion | None, observable: Observable) -> Fact | None:
    if known is None or not known.content:
        return None
    payload: Fact = catalog.payload(observable.event, known.content)
    return payload


def _with_void(fact: Fact, seen: Seen, before: Fact | None) -> Fact:
    """Mark a transaction as voided if the notice of it said so, now or before: the note in it is in the company's language."""
    if isinstance(fact, SaleObserved) and fact.total == 0 and (seen.is_void or _is_void(before)):
        return replace(fact, voided=True)
    return fact


def _is_void(fact: Fact | None) -> bool:
    return isinstance(fact, SaleObserved) and fact.voided


def _is_renamed(before: Fact | None, after: Fact) -> bool:
    """Return whether a customer has another name than before. QuickBooks does not announce the new names of those below it."""
    if not isinstance(before, CustomerObserved) or not isinstance(after, CustomerObserved):
        return False
    return (before.display_name, before.full_name) != (after.display_name, after.full_name)


def skips_a_payment(known: LastVersion | None, seen: Seen) -> bool:
    """Return whether a payment may have had a version that was never read: nothing names what that was applied to."""
    if seen.entity != "Payment":
        return False
    if seen.row is None:
        return known is None or known.fate != "gone"
    try:
        return sync_token(seen.row) > (known.sync_token + 1 if known else 0)
    except ValueError:
        return False  # its number can't be read; `version_of` says so


def _applied_otherwise(before: Fact | None, after: Fact | None) -> Iterable[str]:
    """Return the transactions to which a payment is applied otherwise than before: their balances changed with it.

    QuickBooks does not announce the change of an invoice whose payment was unlinked.
    """
    changed = _applied(before) ^ _applied(after)
    return sorted({named(each.entity, each.entity_id) for each in changed if each.entity in BY_NAME})


def _applied(fact: Fact | None) -> frozenset[Applied]:
    return frozenset(fact.applied) if isinstance(fact, PaymentObserved) else frozenset()
