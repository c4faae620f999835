"""Names and their holders, customers or items: one can be added or removed at a time, and the order never matters."""

import re
from bisect import insort
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from worker.matching.calibration import Likeness, compared
from worker.matching.names import Spelling, read, written_ways
from worker.matching.postings import Postings

_DELETED = re.compile(r"\s*\(deleted(?: \d+)?\)$", re.IGNORECASE)
_ANY_SUFFIX = re.compile(r"\s*\([^()]*\)$")
HOLDERS_MAX = 20  # of one name, the first by their IDs: a person can't choose among more
Reader = Callable[[str], Sequence[Spelling]]  # returns the names in a text


class _Known:
    """A name with its holders, in the order of their IDs: each with the text that was read."""

    def __init__(self, name: Spelling, number: int) -> None:
        self.name = name
        self.number = number
        self.holders: list[tuple[str, str]] = []


class Alike(Struct, frozen=True):
    """A name that is like another one.

    Attributes:
        likeness: How alike the names are.
        text: The name, as it is written.
        is_trade: Whether one of the two is a trade name.
    """

    likeness: Likeness
    text: str
    is_trade: bool

    @property
    def order(self) -> tuple[float, bool, str]:
        """A more alike name comes later, and a company's own name after a trade name."""
        return self.likeness.score, not self.is_trade, self.text


def worded(text: str) -> list[Spelling]:
    """Return the names in a text that have a word, in each way in which they are written."""
    names = (name for way in written_ways(text) for name in read(way) if name.words)
    return list(dict.fromkeys(names))


def with_former_name(name: str, *, active: bool) -> list[str]:
    """Return the name of a customer or an item, and the one that it had before it became inactive, if that is another.

    QuickBooks appends a word in brackets then, in the company's language.
    """
    before = (_DELETED if active else _ANY_SUFFIX).sub("", name)
    return [name, before] if before and before != name else [name]


class Register:
    """The names of customers or items, each with its holders. Names without a word are not kept: nothing tells them apart."""

    def __init__(self, reader: Reader = worded) -> None:
        self._reader = reader
        self._by_name: dict[Spelling, _Known] = {}
        self._by_key: dict[str, list[_Known]] = {}
        self._by_number: dict[int, _Known] = {}
        self._free: list[int] = []
        self._postings = Postings()

    def add(self, holder: str, texts: Iterable[str]) -> None:
        """Add a holder's names; of two texts that read the same, the first one counts."""
        for name, text in _spellings(texts, self._reader).items():
            insort(self._known(name).holders, (holder, text))

    def remove(self, holder: str, texts: Iterable[str]) -> None:
        """Remove a holder's names, the same that were added."""
        for name, text in _spellings(texts, self._reader).items():
            known = self._by_name[name]
            known.holders.remove((holder, text))
            if not known.holders:
                self._forget(known)

    def alike(self, text: str) -> dict[str, Alike]:
        """Return the holders of names that are the same as a name or near it, each with its most alike name."""
        found: dict[str, Alike] = {}
        for name in self._reader(text):
            for known in self._near(name):
                likeness = compared(name, known.name)
                is_trade = name.is_trade or known.name.is_trade
                for holder, theirs in known.holders[:HOLDERS_MAX]:
                    alike = Alike(likeness, theirs, is_trade)
                    if holder not in found or alike.order > found[holder].order:
                        found[holder] = alike
        return found

    def _near(self, name: Spelling) -> list[_Known]:
        found = {
            known.number: known for key in keys_of(name) for known in self._by_key.get(key, ())[:HOLDERS_MAX]
        }
        found |= {number: self._by_number[number] for number in self._postings.nearest(name)}
        return list(found.values())

    def _known(self, name: Spelling) -> _Known:
        known = self._by_name.get(name)
        if known is None:
            known = _Known(name, self._free.pop() if self._free else len(self._by_name))
            self._by_name[name] = self._by_number[known.number] = known
            for key in keys_of(name):
                insort(self._by_key.setdefault(key, []), known, key=lambda each: each.name.identity)
            self._postings.add(known.number, name)
        return known

    def _forget(self, known: _Known) -> None:
        del self._by_name[known.name], self._by_number[known.number]
        self._free.append(known.number)
        for key in keys_of(known.name):
            having = self._by_key[key]
            having.remove(known)
            if not having:
                del self._by_key[key]
        self._postings.remove(known.number, known.name)


def most_alike(text: str, others: Iterable[str], reader: Reader = worded) -> Alike | None:
    """Return which of some names is most alike a name; None if nothing can be compared."""
    found = [
        Alike(compared(ours, theirs), other, ours.is_trade or theirs.is_trade)
        for other in others
        for ours in reader(text)
        for theirs in reader(other)
    ]
    return max(found, key=lambda each: each.order, default=None)


def _spellings(texts: Iterable[str], reader: Reader) -> dict[Spelling, str]:
    found: dict[Spelling, str] = {}
    for text in texts:
        for name in reader(text):
            found.setdefault(name, text)
    return found


def keys_of(name: Spelling) -> set[str]:
    """Return the keys under which the same name is found: its words as written, and sorted."""
    return {name.key, name.ordered}
