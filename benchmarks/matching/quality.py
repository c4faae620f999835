"""Figures of quality from answers: precision and recall over all thresholds, and whether scores are probabilities."""

import math
from collections.abc import Sequence

from msgspec import Struct

PRECISIONS = (0.99, 0.998, 0.999)
BINS = 10
BIN_MIN = 50  # pairs; a smaller bin proves nothing
Z_99 = 2.5758


class Answer(Struct, frozen=True):
    """The best candidate for a query.

    Attributes:
        score: Its score, from 0 to 1.
        is_right: Whether it is the company.
        is_known: Whether the company could be found.
        is_hard: Whether the company's name is read as another.
        is_linked: Whether it would be linked without a person; None for a method without such a rule.
    """

    score: float
    is_right: bool
    is_known: bool
    is_hard: bool
    is_linked: bool | None = None


class Quality(Struct, frozen=True):
    """The figures of a method.

    Attributes:
        top1: The part of the known companies whose best candidate is right.
        f1: The best F1 over all thresholds.
        recall_at: The greatest recall at each precision of `PRECISIONS`.
        hard_f1: The best F1 over the hard queries alone.
        precision: Of links by the method's own rule; None without one.
        recall: The part of the known companies that is linked; None without such a rule.
    """

    top1: float
    f1: float
    recall_at: dict[float, float]
    hard_f1: float
    precision: float | None = None
    recall: float | None = None


def quality(answers: Sequence[Answer]) -> Quality:
    """Return the figures of some answers."""
    known = sum(each.is_known for each in answers)
    f1, recall_at = _over_thresholds(answers)
    linked = [each for each in answers if each.is_linked]
    right = sum(each.is_right for each in linked)
    has_rule = any(each.is_linked is not None for each in answers)
    return Quality(
        top1=sum(each.is_right for each in answers) / known,
        f1=f1,
        recall_at=recall_at,
        hard_f1=_over_thresholds([each for each in answers if each.is_hard])[0],
        precision=right / len(linked) if has_rule and linked else None,
        recall=right / known if has_rule else None,
    )


def _over_thresholds(answers: Sequence[Answer]) -> tuple[float, dict[float, float]]:
    """Return the best F1, and the greatest recall at each precision; equal scores pass a threshold together."""
    known = sum(each.is_known for each in answers)
    ordered = sorted(answers, key=lambda each: -each.score)
    best, recall_at, right = 0.0, dict.fromkeys(PRECISIONS, 0.0), 0
    for count, answer in enumerate(ordered, 1):
        right += answer.is_right
        if not right or (count < len(ordered) and ordered[count].score == answer.score):
            continue
        precision, recall = right / count, right / known
        best = max(best, 2 * precision * recall / (precision + recall))
        for least in PRECISIONS:
            if precision >= least:
                recall_at[least] = max(recall_at[least], recall)
    return best, recall_at


class Bin(Struct, frozen=True):
    """Answers with similar scores: how many, their mean score, the part that is right, and whether both agree.

    They agree if the number of right answers is within its 99 % interval, were the scores probabilities.
    """

    count: int
    expected: float
    observed: float
    agrees: bool


class Calibration(Struct, frozen=True):
    """The expected calibration error: the mean distance of score and truth over the bins, by their sizes; and the bins."""

    error: float
    bins: tuple[Bin, ...]

    @property
    def outside(self) -> int:
        """The number of bins of `BIN_MIN` answers or more that do not agree."""
        return sum(not each.agrees for each in self.bins if each.count >= BIN_MIN)


def calibration(answers: Sequence[Answer]) -> Calibration:
    """Compare scores with truth, in bins of a tenth of the scale."""
    groups: list[list[Answer]] = [[] for _ in range(BINS)]
    for answer in answers:
        groups[min(int(answer.score * BINS), BINS - 1)].append(answer)
    bins = tuple(_bin(group) for group in groups if group)
    return Calibration(
        sum(each.count * abs(each.expected - each.observed) for each in bins) / max(len(answers), 1), bins
    )


def _bin(group: Sequence[Answer]) -> Bin:
    count = len(group)
    expected = sum(each.score for each in group) / count
    observed = sum(each.is_right for each in group) / count
    spread = Z_99 * math.sqrt(sum(each.score * (1 - each.score) for each in group)) / count
    return Bin(count, expected, observed, abs(expected - observed) <= spread + 0.5 / count)
