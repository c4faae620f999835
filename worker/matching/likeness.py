"""Compare two names of companies: features of their likeness, the same in both directions."""

from msgspec import Struct
from rapidfuzz.distance import Indel

from worker.matching.legal_forms import agree
from worker.matching.names import Spelling
from worker.matching.words import weight

ALIKE_MIN = 0.8  # words that are as alike may be one word, mistyped
MISTYPED = 0.5  # the part of a first word's evidence that is left if it may be mistyped
_likeness = Indel.normalized_similarity
SHORTENED_LETTERS_MIN = 3
SHORTENED = 0.9  # the likeness of a word and its beginning: `agric` is agricultural


class Features(Struct, frozen=True):
    """Evidence for and against two names being one company's, each from 0 to 1.

    Attributes:
        letters: The likeness of their letters, as written or with the words sorted, whichever is more; squared, since a
            difference counts more between names that are nearly the same.
        shared: The part that they share of the weight of their words, of the name with more weight.
        own: The weight of the weightiest word that one name has and the other has not.
        replaced: The same, of the name that has less; it is 0 if one name contains the other.
        first_word: How much the word tells that they both begin with; a half of it if the word may be mistyped.
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
    short, long = one, other
    if (len(short.words), short.words) > (len(long.words), long.words):
        short, long = long, short
    common, ours, theirs = _aligned(short.words, long.words)
    own, their_own = _weightiest(ours), _weightiest(theirs)
    letters = max(_likeness(short.key, long.key), _likeness(short.ordered, long.ordered))
    return Features(
        letters=letters * letters,
        shared=min(common / max(short.weight, long.weight), 1.0),
        own=max(own, their_own),
        replaced=min(own, their_own),
        first_word=_first_word(short.words[0], long.words[0]),
        appended=float(bool(theirs) and not ours and tuple(theirs) == long.words[-len(theirs) :]),
        other_number=float(short.numbers != long.numbers),
        other_form=float(not agree(one.forms, other.forms)),
    )


def same_words(one: Spelling, other: Spelling) -> bool:
    """Return whether two names have the same words, in whatever order: `Schwab Charles` is Charles Schwab.

    Numbers have to be in the same order.
    """
    return (
        one.ordered == other.ordered
        and one.numbers == other.numbers
        and sorted(one.words) == sorted(other.words)
    )


def _aligned(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[float, list[str], list[str]]:
    """Return the weight of the words that two names share, and the words that each has alone."""
    left, right, common = list(ours), list(theirs), 0.0
    for word in ours:
        if word in right:
            left.remove(word)
            right.remove(word)
            common += weight(word)
    if not left or not right:
        return common, left, right
    for word in tuple(left):
        likeness, other = max(((_word_likeness(word, other), other) for other in right), default=(0.0, ""))
        if likeness >= ALIKE_MIN:
            left.remove(word)
            right.remove(other)
            common += likeness * min(weight(word), weight(other))
    return common, left, right


def _first_word(one: str, other: str) -> float:
    if one == other:
        return weight(one)
    likely = _likeness(one, other) >= ALIKE_MIN
    return MISTYPED * min(weight(one), weight(other)) if likely else 0.0


def _word_likeness(one: str, other: str) -> float:
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if len(short) >= SHORTENED_LETTERS_MIN and long.startswith(short):
        return SHORTENED
    return _likeness(one, other)


def _weightiest(words: list[str]) -> float:
    return max(map(weight, words), default=0.0)
