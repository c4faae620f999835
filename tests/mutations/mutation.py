"""What a mutation is, and how it is made in a copy of the tree."""

from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]


class Mutation(Struct, frozen=True):
    """One rule or safeguard broken.

    Attributes:
        name: Short, unique.
        file: Which file of the tree.
        old: Text that is in it exactly once.
        new: What stands in its place.
        harm: What that would do, in one sentence.
        tests: Tests of its room, beside those that every mutation meets; of PostgreSQL alone where `seeds` is off.
        seeds: Whether the simulation can meet it.
    """

    name: str
    file: str
    old: str
    new: str
    harm: str
    tests: tuple[str, ...] = ()
    seeds: bool = True


class OutOfDate(Exception):
    """The text that a mutation changes is not in its file once; the mutation has to follow the code."""


def mutated(mutation: Mutation, root: Path = ROOT) -> str:
    """Return the whole text of the mutated file.

    Raises:
        OutOfDate: The old text is not there, or more than once.
    """
    text = (root / mutation.file).read_text()
    count = text.count(mutation.old)
    if count != 1:
        raise OutOfDate(f"{mutation.name}: its text is {count} times in {mutation.file}")
    return text.replace(mutation.old, mutation.new)
