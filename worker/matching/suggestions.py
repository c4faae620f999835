"""The matcher's answer: candidates with scores and reasons, and the verdict: link, review or none."""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from worker.matching import MATCHER_VERSION
from worker.matching.calibration import Likeness
from worker.matching.likeness import Features

Reason = Literal[
    "same_tax_id",
    "same_sku",
    "same_email",
    "same_domain",
    "same_phone",
    "same_name",
    "same_words",
    "same_name_other_form",
    "same_name_other_place",
    "sounds_alike",
    "contained_name",
    "similar_name",
    "trade_name",
    "learned_name",
    "other_tax_id",
    "other_sku",
    "other_number",
    "other_currency",
    "sub_customer",
    "shared_sku",
    "no_income_account",
    "inactive",
]
Decision = Literal["link", "review", "none"]

# What an identifier or a circumstance adds to the score when candidates are ranked, in points.
RANKED: dict[Reason, float] = {
    "same_tax_id": 100.0,  # whatever the names are: a contradiction has to be seen
    "same_sku": 100.0,
    "same_email": 15.0,
    "same_domain": 15.0,
    "same_phone": 15.0,
    "same_name_other_form": -15.0,
    "other_tax_id": -40.0,
    "other_sku": -40.0,
    "other_currency": -15.0,
    "sub_customer": -15.0,
    "no_income_account": -15.0,
    "inactive": -15.0,
}
IDENTIFIERS = frozenset({"same_tax_id", "same_sku", "same_email", "same_domain", "same_phone"})
# Names that link by themselves. Names that merely share words never do, whatever their score is.
LINKING = frozenset({"same_name", "same_words"})
# With one of these, a person decides.
OBJECTIONS = frozenset(
    {"trade_name", "other_tax_id", "other_sku", "other_currency", "sub_customer", "inactive"}
    | {"shared_sku", "no_income_account"}
)
TAX_ID_SCORE_MIN = 50.0  # below it, the same tax ID is rather a group's or a mistake


class Requirement(Struct, frozen=True):
    """The least that a link and a review need.

    Attributes:
        score: The least score of a link, in percent.
        margin: The least distance of a link from the runner-up's rank, in points.
        review: The least score of a review without an identifier in common, in percent.
        letters: The least feature `letters` of a review whatever the score is: the name may be mistyped.
    """

    score: float = 90.0
    margin: float = 10.0
    review: float = 25.0
    letters: float = 0.72


REQUIRED = Requirement()


class Suggested(Struct, frozen=True):
    """A candidate.

    Attributes:
        id: The ID of the customer or item.
        name: The name of it that was found most alike.
        score: The probability that the names are one company's, in percent.
        rank: The score with points added for identifiers and taken for circumstances; candidates are in its order.
        reasons: Codes: first identifiers, then names, then what speaks against it.
        features: The features of the names; none if they are the same, or only an identifier is.
    """

    id: str
    name: str
    score: float
    rank: float
    reasons: tuple[Reason, ...]
    features: Features | None = None


class Suggestion(Struct, frozen=True):
    """The answer for one account or product.

    Attributes:
        sought: The ID of the account or product.
        decision: `link`, `review`, or `none` for "No match found".
        best: The best candidate; None if the decision is `none`.
        runner_up: The next one.
        margin: The distance of their ranks, in points; of the best one's rank, if there is no runner-up.
        nearest: The nearest candidates, best first, also if the decision is `none`.
        matcher: The version of the matcher.
    """

    sought: str
    decision: Decision
    best: Suggested | None
    runner_up: Suggested | None
    margin: float
    nearest: tuple[Suggested, ...]
    matcher: int = MATCHER_VERSION


NEAREST_MAX = 3


def suggestion(sought: str, candidates: Sequence[Suggested], required: Requirement) -> Suggestion:
    """Rank candidates, and decide."""
    nearest = tuple(sorted(candidates, key=lambda each: (-each.rank, -each.score, each.id))[:NEAREST_MAX])
    best, runner_up = (*nearest[:2], None, None)[:2]
    if best is None or not _is_worth_a_review(best, required):
        return Suggestion(sought, "none", None, None, 0.0, nearest)
    margin = round(best.rank - (runner_up.rank if runner_up else 0.0), 1)
    decision: Decision = "link" if _links(best, required) and margin >= required.margin else "review"
    return Suggestion(sought, decision, best, runner_up, margin, nearest)


def _is_worth_a_review(candidate: Suggested, required: Requirement) -> bool:
    letters = candidate.features.letters if candidate.features else 0.0
    is_alike = candidate.score >= required.review or letters >= required.letters
    return is_alike or not IDENTIFIERS.isdisjoint(candidate.reasons)


def _links(candidate: Suggested, required: Requirement) -> bool:
    if not OBJECTIONS.isdisjoint(candidate.reasons):
        return False
    if "same_tax_id" in candidate.reasons and candidate.score >= TAX_ID_SCORE_MIN:
        return "other_number" not in candidate.reasons
    return not LINKING.isdisjoint(candidate.reasons) and candidate.score >= required.score


def name_reasons(likeness: Likeness) -> list[Reason]:
    """Return the reasons of two names' likeness."""
    if likeness.sameness is not None:
        return [likeness.sameness]
    found = likeness.features
    if found is None:
        return []
    reasons: list[Reason] = ["similar_name" if found.replaced or not found.own else "contained_name"]
    return [*reasons, "other_number"] if found.other_number else reasons


def rank(score: float, reasons: Iterable[Reason]) -> float:
    """Return a score with the points of its reasons."""
    return round(score + sum(RANKED.get(reason, 0.0) for reason in reasons), 1)
