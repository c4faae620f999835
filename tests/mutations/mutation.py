"""A mutation, and its application to a copy of the tree."""

from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]


class Mutation(Struct, frozen=True):
    """One rule or safeguard broken.

    Attributes:
        name: A short, unique name.
        file: The file that it changes.
        old: A text that is in the file exactly once.
        new: The replacement of that text.
        harm: The harm that it would do, in one sentence.
        tests: Tests of its folder, beside those of every mutation; only on PostgreSQL if `seeds` is off.
        seeds: Whether the simulation can notice it.
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
