"""The review of suggested items: accept, reject, override, ignore. A person's decision holds for ever.

Each decision is checked by the newest state. Several products may have one item.
"""

from events.contract import catalog
from events.contract.administration import ProductMapped
from events.contract.matching import ProductSuggested
from events.contract.reviewing import (
    PRODUCT_IGNORED,
    PRODUCT_REJECTED,
    PRODUCT_UNIGNORED,
    ProductIgnored,
    ProductRejected,
    ProductUnignored,
)
from events.contract.values import Fact
from worker.actions.admin import ActionRefused, Admin
from worker.actions.recording import record
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.texts import shown
from worker.quote_to_cash.view import View


async def map_product(admin: Admin, product_id: str, item_id: str, realm: str | None = None) -> int:
    """Map a product to an item of the company `realm`, by default of the connected company."""

    def decide(view: View) -> tuple[str, Fact]:
        return catalog.PRODUCT_MAPPED, _mapped(view, admin, product_id, item_id, realm)

    return await record(admin, decide)


async def accept_item(admin: Admin, product_id: str, item_id: str | None = None) -> int:
    """Map a product to the suggested item; to none other than `item_id`, if it is given.

    Raises:
        ActionRefused: No suggestion waits for a person, or it is another one.
    """

    def decide(view: View) -> tuple[str, Fact]:
        suggested = _in_review(view, product_id)
        best = suggested.best
        if best is None or item_id not in {None, best.item_id}:
            said = f"the item {best.item_id} {best.item_name}" if best else "no item"
            raise ActionRefused(
                "suggestion_changed", f"For the product {product_id}, {said} is suggested now", "item"
            )
        return catalog.PRODUCT_MAPPED, _mapped(view, admin, product_id, best.item_id, suggested.realm)

    return await record(admin, decide)


async def reject_item(admin: Admin, product_id: str, item_id: str | None = None) -> int:
    """Reject an item for a product: it is never suggested for it again.

    By default, that is the suggested item, or the one that the worker linked it to by itself.

    Raises:
        ActionRefused: No suggestion waits for a person, no company is connected, the product is mapped to the item, or an
            item is being created for it.
    """

    def decide(view: View) -> tuple[str, Fact]:
        product, realm = view.get(Product, product_id), view.get(WorkspaceState).realm
        name = _name(view, product_id)
        if product.is_unanswered or (product.attempt is not None and product.attempt.is_open):
            raise ActionRefused(
                "item_being_created",
                f"An item is being created for the product {name}: wait until it is known, or map the product to another"
                " one",
            )
        if realm is None:
            raise ActionRefused("not_connected", "No QuickBooks company is connected yet")
        suggested = product.suggested if product.suggested and product.suggested.realm == realm else None
        present = product.item_in(realm)
        linked = product.linked_by_itself(realm)
        is_by_itself = present is not None and present == linked
        rejected = item_id or (present if is_by_itself else None)
        if rejected is None:
            suggested = _in_review(view, product_id)
            rejected = suggested.best.item_id if suggested.best is not None else None
        if rejected is None or (rejected == present and not is_by_itself):
            raise ActionRefused(
                "product_mapped",
                f"The product {name} is mapped to item {rejected}: map it to another one instead",
            )
        evidence = suggested.evidence(rejected) if suggested else None
        return PRODUCT_REJECTED, ProductRejected(product_id, realm, rejected, admin.by, evidence)

    return await record(admin, decide)


async def ignore_product(admin: Admin, product_id: str, why: str | None = None) -> int:
    """Say that a product gets no item.

    Raises:
        ActionRefused: It has one.
    """

    def decide(view: View) -> tuple[str, Fact]:
        item_id = view.get(Product, product_id).item_in(view.get(WorkspaceState).realm)
        if item_id is not None:
            name = _name(view, product_id)
            raise ActionRefused(
                "product_mapped", f"The product {name} is mapped to item {item_id}, so it can't be ignored"
            )
        return PRODUCT_IGNORED, ProductIgnored(product_id, admin.by, why)

    return await record(admin, decide)


async def unignore_product(admin: Admin, product_id: str) -> int:
    """Say that a product is no longer ignored.

    Raises:
        ActionRefused: It is not ignored.
    """

    def decide(view: View) -> tuple[str, Fact]:
        if view.get(Product, product_id).ignored_by is None:
            raise ActionRefused("not_ignored", f"The product {_name(view, product_id)} is not ignored")
        return PRODUCT_UNIGNORED, ProductUnignored(product_id, admin.by)

    return await record(admin, decide)


def _mapped(view: View, admin: Admin, product_id: str, item_id: str, realm: str | None) -> ProductMapped:
    suggested = view.get(Product, product_id).suggested
    of_realm = realm or view.get(WorkspaceState).realm
    is_its = suggested is not None and suggested.realm == of_realm
    evidence = suggested.evidence(item_id) if suggested is not None and is_its else None
    return ProductMapped(product_id, item_id, admin.by, realm, evidence)


def _in_review(view: View, product_id: str) -> ProductSuggested:
    suggested = view.get(Product, product_id).in_review(view.get(WorkspaceState).realm)
    if suggested is None:
        raise ActionRefused(
            "nothing_suggested",
            f"No item is suggested for the product {_name(view, product_id)}, or it was decided upon",
        )
    return suggested


def _name(view: View, product_id: str) -> str:
    """Return a product's name in the last quote with its ID."""
    name = view.get(Product, product_id).name
    return f"{shown(name)} ({product_id})" if name else product_id
