"""Turn the likeness of two names into a score: the probability, in percent, that they are one company's.

The figures were fitted to labelled pairs of names of public companies, cross-validated by company;
`python -m benchmarks.matching.fit` derives them again. Identifiers are no part of the score.
"""

import math
from typing import Literal

from msgspec import Struct, structs

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
        products = zip(structs.astuple(self.coefficients), structs.astuple(found), strict=True)
        return 1 / (1 + math.exp(-self.intercept - sum(weight * value for weight, value in products)))


MODEL = Model(
    same={
        "same_name": 0.9990,
        "same_words": 0.9545,
        "same_name_other_form": 0.9545,
        "same_name_other_place": 0.95,
        "sounds_alike": 0.95,
    },
    intercept=-8.06,
    coefficients=Features(
        letters=2.68,
        shared=2.49,
        own=-0.38,
        replaced=-1.02,
        first_word=3.74,
        appended=2.32,
        other_number=-1.30,
        other_form=-2.44,
    ),
)


def sameness(one: Spelling, other: Spelling) -> Sameness | None:
    """Return how two names are the same; None if their words differ."""
    if one.key == other.key:
        return _of_same_key(one, other)
    if not same_words(one, other) or not agree(one.forms, other.forms) or one.place != other.place:
        return None
    return "same_words" if max(map(weight, one.words)) == 1 else None


def _of_same_key(one: Spelling, other: Spelling) -> Sameness:
    if one.native != other.native:
        return "sounds_alike"
    if not agree(one.forms, other.forms):
        return "same_name_other_form"
    if one.place and other.place and one.place != other.place:
        return "same_name_other_place"
    return "same_name"


def compared(one: Spelling, other: Spelling) -> Likeness:
    """Compare two names that have words; the same in both directions."""
    same = sameness(one, other)
    if same is not None:
        return Likeness(_percent(MODEL.same[same]), same)
    found = features(one, other)
    return Likeness(_percent(MODEL.probability(found)), None, found)


def _percent(chance: float) -> float:
    return round(100 * chance, 1)
