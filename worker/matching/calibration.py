"""Turn the likeness of two names into a score: the probability, in percent, that they are one company's.

The figures were fitted to labelled pairs of names of public companies, cross-validated by company;
`python -m benchmarks.matching.fit` derives them again. Identifiers are no part of the score.
"""

import math
from typing import Literal

from msgspec import Struct

from worker.matching.legal_forms import agree
from worker.matching.likeness import Features, features, same_words
from worker.matching.names import Spelling
from worker.matching.words import weight

# How the words of two names are the same.
Sameness = Literal["same_name", "same_name_other_form", "same_name_other_place", "sounds_alike", "same_words"]


class Likeness(Struct, frozen=True):
    """How alike two names are.

    Attributes:
        score: The probability that they are one company's, in percent with one decimal.
        sameness: How their words are the same; None if they differ.
        features: The features, if their words differ.
    """

    score: float
    sameness: Sameness | None
    features: Features | None = None


class Model(Struct, frozen=True):
    """The figures behind the score.

    Attributes:
        same: The probability for names with the same words, by how they are the same.
        intercept: The logit of the probability for other names, before their features count.
        coefficients: What each feature adds to it, times its value.
    """

    same: dict[Sameness, float]
    intercept: float
    coefficients: Features

    def probability(self, found: Features) -> float:
        """Return the probability that two names with other words are one company's."""
        times = self.coefficients
        logit = (
            self.intercept
            + times.letters * found.letters
            + times.shared * found.shared
            + times.own * found.own
            + times.replaced * found.replaced
            + times.first_word * found.first_word
            + times.appended * found.appended
            + times.other_number * found.other_number
            + times.other_form * found.other_form
        )
        return 1 / (1 + math.exp(-logit))


MODEL = Model(
    same={
        "same_name": 0.9990,
        "same_words": 0.9615,
        "same_name_other_form": 0.9545,
        "same_name_other_place": 0.95,
        "sounds_alike": 0.95,
    },
    intercept=-7.44,
    coefficients=Features(
        letters=2.15,
        shared=1.89,
        own=-0.57,
        replaced=-1.03,
        first_word=3.91,
        appended=2.12,
        other_number=-0.75,
        other_form=-2.10,
    ),
)


def sameness(one: Spelling, other: Spelling) -> Sameness | None:
    """Return how two names are the same; None if their words differ."""
    if one.key == other.key:
        return _of_same_key(one, other)
    if not same_words(one, other) or not agree(one.forms, other.forms) or _are_apart(one, other):
        return None
    return "same_words" if max(map(weight, one.words)) == 1 else None


def _of_same_key(one: Spelling, other: Spelling) -> Sameness:
    if one.native != other.native:
        return "sounds_alike"
    if not agree(one.forms, other.forms):
        return "same_name_other_form"
    return "same_name_other_place" if _are_apart(one, other) else "same_name"


def _are_apart(one: Spelling, other: Spelling) -> bool:
    return one.place != other.place and bool(one.place and other.place)


def compared(one: Spelling, other: Spelling) -> Likeness:
    """Compare two names that have words; the same in both directions."""
    same = sameness(one, other)
    if same is not None:
        return Likeness(_percent(MODEL.same[same]), same)
    found = features(one, other)
    return Likeness(_percent(MODEL.probability(found)), None, found)


def _percent(chance: float) -> float:
    return round(100 * chance, 1)
