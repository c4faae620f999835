"""The list of mappings keeps companies apart: a customer or item of one company is not that of another one with its ID."""

from typing import Any

import pytest
from msgspec.structs import replace

from events.contract.envelope import Event, Recorded
from events.contract.matching import MappingEvidence
from events.contract.reviewing import (
    MAPPING_LINKED,
    MAPPING_MOVED,
    PRODUCT_LINKED,
    PRODUCT_MOVED,
    MappingLinked,
    MappingMoved,
    ProductLinked,
    ProductMoved,
)
from events.contract.values import Amount, Percent
from projections.mappings import MAPPINGS, MappingRow
from projections.seen import seen
from tests.worker.quote_to_cash.given import (
    NOW,
    OTHER_REALM,
    REALM,
    fact,
    item_suggested,
    mapped,
    mapped_product,
    rejected_item,
    rejected_pair,
    suggested,
)

EVIDENCE = MappingEvidence(1, Percent(99), Amount(99), 1)
LINKED = {
    "account": fact(MAPPING_LINKED, MappingLinked("A-1", REALM, "58", Percent(95), EVIDENCE)),
    "product": fact(PRODUCT_LINKED, ProductLinked("P-1", REALM, "58", Percent(95), EVIDENCE)),
}
MAPPED = {"account": mapped("A-1", "58"), "product": mapped_product("P-1", "58")}
REJECTED: dict[str, Any] = {"account": rejected_pair, "product": rejected_item}
SUGGESTED: dict[str, Any] = {"account": suggested, "product": item_suggested}
kinds = pytest.mark.parametrize("kind", ["account", "product"])


def row(*happened: Event) -> MappingRow:
    """Return the row of the account or product of events."""
    rows: dict[Any, MappingRow] = {}
    batch = [seen(Recorded(position, NOW, event)) for position, event in enumerate(happened, 1)]
    MAPPINGS.parts[0].folded(batch, lambda _: rows)
    (found,) = rows.values()
    return found


@kinds
def test_a_link_stays_when_its_id_is_rejected_in_another_company(kind: str) -> None:
    linked = row(LINKED[kind])
    assert (linked.state, linked.target, linked.realm) == ("mapped", "58", REALM)
    kept = row(LINKED[kind], REJECTED[kind](realm=OTHER_REALM))
    assert (kept.state, kept.target, kept.realm) == ("mapped", "58", REALM)
    undone = row(LINKED[kind], REJECTED[kind](realm=REALM))
    assert (undone.state, undone.target, undone.realm) == ("unmatched", None, None)


@kinds
def test_a_suggestion_stays_when_its_id_is_rejected_in_another_company(kind: str) -> None:
    assert row(SUGGESTED[kind](), REJECTED[kind](realm=OTHER_REALM)).state == "suggested"
    assert row(SUGGESTED[kind](), REJECTED[kind](realm=REALM)).state == "unmatched"


@kinds
def test_a_merge_in_another_company_moves_no_mapping(kind: str) -> None:
    def moved(realm: str) -> Event:
        if kind == "account":
            return fact(MAPPING_MOVED, MappingMoved("A-1", realm, "60", "58"))
        return fact(PRODUCT_MOVED, ProductMoved("P-1", realm, "60", "58"))

    assert row(LINKED[kind], moved(OTHER_REALM)).target == "58"
    assert row(LINKED[kind], moved(REALM)).target == "60"
    assert row(MAPPED[kind], moved(REALM)).target == "60", "of the company that was connected"
    named = replace(MAPPED[kind].payload, realm=REALM)
    assert row(fact(MAPPED[kind].type, named), moved(OTHER_REALM)).target == "58"
