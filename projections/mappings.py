"""The read model of mappings: the QuickBooks customer of each account, and the item of each product."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog, json
from events.contract.matching import MAPPING_SUGGESTED, PRODUCT_SUGGESTED, MappingSuggested
from events.contract.reviewing import (
    ACCOUNT_IGNORED,
    ACCOUNT_UNIGNORED,
    BROUGHT_REFUSED,
    MAPPING_BROUGHT,
    MAPPING_LINKED,
    MAPPING_MOVED,
    MAPPING_REJECTED,
    OF_ACCOUNTS,
    OF_PRODUCTS,
    PRODUCT_IGNORED,
    PRODUCT_LINKED,
    PRODUCT_MOVED,
    PRODUCT_REJECTED,
    PRODUCT_UNIGNORED,
)
from events.contract.unmatched import (
    ACCOUNT_UNMATCHED,
    COMPARISON_REQUESTED,
    PRODUCT_COMPARISON_REQUESTED,
    PRODUCT_UNMATCHED,
)
from events.log.tables import Position, UtcInstant
from projections import rows
from projections.fold import Fold, Key
from projections.projection import Projection
from projections.seen import Happened

VERSION = 4
table = rows.table(
    "mappings",
    VERSION,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("target", sa.Text),
    sa.Column("target_name", sa.Text),
    sa.Column("realm", sa.Text),
    sa.Column("by", sa.Text),
    sa.Column("problem", sa.Text),
    sa.Column("position", Position, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("suggestion", sa.Text),
    sa.Column("decided_at", UtcInstant),
)
mappings = rows.live(table)
UNMATCHED, SUGGESTED, MAPPED, IGNORED = "unmatched", "suggested", "mapped", "ignored"
NO_PERSONS = frozenset({"automatic", "crm"})  # who linked an account, if no person did


class SuggestedTarget(Struct, frozen=True):
    """A customer that an account could be, or an item that a product could be."""

    target: str
    name: str
    score: str
    reasons: tuple[str, ...]


class KeptSuggestion(Struct, frozen=True):
    """The matcher's last answer for an account or a product; the fields are those of the event."""

    realm: str
    verdict: str
    matcher: int
    margin: str
    runner_up: str | None
    candidates: tuple[SuggestedTarget, ...]
    duplicate: bool = False

    @property
    def best(self) -> SuggestedTarget | None:
        """The suggested customer or item; None if the verdict is `none`."""
        return self.candidates[0] if self.candidates and self.verdict != "none" else None


class MappingRow(Struct, gc=False):
    """The mapping of an account to a customer, or of a product to an item (`target`), of the company `realm`.

    `realm` is None if a person mapped it and named no company: then it is of the one that was connected.
    `status` is unmapped, requested, mapped or refused; it is requested or refused also if another `target` stays meanwhile.
    `state` is suggested, mapped, ignored or unmatched. `suggestion` is a KeptSuggestion as JSON, until a person rejects it.
    """

    name: str | None = None
    revision: int = -1
    status: str = "unmapped"
    target: str | None = None
    target_name: str | None = None
    realm: str | None = None
    by: str | None = None
    problem: str | None = None
    position: int = 0
    state: str = UNMATCHED
    suggestion: str | None = None
    decided_at: datetime | None = None


def _account(event: Happened) -> list[Key]:
    return [(event.workspace, "account", event.payload.account_id)]


def _product(event: Happened) -> list[Key]:
    return [(event.workspace, "product", event.payload.product_id)]


def _products_of_quote(event: Happened) -> Iterable[Key]:
    quote = event.payload.quote
    return {(event.workspace, "product", line.product_id) for line in quote.lines} if quote else ()


def _refused(event: Happened) -> list[Key]:
    kind, _, of = event.stream.partition("/")
    return [(event.workspace, kind, of)] if kind in {"account", "product"} else []


def _fold(row: MappingRow, key: Key, events: Sequence[Happened]) -> None:
    """Apply the events of an account or product to its row; the last quote has the product's current name."""
    quoted = None
    for event in events:
        kind, payload = event.type, event.payload
        if kind == catalog.DEAL_UPDATED:
            quoted = payload.quote
        elif kind == catalog.ACCOUNT_UPDATED:
            if payload.revision > row.revision:
                row.name, row.revision = payload.name, payload.revision
        elif kind in _OUTCOMES:
            _OUTCOMES[kind](row, payload)
        elif kind not in _BY_NO_PERSON or _is_free(row):
            _DECIDED[kind](row, payload)
            if hasattr(payload, "by"):
                row.decided_at, row.by = event.time, payload.by
        row.state = _state(row, kind)
    if quoted is not None:
        row.name = next(line.name for line in quoted.lines if line.product_id == key[-1])
    row.position = events[-1].position


def _is_free(row: MappingRow) -> bool:
    """Return whether no person has mapped it; a link that no person made does not replace such a mapping."""
    return row.status != MAPPED or row.by in NO_PERSONS


def _state(row: MappingRow, kind: str) -> str:
    if kind in {ACCOUNT_IGNORED, PRODUCT_IGNORED} or (row.state == IGNORED and kind not in _ENDS_IGNORING):
        return IGNORED
    if row.target is not None:
        return MAPPED
    return SUGGESTED if row.suggestion is not None and suggestion(row.suggestion).best else UNMATCHED


def suggestion(text: str) -> KeptSuggestion:
    """Return the suggestion of a row."""
    return json.decode(text, KeptSuggestion)


def _suggested(row: MappingRow, payload: Any) -> None:
    candidates = tuple(
        SuggestedTarget(each.target, each.target_name, str(each.score), each.reasons)
        for each in payload.candidates
    )
    kept = KeptSuggestion(
        payload.realm,
        payload.verdict,
        payload.matcher,
        str(payload.margin),
        payload.runner_up,
        candidates,
        isinstance(payload, MappingSuggested) and payload.duplicate,
    )
    row.suggestion = json.encode(kept)


def _commanded(row: MappingRow, _: Any) -> None:
    row.status = row.status if row.status == MAPPED else "requested"


def _creation_refused(row: MappingRow, payload: Any) -> None:
    if row.status != MAPPED:  # a decision since the request stays
        row.status, row.problem = "refused", payload.message


def _requested(row: MappingRow, _: Any) -> None:
    row.status, row.problem = "requested", None


def _mapped(row: MappingRow, payload: Any) -> None:
    found = suggestion(row.suggestion).candidates if row.suggestion else ()
    names, target = {each.target: each.name for each in found}, _target(payload)
    row.status, row.target, row.target_name, row.realm = MAPPED, target, names.get(target), payload.realm


def _target(payload: Any) -> str:
    target: str = payload.customer_id if hasattr(payload, "customer_id") else payload.item_id
    return target


def _linked_by_itself(row: MappingRow, payload: Any) -> None:
    is_awaited = row.status == "requested"  # the customer that a person requested meanwhile replaces this one
    _mapped(row, payload)
    row.status = "requested" if is_awaited else row.status


def _customer_created(row: MappingRow, payload: Any) -> None:
    _created(row, payload, payload.display_name)


def _item_created(row: MappingRow, payload: Any) -> None:
    _created(row, payload, payload.name)


def _created(row: MappingRow, payload: Any, name: str) -> None:
    if row.status != MAPPED and row.state != IGNORED:  # as above
        row.status, row.target, row.target_name, row.realm = MAPPED, _target(payload), name, payload.realm
        row.problem = None


def _rejected(row: MappingRow, payload: Any) -> None:
    """Forget the rejected suggestion, and undo a link that no person made; another company's of that ID is another one."""
    pair = (payload.realm, _target(payload))
    kept = suggestion(row.suggestion) if row.suggestion is not None else None
    if kept is not None and kept.best is not None and (kept.realm, kept.best.target) == pair:
        row.suggestion = None
    if row.by in NO_PERSONS and (row.realm, row.target) == pair:
        row.status, row.target, row.target_name, row.realm = "unmapped", None, None, None


def _ignored(row: MappingRow, _payload: Any) -> None:
    if row.target is None:
        row.status, row.problem = "unmapped", None


def _moved(row: MappingRow, payload: Any) -> None:
    """Move a mapping to what its own was merged into; a mapping that a person has changed meanwhile stays."""
    if row.target == payload.merged and row.realm in {None, payload.realm}:
        row.target, row.target_name = _target(payload), None


def _nothing(_row: MappingRow, _payload: Any) -> None:
    """Change only who decided, and when."""


_OUTCOMES: dict[str, Callable[[MappingRow, Any], None]] = {
    catalog.CUSTOMER_COMMANDED: _commanded,
    catalog.ITEM_COMMANDED: _commanded,
    catalog.COMMAND_REJECTED: _creation_refused,
    MAPPING_SUGGESTED: _suggested,
    PRODUCT_SUGGESTED: _suggested,
}
_DECIDED: dict[str, Callable[[MappingRow, Any], None]] = {
    catalog.CUSTOMER_REQUESTED: _requested,
    catalog.ITEM_REQUESTED: _requested,
    catalog.ACCOUNT_MAPPED: _mapped,
    MAPPING_LINKED: _linked_by_itself,
    MAPPING_BROUGHT: _linked_by_itself,
    BROUGHT_REFUSED: _nothing,
    COMPARISON_REQUESTED: _nothing,
    ACCOUNT_UNMATCHED: _nothing,
    PRODUCT_COMPARISON_REQUESTED: _nothing,
    PRODUCT_UNMATCHED: _nothing,
    MAPPING_MOVED: _moved,
    PRODUCT_MOVED: _moved,
    catalog.PRODUCT_MAPPED: _mapped,
    PRODUCT_LINKED: _linked_by_itself,
    PRODUCT_REJECTED: _rejected,
    PRODUCT_IGNORED: _ignored,
    PRODUCT_UNIGNORED: _nothing,
    catalog.CUSTOMER_CREATED: _customer_created,
    catalog.ITEM_CREATED: _item_created,
    MAPPING_REJECTED: _rejected,
    ACCOUNT_IGNORED: _ignored,
    ACCOUNT_UNIGNORED: _nothing,
}
_BY_NO_PERSON = frozenset({MAPPING_LINKED, MAPPING_BROUGHT, PRODUCT_LINKED})
_ENDS_IGNORING = frozenset(
    {ACCOUNT_UNIGNORED, catalog.CUSTOMER_REQUESTED, catalog.ACCOUNT_MAPPED}
    | {PRODUCT_UNIGNORED, catalog.ITEM_REQUESTED, catalog.PRODUCT_MAPPED}
)
_FOLD = Fold(
    table=table,
    row=MappingRow,
    keys={
        catalog.DEAL_UPDATED: _products_of_quote,
        catalog.ACCOUNT_UPDATED: _account,
        catalog.CUSTOMER_REQUESTED: _account,
        catalog.ACCOUNT_MAPPED: _account,
        catalog.CUSTOMER_COMMANDED: _account,
        catalog.CUSTOMER_CREATED: _account,
        catalog.ITEM_REQUESTED: _product,
        catalog.ITEM_COMMANDED: _product,
        catalog.PRODUCT_MAPPED: _product,
        catalog.ITEM_CREATED: _product,
        catalog.COMMAND_REJECTED: _refused,
        **dict.fromkeys(OF_ACCOUNTS, _account),
        **dict.fromkeys(OF_PRODUCTS, _product),
    },
    fold=_fold,
)
MAPPINGS = Projection("mappings", VERSION, (_FOLD,))
