"""An entity: its properties, its names, its operations and its rules, in one record."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from worker.sandbox.books.ledger import Application, Posting
from worker.sandbox.schema.kinds import Fields, Group

if TYPE_CHECKING:  # a company holds objects of entities
    from worker.sandbox.books.company import Company

Operation = Literal["create", "read", "update", "delete", "void", "send", "pdf", "query"]
LIST: frozenset[Operation] = frozenset({"create", "read", "update", "query"})
TRANSACTION: frozenset[Operation] = LIST | {"delete"}


class Act(Struct, frozen=True):
    """When a write happens, and who writes: the Id of a user."""

    at: datetime
    by: str = "1"


class Draft(Struct, frozen=True):
    """An object that is about to be stored.

    Attributes:
        fields: Its properties: the request's, over those that stay.
        given: The properties that the request sets.
        before: The object as it is, if it exists.
        act: When and by whom it is written.
        include: The request's `include` options, such as `allowduplicatedocnum`.
        sparse: Whether it is an update that leaves alone what it does not name.
    """

    fields: Fields
    given: Fields
    before: Fields | None
    act: Act
    include: frozenset[str] = frozenset()
    sparse: bool = False


class Naming(Struct, frozen=True):
    """How the entries of a name list are named.

    Attributes:
        field: The property that holds the name.
        space: Entries of one space have different names.
        flag: The property that says that an entry is below another; None if the list has no levels.
        alone: Whether a name must differ in the whole space, instead of below its parent only.
        full: Whether references show the full name, "Parent:Child".
    """

    field: str = "Name"
    space: str = ""
    flag: str | None = None
    alone: bool = True
    full: bool = False


def as_given(_: "Company", draft: Draft) -> Fields:
    """Store an object as the request has it."""
    return draft.fields


def no_postings(_: "Company", __: Fields) -> Iterable[Posting]:
    """Post nothing."""
    return ()


def no_applications(_: Fields) -> Iterable[Application]:
    """Settle nothing."""
    return ()


def as_shown(_: Operation, shown: Fields) -> Fields:
    """Answer with an object as QuickBooks shows it."""
    return shown


def lacking(names: Mapping[Operation, frozenset[str]]) -> Callable[[Operation, Fields], Fields]:
    """Return a rule by which the answers of some operations lack some properties."""

    def answered(operation: Operation, shown: Fields) -> Fields:
        lacked = names.get(operation)
        if lacked is None:
            return shown
        return {name: value for name, value in shown.items() if name not in lacked}

    return answered


def by_name(_: "Company", stored: Fields) -> str:
    """Order entries by their names."""
    return str(stored.get("DisplayName") or stored.get("Name") or "")


def nothing_derived(_: "Company", __: Fields) -> Fields:
    """Show an object as it is stored."""
    return {}


def nothing_follows(_: "Company", __: Fields) -> None:
    """Change nothing else."""


def nothing_comes_with_it(_: "Company", __: Draft, ___: Fields) -> None:
    """Write nothing else."""


class Entity(Struct, frozen=True):
    """An entity of QuickBooks.

    Attributes:
        name: Its name, such as `Invoice`.
        properties: Its properties.
        ids: The sequence that its Ids come from; several entities share one.
        operations: The operations that its endpoint has.
        naming: How its entries are named; None for transactions and settings.
        counted: Whether a query's answer has a `totalCount`.
        single: Whether a company has one object of it.
        tells_author: Whether its objects say who changed them last.
        order: Return what the entries of a list are ordered by, unless a query says it.
        answered: Return an object as the answer of an operation has it, which can lack properties.
        derived_names: The properties that `derived` calculates.
        compose: Check and complete an object before it is stored; raises a `Fault`.
        postings: Return what a stored object posts to the ledger.
        applications: Return what a stored object settles of others.
        derived: Return the properties that follow from the books and are not stored.
        void: Return a voided object.
        on_create: Write what QuickBooks writes by itself after a new object; it refuses nothing.
        follow: Change what follows from a stored object: settings decide the traits of their company.
    """

    name: str
    properties: Group
    ids: str
    operations: frozenset[Operation]
    naming: Naming | None = None
    counted: bool = False
    single: bool = False
    tells_author: bool = False
    order: "Callable[[Company, Fields], str]" = by_name
    answered: Callable[[Operation, Fields], Fields] = as_shown
    derived_names: frozenset[str] = frozenset()
    compose: "Callable[[Company, Draft], Fields]" = as_given
    postings: "Callable[[Company, Fields], Iterable[Posting]]" = no_postings
    applications: Callable[[Fields], Iterable[Application]] = no_applications
    derived: "Callable[[Company, Fields], Fields]" = nothing_derived
    void: Callable[[Fields], Fields] | None = None
    on_create: "Callable[[Company, Draft, Fields], None]" = nothing_comes_with_it
    follow: "Callable[[Company, Fields], None]" = nothing_follows

    @property
    def is_transaction(self) -> bool:
        """Whether it is dated and posted, and can be deleted."""
        return "delete" in self.operations
