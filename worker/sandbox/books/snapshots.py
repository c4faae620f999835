"""Snapshots of a company's books: taken, and gone back to."""

from collections.abc import Mapping

from msgspec import Struct

from worker.sandbox.books.company import Company
from worker.sandbox.books.numbers import Numbers
from worker.sandbox.books.traits import Traits
from worker.sandbox.schema.kinds import Fields


class Snapshot(Struct, frozen=True):
    """The books of a company at an instant."""

    traits: Traits
    objects: Mapping[str, Mapping[str, Fields]]
    sequences: Mapping[str, int]
    numbers: Numbers
    replies: Mapping[str, tuple[int, bytes]]
    position: int


def taken(company: Company) -> Snapshot:
    """Take a snapshot; stored objects never change, so that copies of the dictionaries are enough."""
    return Snapshot(
        company.traits,
        {name: dict(stored) for name, stored in company.objects.items()},
        dict(company.sequences),
        company.numbers.emptied(),
        dict(company.replies),
        len(company.journal),
    )


def restore(company: Company, snapshot: Snapshot) -> None:
    """Go back to a snapshot: the changes since are forgotten, as if they had never been."""
    company.traits = snapshot.traits
    company.sequences.clear()
    company.sequences.update(snapshot.sequences)
    company.numbers = snapshot.numbers
    company.load(snapshot.objects)
    company.replies = dict(snapshot.replies)
    company.journal.truncate(snapshot.position)
