"""Derive the figures of `worker/matching/calibration.py`: `python -m benchmarks.matching.fit DIRECTORY`.

Names with the same words get the part of them that is right. Other names get a logistic regression over the features,
with a ridge of 1 a seed, by Newton's method; then its logits are scaled, by another one, so that the score of a query's best
candidate is its probability. Candidates are those that the matcher finds; seeds remove other companies from the
reference. `cross_validated` scores each company by a model that has not seen it.
"""

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from zlib import crc32

import msgspec
from msgspec import Struct

from benchmarks.matching import labelled
from benchmarks.matching.labelled import Labelled, Query
from benchmarks.matching.quality import Answer
from worker.matching.calibration import MODEL, Likeness, Model, Sameness
from worker.matching.likeness import Features
from worker.matching.register import Register
from worker.matching.suggestions import LINKING, REQUIRED

SEEDS = 3
FOLDS = 5
RIDGE = 1.0
STEPS = 12
UNSEEN: tuple[Sameness, ...] = ("same_name_other_place", "sounds_alike")  # no labelled pair shows them

Vector = list[float]


class Pair(Struct, frozen=True):
    """A query and a candidate."""

    query: Query
    candidate: str
    likeness: Likeness

    @property
    def is_right(self) -> bool:
        """Whether the candidate is the company."""
        return self.candidate == self.query.company


def pairs(data: Labelled) -> list[Pair]:
    """Return every query with the candidates that the matcher compares it with."""
    register = Register()
    for company, name in data.reference.items():
        register.add(company, (name,))
    return [
        Pair(query, candidate, alike.likeness)
        for query in data.queries
        for candidate, alike in register.alike(query.name).items()
    ]


def fitted(found: Sequence[Pair], seeds: int = 1) -> Model:
    """Fit a model to labelled pairs, of some seeds: most pairs are the same with each seed, and tell no more."""
    ridge = RIDGE * seeds
    same: dict[Sameness, dict[tuple[str, str, str], bool]] = defaultdict(dict)
    rows: list[tuple[Vector, bool]] = []
    for pair in found:
        if pair.likeness.sameness is not None:
            names = (
                pair.query.company,
                pair.query.name,
                pair.candidate,
            )  # once, whatever the number of seeds
            same[pair.likeness.sameness][names] = pair.is_right
        elif pair.likeness.features is not None:
            rows.append(([1.0, *msgspec.structs.astuple(pair.likeness.features)], pair.is_right))
    intercept, *coefficients = _logistic(rows, ridge)
    raw = Model(MODEL.same, intercept, Features(*coefficients))
    bias, scale = _logistic(
        [([1.0, _logit(raw, best)], best.is_right) for best in _best_of_others(found, raw)], ridge
    )
    intercept, coefficients = bias + scale * intercept, [scale * each for each in coefficients]
    # Half a right and half a wrong pair more, so that a kind with few pairs gets no certainty from them.
    shares = {kind: (sum(right.values()) + 0.5) / (len(right) + 1) for kind, right in same.items()}
    assumed = {kind: MODEL.same[kind] for kind in UNSEEN}
    return Model(MODEL.same | shares | assumed, intercept, Features(*coefficients))


def _logit(model: Model, pair: Pair) -> float:
    probability = chance(model, pair.likeness)
    return math.log(probability / (1 - probability))


def _best_of_others(found: Sequence[Pair], model: Model) -> list[Pair]:
    """Return the best candidate of each query for which no candidate has the same words."""
    by_query: dict[Query, list[Pair]] = defaultdict(list)
    for pair in found:
        by_query[pair.query].append(pair)
    others = (each for each in by_query.values() if all(pair.likeness.sameness is None for pair in each))
    return [max(each, key=lambda pair: chance(model, pair.likeness)) for each in others]


def _logistic(rows: Sequence[tuple[Vector, bool]], ridge: float) -> Vector:
    size = len(rows[0][0])
    found = [0.0] * size
    for _ in range(STEPS):
        slope = [-ridge * each * (place > 0) for place, each in enumerate(found)]
        curve = [[ridge * (row == column > 0) for column in range(size)] for row in range(size)]
        for values, is_right in rows:
            chance = 1 / (1 + math.exp(-sum(map(float.__mul__, found, values))))
            spread = chance * (1 - chance)
            for row, value in enumerate(values):
                if not value:
                    continue
                slope[row] += (is_right - chance) * value
                line, scaled = curve[row], spread * value
                for column in range(size):
                    line[column] += scaled * values[column]
        found = [old + step for old, step in zip(found, _solved(curve, slope), strict=True)]
    return found


def _solved(matrix: list[Vector], right: Vector) -> Vector:
    """Solve a system of linear equations, by Gauss with pivots."""
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for place in range(size):
        pivot = max(range(place, size), key=lambda row: abs(rows[row][place]))
        rows[place], rows[pivot] = rows[pivot], rows[place]
        for row in range(size):
            if row != place:
                factor = rows[row][place] / rows[place][place]
                rows[row] = [
                    mine - factor * theirs for mine, theirs in zip(rows[row], rows[place], strict=True)
                ]
    return [row[-1] / row[place] for place, row in enumerate(rows)]


def cross_validated(found: Sequence[Pair]) -> list[Answer]:
    """Return the answer to each query that has a candidate, scored by a model that has not seen its company."""
    answers: list[Answer] = []
    for fold in range(FOLDS):
        model = fitted([pair for pair in found if _fold(pair) != fold])
        unseen = [pair for pair in found if _fold(pair) == fold]
        answers += best_answers(unseen, partial(chance, model))
    return answers


def _fold(pair: Pair) -> int:
    return crc32((pair.query.company or pair.query.name).encode()) % FOLDS


def chance(model: Model, likeness: Likeness) -> float:
    """Return the probability that two names are one company's."""
    if likeness.sameness is not None:
        return model.same[likeness.sameness]
    return model.probability(likeness.features) if likeness.features is not None else 0.0


def best_answers(found: Iterable[Pair], scored: Callable[[Likeness], float]) -> list[Answer]:
    """Return the answer to each query, with the matcher's rule of links."""
    by_query: dict[Query, list[tuple[float, Pair]]] = defaultdict(list)
    for pair in found:
        by_query[pair.query].append((round(scored(pair.likeness), 3), pair))
    answers = []
    for query, candidates in by_query.items():
        ranked = sorted(candidates, key=lambda each: (-each[0], each[1].candidate))
        (score, best), (second, _) = ranked[0], (*ranked[1:], (0.0, None))[0]
        is_linked = (
            best.likeness.sameness in LINKING
            and 100 * score >= REQUIRED.score
            and 100 * (score - second) >= REQUIRED.margin
        )
        answers.append(Answer(score, best.is_right, query.is_known, query.is_hard, is_linked))
    return answers


def main() -> int:
    """Print the model."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matching.fit", description=__doc__)
    parser.add_argument("directory", type=Path, help="the directory with the labelled names")
    directory = parser.parse_args().directory
    model = fitted([pair for seed in range(SEEDS) for pair in pairs(labelled.load(directory, seed))], SEEDS)
    print("same:")
    for kind, share in model.same.items():
        print(f"    {kind}: {share:.4f}")
    print(f"intercept: {model.intercept:.2f}\ncoefficients:")
    for name, value in msgspec.structs.asdict(model.coefficients).items():
        print(f"    {name}: {value:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
