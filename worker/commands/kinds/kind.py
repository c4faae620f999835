"""The record of a kind of command. Claims, look-ups, requests and outcomes work alike for all kinds, by this record."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from events.contract.quickbooks import CommandKind
from events.contract.values import Fact
from worker.commands.claimed import Claimed
from worker.commands.entities import Entity
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.queries import Condition


class Trace(Struct, frozen=True):
    """A request whose object a look-up searches for in the books.

    Attributes:
        body: The request's body, sent or still to be sent.
        since: The time of the command's cause.
        earliest: The earliest time at which it may have been sent, by the clock that is furthest behind.
        was_sent: Whether it is known to have been sent, so that people may have changed its object since.
    """

    body: Entity
    since: datetime
    earliest: datetime
    was_sent: bool


class Form(Struct, frozen=True):
    """One form of a look-up.

    Attributes:
        queries: The queries, each a list of conditions; the object may be in the answer to any of them.
        tells_absence: Whether QuickBooks has no such object if no answer has it; false if it may have been renamed.
        one_by_one: Whether the queries return only IDs, and each object is read by its ID.
    """

    queries: tuple[tuple[Condition, ...], ...]
    tells_absence: bool = True
    one_by_one: bool = False


class Names(Struct, frozen=True):
    """A name or a number that must be unique in QuickBooks.

    Attributes:
        field: The object's field with the name or number.
        entities: The entities among which it must be unique.
        kept_by_inactive: Whether these entities can be inactive; an inactive object keeps its name.
    """

    field: str
    entities: tuple[str, ...]
    kept_by_inactive: bool = True


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of command.

    Attributes:
        name: Its name in commands and events.
        stream: The kind of its subjects' streams, such as `deal`.
        event: The type of the event that records its success.
    """

    name: CommandKind
    stream: str
    event: str

    def subject(self, key: str) -> str:
        """Return the subject of a command, such as `deal/D-17` of `D-17`."""
        return f"{self.stream}/{key}"


class Write(Kind, frozen=True, kw_only=True):
    """A kind that creates or updates an object in QuickBooks.

    Attributes:
        entity: The object's entity in QuickBooks.
        fact: Returns the payload of the event; the last argument is true for an object that a look-up found.
        names: The unique name or number, which another object may already have.
    """

    entity: str
    fact: Callable[[Claimed, Entity, bool], Fact]
    names: Names


class Create(Write, frozen=True, kw_only=True):
    """A kind that creates an object in QuickBooks.

    Attributes:
        forms: Returns the forms of a look-up, tried in order until one shows that the object exists or does not.
        other_forms: Returns further forms, tried if QuickBooks has rejected the usual ones several times.
        is_ours: Returns whether a found object was created by this request.
        dated: The field that is set to the company's date at the first send.
    """

    forms: Callable[[Trace], Sequence[Form]]
    other_forms: Callable[[Trace], Sequence[Form]]
    is_ours: Callable[[Claimed, Entity, Trace], bool]
    dated: str | None = None


class Update(Write, frozen=True, kw_only=True):
    """A kind that changes fields of an object in QuickBooks, by a sparse update of one version of it.

    QuickBooks applies the update only to the version whose `SyncToken` its body has. A later generation has other
    values for the same object, so generations are independent: an earlier one that was never sent is superseded.

    Attributes:
        stale_gate: The gate of the refusal of an update of an older version.
    """

    stale_gate: str


class Reading(Kind, frozen=True, kw_only=True):
    """A kind that reads something in QuickBooks.

    Attributes:
        label: Its name in sentences, such as `the customer`.
        ask: Asks QuickBooks; its result is passed to `fact`.
        fact: Returns the payload of the event for that result, at an instant.
    """

    label: str
    ask: Callable[[QuickBooksClient, Claimed], Awaitable[Any]]
    fact: Callable[[Claimed, Any, datetime], Fact]
