"""The sentences of the integration log about suggested customers, and what people decided about them."""

from typing import Any, Literal

from events.contract.matching import MAPPING_SUGGESTED, CandidateCustomer

Sentence = tuple[Literal["info", "attention"], str, str | None]

TOLD = frozenset({MAPPING_SUGGESTED})


def sentence(_kind: str, payload: Any) -> Sentence | None:
    """Return the sentence of an event of `TOLD`; None for an account without a match, as most of a CRM's are."""
    best = payload.best
    if best is None:
        return None
    return "info", f"This account could be {spoken(best)}: {', '.join(best.reasons) or 'similar'}.", None


def spoken(candidate: CandidateCustomer) -> str:
    """Return a candidate with its score, such as `customer 58 Acme (99.9 %)`."""
    return f"customer {candidate.customer_id} {candidate.display_name} ({candidate.score} %)"
