"""The benchmark of the matcher: its figures are right on answers worked out by hand, and its names repeat by their seed."""

from collections import Counter

import pytest

from benchmarks.matching import fit, methods, synthetic
from benchmarks.matching.quality import Answer, calibration, quality


def answer(score: float, *, right: bool, known: bool = True, linked: bool | None = None) -> Answer:
    return Answer(score, right, known, is_hard=False, is_linked=linked)


def test_quality_is_that_of_the_best_threshold() -> None:
    answers = [
        answer(0.9, right=True, linked=True),
        answer(0.8, right=True, linked=False),
        answer(0.7, right=False, known=False, linked=True),
        answer(0.6, right=True, linked=False),
        answer(0.1, right=False, linked=False),
    ]
    found = quality(answers)
    assert found.top1 == 3 / 4
    assert found.f1 == pytest.approx(2 * (3 / 4) * (3 / 4) / (3 / 4 + 3 / 4))
    assert found.recall_at == dict.fromkeys((0.99, 0.998, 0.999), 0.5)
    assert (found.precision, found.recall) == (0.5, 0.25)


def test_equal_scores_pass_a_threshold_together() -> None:
    found = quality([answer(0.9, right=True), answer(0.9, right=False, known=False)])
    assert found.recall_at[0.99] == 0
    assert found.precision is None


def test_calibration_compares_scores_with_the_truth() -> None:
    honest = [answer(0.75, right=number % 4 > 0) for number in range(100)]
    assert calibration(honest).error == pytest.approx(0)
    assert calibration(honest).outside == 0
    boastful = [answer(0.95, right=number % 2 > 0) for number in range(100)]
    assert calibration(boastful).error == pytest.approx(0.45)
    assert calibration(boastful).outside == 1


def test_made_names_repeat_by_their_seed() -> None:
    made = synthetic.made(1, 300)
    assert made == synthetic.made(1, 300)
    assert made != synthetic.made(2, 300)
    kinds = Counter(query.is_known for query in made.queries)
    assert 0.6 < kinds[True] / 300 < 0.8
    assert all((query.company in made.reference) is query.is_known for query in made.queries)


async def test_links_among_made_names_are_right() -> None:
    run = await methods.ours(synthetic.made(1, 500))
    found = quality(run.answers)
    assert found.precision == 1
    assert found.recall
    assert found.recall > 0.5
    assert found.top1 > 0.97


def test_a_model_is_fitted_to_pairs() -> None:
    pairs = fit.pairs(synthetic.made(1, 500))
    model = fit.fitted(pairs)
    assert model.same["same_name"] > 0.99
    assert model.coefficients.first_word > 0
    assert model.coefficients.other_number < 0
    answers = fit.cross_validated(pairs)
    assert quality(answers).top1 > 0.8  # trade names are not fitted
    assert calibration(answers).error < 0.1
