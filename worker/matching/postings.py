"""Find names that share letters with a name: an index of three-letter pieces that changes one name at a time."""

from collections import Counter
from heapq import nsmallest

from rapidfuzz import process
from rapidfuzz.distance import Indel

from worker.matching.names import Spelling

PIECE = 3
WHOLE = "="  # marks a whole word
WHOLE_COUNTS = 3  # as many pieces
POSTINGS_MAX = 400  # read for a look-up, the rarest pieces first; two pieces are read whatever they cost
PIECES_MIN = 2
SHORTLIST_MIN = 16  # names that share most pieces, and those that share as many as the last
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
        self._texts: dict[int, str] = {}

    def add(self, number: int, name: Spelling) -> None:
        """Add a name under a number that is free."""
        self._keys[number] = name.key
        self._texts[number] = name.text
        for piece in pieces(name):
            self._having.setdefault(piece, []).append(number)

    def remove(self, number: int, name: Spelling) -> None:
        """Remove a name."""
        del self._keys[number], self._texts[number]
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
        fewest = sorted(counts.values(), reverse=True)[:SHORTLIST_MIN][-1]
        keys = {number: self._keys[number] for number, count in counts.items() if count >= fewest}
        found = process.extract(name.key, keys, scorer=Indel.normalized_similarity, limit=None)
        by_letters = [(-alike, self._texts[number], number) for _, alike, number in found]
        by_pieces = [(-counts[number], minus, text, number) for minus, text, number in by_letters]
        nearest = {number for _, _, number in nsmallest(NEAREST_MAX, by_letters)}
        return nearest | {number for *_, number in nsmallest(NEAREST_MAX, by_pieces)}

    def _sharing(self, name: Spelling) -> Counter[int]:
        having = ((len(found), piece) for piece in pieces(name) if (found := self._having.get(piece)))
        counts: Counter[int] = Counter()
        read = 0
        for place, (length, piece) in enumerate(sorted(having)):
            read += length
            if read > POSTINGS_MAX and place >= PIECES_MIN:
                break
            for _ in range(WHOLE_COUNTS if piece[-1] == WHOLE else 1):
                counts.update(self._having[piece])
        return counts
