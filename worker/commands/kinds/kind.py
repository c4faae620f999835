"""What a kind of command declares. Claiming, looking up, sending and storing what came of it are the same for all."""

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
    """What a request may have left in the books.

    Attributes:
        body: What it sent, or would have.
        since: When it was first wished for.
        earliest: When it may have been sent first, by the clock that is the furthest behind.
    """

    body: Entity
    since: datetime
    earliest: datetime


class Form(Struct, frozen=True):
    """A way to ask for a trace.

    Attributes:
        queries: The queries, each by its conditions: the trace may be in the answer to any of them.
        tells_absence: Whether an object that is in none of the answers is not there; else it may just be named anew.
        one_by_one: Whether only ids are asked for, and each object is read by its own.
    """

    queries: tuple[tuple[Condition, ...], ...]
    tells_absence: bool = True
    one_by_one: bool = False


class Names(Struct, frozen=True):
    """What QuickBooks has only once: a name or a number.

    Attributes:
        field: Where an object has it.
        entities: The lists that share it.
        kept_by_inactive: Whether they have objects that are inactive, which keep theirs.
    """

    field: str
    entities: tuple[str, ...]
    kept_by_inactive: bool = True


class Kind(Struct, frozen=True, kw_only=True):
    """What every kind of command has.

    Attributes:
        name: Its name in commands and events.
        stream: Of which streams its subjects are, such as `deal`.
        event: The type of the event that its success becomes.
    """

    name: CommandKind
    stream: str
    event: str

    def subject(self, key: str) -> str:
        """Return the subject of a command, such as `deal/D-17` of `D-17`."""
        return f"{self.stream}/{key}"


class Create(Kind, frozen=True, kw_only=True):
    """A kind that makes an object in QuickBooks.

    Attributes:
        entity: What QuickBooks calls the object.
        fact: What is recorded of the object; the last argument says that it was found, not just made.
        forms: How it is looked up: one after the other, until one tells that it is there or not.
        other_forms: How it is looked up besides, where QuickBooks refuses those again and again.
        is_ours: Whether an object that was found is the one that left this trace.
        names: Its name or number, which somebody else's object may have.
        dated: The field that gets the company's date when it is first sent.
    """

    entity: str
    fact: Callable[[Claimed, Entity, bool], Fact]
    forms: Callable[[Trace], Sequence[Form]]
    other_forms: Callable[[Trace], Sequence[Form]]
    is_ours: Callable[[Claimed, Entity, Trace], bool]
    names: Names
    dated: str | None = None


class Reading(Kind, frozen=True, kw_only=True):
    """A kind that reads something in QuickBooks.

    Attributes:
        label: What people call it, such as `the customer`.
        ask: Asks QuickBooks; what it returns is for `fact` alone.
        fact: What is recorded of that, as of an instant.
    """

    label: str
    ask: Callable[[QuickBooksClient, Claimed], Awaitable[Any]]
    fact: Callable[[Claimed, Any, datetime], Fact]
