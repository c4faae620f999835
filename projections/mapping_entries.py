"""The sentences of the integration log about suggested customers and items, and what people decided about them."""

from typing import Any, Literal

from events.contract import catalog, matching, reviewing, unmatched
from events.contract.matching import (
    MAPPING_SUGGESTED,
    PRODUCT_SUGGESTED,
    CandidateCustomer,
    CandidateItem,
    MappingEvidence,
    MappingSuggested,
    Verdicts,
)
from events.contract.reviewing import (
    ACCOUNT_IGNORED,
    ACCOUNT_UNIGNORED,
    BROUGHT_REFUSED,
    MAPPING_BROUGHT,
    MAPPING_LINKED,
    MAPPING_MOVED,
    MAPPING_REJECTED,
    PRODUCT_IGNORED,
    PRODUCT_LINKED,
    PRODUCT_MOVED,
    PRODUCT_REJECTED,
    PRODUCT_UNIGNORED,
    Refusal,
)
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER

Sentence = tuple[Literal["info", "attention"], str, str | None]

# Why an account was not linked to the customer that the CRM brought, and the remedy.
_REFUSED: dict[Refusal, tuple[str, str]] = {
    "customer_taken": (
        "that customer is the account {holder}'s",
        "Correct the customer in the CRM; or, if both accounts are invoiced to it, map this one too, and confirm that.",
    ),
    "account_mapped": (
        "this account has customer {holder}, which stays",
        "Correct the customer in the CRM; or, if the CRM is right, map this account to its customer.",
    ),
    "pair_rejected": (
        "a person said that this account is not that customer",
        "Correct the customer in the CRM; or, if the CRM is right, map this account to its customer.",
    ),
    "account_ignored": (
        "a person said that this account gets no customer",
        "If the CRM is right, no longer ignore this account; then it is linked.",
    ),
}

TOLD = frozenset(
    {
        MAPPING_SUGGESTED,
        MAPPING_REJECTED,
        MAPPING_LINKED,
        MAPPING_BROUGHT,
        BROUGHT_REFUSED,
        MAPPING_MOVED,
        PRODUCT_MOVED,
        matching.MAPPINGS_COMPARED,
        ACCOUNT_IGNORED,
        ACCOUNT_UNIGNORED,
        ACCOUNT_CREATED_FROM_CUSTOMER,
        catalog.ACCOUNT_MAPPED,
        PRODUCT_SUGGESTED,
        PRODUCT_REJECTED,
        PRODUCT_LINKED,
        PRODUCT_IGNORED,
        PRODUCT_UNIGNORED,
        catalog.PRODUCT_MAPPED,
    }
)


def sentence(kind: str, payload: Any) -> Sentence | None:  # noqa: C901, PLR0911 - a sentence a type
    """Return the sentence of an event of `TOLD`; None for an account or product without a match, as most of a CRM's are."""
    if hasattr(payload, "product_id"):
        return _of_product(kind, payload)
    match kind:
        case catalog.ACCOUNT_MAPPED:
            also = ", which is another account's, for invoices only" if payload.also else ""
            customer = f"customer {payload.customer_id}{also}{_scored(payload.evidence)}"
            return "info", f"{payload.by} mapped this account to {customer}.", None
        case reviewing.MAPPING_REJECTED:
            customer = f"customer {payload.customer_id}{_scored(payload.evidence)}"
            return "info", f"{payload.by} said that this account is not {customer}.", None
        case reviewing.MAPPING_LINKED:
            score = f"score {payload.evidence.score} %, auto_link {payload.auto_link}"
            return (
                "info",
                f"This account was linked to customer {payload.customer_id} by itself ({score}).",
                None,
            )
        case reviewing.MAPPING_BROUGHT:
            return "info", f"The CRM linked this account to customer {payload.customer_id}.", None
        case reviewing.BROUGHT_REFUSED:
            why, remedy = _REFUSED[payload.reason]
            said = f"The CRM says that this account is customer {payload.customer_id}, and it was not linked:"
            return "attention", f"{said} {why.format(holder=payload.holder)}.", remedy
        case matching.MAPPINGS_COMPARED:
            return "info", _compared(payload), None
        case reviewing.MAPPING_MOVED:
            return "info", _moved("account", "customer", payload.merged, payload.customer_id), None
        case unmatched.ACCOUNT_CREATED_FROM_CUSTOMER:
            return "info", f"Customer {payload.fields['name']} was offered to the CRM as a new account.", None
        case reviewing.ACCOUNT_IGNORED:
            why = f": {payload.why}" if payload.why else ""
            return "info", f"{payload.by} said that this account gets no customer{why}.", None
        case reviewing.ACCOUNT_UNIGNORED:
            return "info", f"{payload.by} said that this account is no longer ignored.", None
    return _suggested("account", payload)


def _of_product(kind: str, payload: Any) -> Sentence | None:  # noqa: PLR0911 - a sentence a type
    match kind:
        case catalog.PRODUCT_MAPPED:
            item = f"item {payload.item_id}{_scored(payload.evidence)}"
            return "info", f"{payload.by} mapped this product to {item}.", None
        case reviewing.PRODUCT_REJECTED:
            item = f"item {payload.item_id}{_scored(payload.evidence)}"
            return "info", f"{payload.by} said that this product is not {item}.", None
        case reviewing.PRODUCT_LINKED:
            score = f"score {payload.evidence.score} %, auto_link {payload.auto_link}"
            return "info", f"This product was linked to item {payload.item_id} by itself ({score}).", None
        case reviewing.PRODUCT_MOVED:
            return "info", _moved("product", "item", payload.merged, payload.item_id), None
        case reviewing.PRODUCT_IGNORED:
            why = f": {payload.why}" if payload.why else ""
            return "info", f"{payload.by} said that this product gets no item{why}.", None
        case reviewing.PRODUCT_UNIGNORED:
            return "info", f"{payload.by} said that this product is no longer ignored.", None
    return _suggested("product", payload)


def _compared(payload: Any) -> str:
    said = f"All accounts were compared with the company's customers: {_counted(payload.accounts)}."
    products = payload.products
    if not (products.link or products.review or products.none or products.decided):
        return said
    return f"{said} All products were compared with its items: {_counted(products)}."


def _counted(verdicts: Verdicts) -> str:
    return (
        f"{verdicts.link} could be linked, {verdicts.review} to be reviewed, {verdicts.none} without a match,"
        f" {verdicts.decided} decided before"
    )


def _moved(subject: str, entity: str, merged: str, survivor: str) -> str:
    return (
        f"In QuickBooks, {entity} {merged} was merged into {survivor}: the mapping of this {subject} was moved to"
        f" {entity} {survivor}."
    )


def _suggested(subject: str, payload: Any) -> Sentence | None:
    best = payload.best
    if best is None:
        return None
    reasons = ", ".join(reason.replace("_", " ") for reason in best.reasons) or "similar"
    said = f"This {subject} could be {spoken(best)}: {reasons}."
    twin = payload.twin if isinstance(payload, MappingSuggested) else None
    if twin is None:
        return "info", said, None
    return (
        "attention",
        f"{said} Customer {twin.customer_id} {twin.display_name} is probably a duplicate of it.",
        "If they are one, merge them in QuickBooks.",
    )


def _scored(evidence: MappingEvidence | None) -> str:
    return f" (score {evidence.score} %)" if evidence is not None else ""


def spoken(candidate: CandidateCustomer | CandidateItem) -> str:
    """Return a candidate with its score, such as `customer 58 Acme (99.9 %)`."""
    entity = "customer" if isinstance(candidate, CandidateCustomer) else "item"
    return f"{entity} {candidate.target} {candidate.target_name} ({candidate.score} %)"
