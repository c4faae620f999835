"""Compare two names of companies: features of their likeness, the same in both directions."""

from msgspec import Struct
from rapidfuzz.distance import Indel

from worker.matching.legal_forms import agree
from worker.matching.names import Spelling
from worker.matching.words import weight

ALIKE_MIN = 0.8  # words that are as alike may be one word, mistyped
MISTYPED = 0.5  # the part of a first word's evidence that is left if it may be mistyped
SHORTENED_LETTERS_MIN = 3
SHORTENED = 0.9  # the likeness of a word and its beginning: `agric` is agricultural
_ROMAN = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx"
_NUMERALS = {numeral: str(number) for number, numeral in enumerate(_ROMAN.split(), 1)}


class Features(Struct, frozen=True):
    """Evidence for and against two names being one company's, each from 0 to 1.

    Attributes:
        letters: The likeness of their letters, as written or with the words sorted, whichever is more; squared, since a
            difference counts more between names that are nearly the same.
        shared: The part that they share of the weight of their words, of the name with more weight.
        own: The weight of the weightiest word that one name has and the other has not.
        replaced: The same, of the name that has less; it is 0 if one name contains the other.
        first_word: 1 if they begin with the same word, a half if with one that may be the same, mistyped.
        appended: Whether one name is the other with words appended.
        other_number: Whether they have different numbers: `Fund II` is neither `Fund III` nor `Fund`.
        other_form: Whether their legal forms differ.
    """

    letters: float
    shared: float
    own: float
    replaced: float
    first_word: float
    appended: float
    other_number: float
    other_form: float


def features(one: Spelling, other: Spelling) -> Features:
    """Return the features of two names; each has a word."""
    short, long = sorted((one.words, other.words), key=lambda words: (len(words), words))
    common, ours, theirs = _aligned(short, long)
    own = sorted((_weightiest(ours), _weightiest(theirs)))
    whole = max(sum(map(weight, short)), sum(map(weight, long)))
    return Features(
        letters=max(_likeness("".join(short), "".join(long)), _likeness(_sorted(short), _sorted(long))) ** 2,
        shared=min(common / whole, 1.0),
        own=own[1],
        replaced=own[0],
        first_word=_first_word(short[0], long[0]),
        appended=float(bool(theirs) and not ours and tuple(theirs) == long[-len(theirs) :]),
        other_number=float(_numbers(short) != _numbers(long)),
        other_form=float(not agree(one.forms, other.forms)),
    )


def same_words(one: Spelling, other: Spelling) -> bool:
    """Return whether two names have the same words, in whatever order: `Schwab Charles` is Charles Schwab."""
    return sorted(one.words) == sorted(other.words)


def _aligned(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[float, list[str], list[str]]:
    """Return the weight of the words that two names share, and the words that each has alone."""
    left, right, common = list(ours), list(theirs), 0.0
    for word in ours:
        if word in right:
            left.remove(word)
            right.remove(word)
            common += weight(word)
    for word in tuple(left):
        likeness, other = max(((_word_likeness(word, other), other) for other in right), default=(0.0, ""))
        if likeness >= ALIKE_MIN:
            left.remove(word)
            right.remove(other)
            common += likeness * min(weight(word), weight(other))
    return common, left, right


def _first_word(one: str, other: str) -> float:
    if one == other:
        return 1.0
    return MISTYPED if _likeness(one, other) >= ALIKE_MIN else 0.0


def _word_likeness(one: str, other: str) -> float:
    short, long = sorted((one, other), key=len)
    if len(short) >= SHORTENED_LETTERS_MIN and long.startswith(short):
        return SHORTENED
    return _likeness(one, other)


def _likeness(one: str, other: str) -> float:
    return Indel.normalized_similarity(one, other)


def _weightiest(words: list[str]) -> float:
    return max(map(weight, words), default=0.0)


def _sorted(words: tuple[str, ...]) -> str:
    return "".join(sorted(words))


def _numbers(words: tuple[str, ...]) -> list[str]:
    return sorted(_NUMERALS.get(word, word) for word in words if word in _NUMERALS or not word.isalpha())
