"""Names and their holders, customers or items: one can be added or removed at a time, and the order never matters."""

from bisect import insort
from collections.abc import Iterable, Iterator

from worker.matching.calibration import Likeness, compared
from worker.matching.names import Spelling
from worker.matching.postings import Postings

HOLDERS_MAX = 20  # of one name, the first by their IDs: a person can't choose among more


class _Known:
    """A name with the IDs of its holders, in order."""

    def __init__(self, name: Spelling, number: int) -> None:
        self.name = name
        self.number = number
        self.holders: list[str] = []


class Register:
    """The names of customers or items, each with its holders. Names without a word are not kept: nothing tells them apart."""

    def __init__(self) -> None:
        self._by_name: dict[Spelling, _Known] = {}
        self._by_key: dict[str, list[_Known]] = {}
        self._by_number: dict[int, _Known] = {}
        self._free: list[int] = []
        self._postings = Postings()

    def add(self, holder: str, names: Iterable[Spelling]) -> None:
        """Add a holder's names."""
        for name in names:
            insort(self._known(name).holders, holder)

    def remove(self, holder: str, names: Iterable[Spelling]) -> None:
        """Remove a holder's names, the same that were added."""
        for name in names:
            known = self._by_name[name]
            known.holders.remove(holder)
            if not known.holders:
                self._forget(known)

    def alike(self, names: Iterable[Spelling]) -> Iterator[tuple[str, Spelling, Spelling, Likeness]]:
        """Yield the holders of names that are the same as some names or near them: ID, name, sought name, likeness."""
        for name in names:
            for known in self._near(name):
                likeness = compared(name, known.name)
                for holder in known.holders[:HOLDERS_MAX]:
                    yield holder, known.name, name, likeness

    def _near(self, name: Spelling) -> list[_Known]:
        found = {
            known.number: known for key in _keys(name) for known in self._by_key.get(key, ())[:HOLDERS_MAX]
        }
        found |= {number: self._by_number[number] for number in self._postings.nearest(name)}
        return list(found.values())

    def _known(self, name: Spelling) -> _Known:
        known = self._by_name.get(name)
        if known is None:
            known = _Known(name, self._free.pop() if self._free else len(self._by_name))
            self._by_name[name] = self._by_number[known.number] = known
            for key in _keys(name):
                insort(self._by_key.setdefault(key, []), known, key=_text)
            self._postings.add(known.number, name)
        return known

    def _forget(self, known: _Known) -> None:
        del self._by_name[known.name], self._by_number[known.number]
        self._free.append(known.number)
        for key in _keys(known.name):
            having = self._by_key[key]
            having.remove(known)
            if not having:
                del self._by_key[key]
        self._postings.remove(known.number, known.name)


def _keys(name: Spelling) -> set[str]:
    """Return the keys under which the same name is found: its words as written, and sorted."""
    return {name.key, " ".join(sorted(name.words))}


def _text(known: _Known) -> tuple[str, str, bool]:
    return known.name.text, known.name.native, known.name.is_trade
