"""Find names that share letters with a name: an index of three-letter pieces that changes one name at a time."""

from collections import Counter
from itertools import chain

from rapidfuzz import process
from rapidfuzz.distance import Indel

from worker.matching.names import Spelling

PIECE = 3
WHOLE = "="  # marks a whole word
WHOLE_COUNTS = 3  # as many pieces
POSTINGS_MAX = 250  # read for a look-up, the rarest pieces first; the rarest is read whatever it costs
SHORTLIST_MIN = 8  # names that share most pieces, and those that share as many as the last
NEAREST_MAX = 4  # by letters, and as many by pieces


def pieces(name: Spelling) -> set[str]:
    """Return the words of a name, and their pieces with their borders; the words' order does not matter."""
    found = {f"{word}{WHOLE}" for word in name.words}
    for word in name.words:
        padded = f" {word} "
        found.update(padded[at : at + PIECE] for at in range(len(padded) - PIECE + 1))
    return found


class Postings:
    """The names that have a piece, for each piece. A name is known by a number."""

    def __init__(self) -> None:
        self._having: dict[str, list[int]] = {}
        self._keys: dict[int, str] = {}
        self._identities: dict[int, tuple[str, str, bool]] = {}

    def add(self, number: int, name: Spelling) -> None:
        """Add a name under a number that is free."""
        self._keys[number] = name.key
        self._identities[number] = name.identity
        for piece in pieces(name):
            self._having.setdefault(piece, []).append(number)

    def remove(self, number: int, name: Spelling) -> None:
        """Remove a name."""
        del self._keys[number], self._identities[number]
        for piece in pieces(name):
            having = self._having[piece]
            having.remove(number)
            if not having:
                del self._having[piece]

    def nearest(self, name: Spelling) -> set[int]:
        """Return the numbers of the names that are nearest to a name; not in the order of likeness."""
        counts = self._sharing(name)
        if not counts:
            return set()
        most = sorted(counts.values(), reverse=True)
        fewest, least = most[:SHORTLIST_MIN][-1], most[:NEAREST_MAX][-1]
        keys = {number: self._keys[number] for number, count in counts.items() if count >= fewest}
        found = process.extract(name.key, keys, scorer=Indel.normalized_similarity, limit=None)
        alike = found[:NEAREST_MAX][-1][1]
        # Ties are decided by the names, since numbers depend on the order of changes.
        by_letters = [
            (-likeness, self._identities[each], each) for _, likeness, each in found if likeness >= alike
        ]
        by_pieces = [
            (-counts[each], -likeness, self._identities[each], each)
            for _, likeness, each in found
            if counts[each] >= least
        ]
        nearest = {number for *_, number in sorted(by_letters)[:NEAREST_MAX]}
        return nearest | {number for *_, number in sorted(by_pieces)[:NEAREST_MAX]}

    def _sharing(self, name: Spelling) -> Counter[int]:
        having = ((len(found), piece) for piece in pieces(name) if (found := self._having.get(piece)))
        sharing: list[list[int]] = []
        read = 0
        for length, piece in sorted(having):
            read += length
            if sharing and read > POSTINGS_MAX:
                break
            sharing += [self._having[piece]] * (WHOLE_COUNTS if piece[-1] == WHOLE else 1)
        return Counter(chain.from_iterable(sharing))
