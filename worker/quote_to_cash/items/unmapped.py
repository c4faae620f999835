"""The items of products that are mapped to none, by the setting `unmapped_product`: the default item, or a new one."""

from typing import Literal

from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.view import View
from worker.workspaces.kinds import CREATE, default_item_of

Creation = Literal["to_create", "being_created"]


def item_of(view: View, product_id: str) -> str | None:
    """Return the ID of the item on a product's lines: its own, else the default item; None if it has neither."""
    product, workspace = view.get(Product, product_id), view.get(WorkspaceState)
    return product.item_in(workspace.realm) or _default_of(product, workspace)


def has_default_elsewhere(view: View) -> bool:
    """Return whether there is a default item, but of another company than the connected one."""
    workspace = view.get(WorkspaceState)
    is_chosen = default_item_of(workspace.settings.unmapped_product) is not None
    return is_chosen and workspace.default_item_realm != workspace.realm


def creation_of(view: View, product_id: str) -> Creation | None:
    """Return whether the item of an unmapped product is created without a person's request, or is being created.

    It is commanded once for each company: if QuickBooks refuses it, or its outcome is unknown, a person decides.
    """
    product, workspace = view.get(Product, product_id), view.get(WorkspaceState)
    if workspace.settings.unmapped_product != CREATE or product.is_unanswered:
        return None
    attempt = product.attempt
    if attempt is None or attempt.realm != workspace.realm:
        return "to_create"
    return "being_created" if attempt.status == "commanded" else None


def _default_of(product: Product, workspace: WorkspaceState) -> str | None:
    """Return the default item, unless the product gets an item of its own."""
    item_id = default_item_of(workspace.settings.unmapped_product)
    if item_id is None or workspace.default_item_realm != workspace.realm:
        return None
    return None if _awaits_its_own(product, workspace.realm) else item_id


def _awaits_its_own(product: Product, realm: str | None) -> bool:
    """Return whether an item is being created for the product, or a person's request for one has not led to an item."""
    attempt = product.attempt
    if product.is_unanswered or attempt is None or attempt.realm != realm:
        return product.is_unanswered
    return attempt.is_open or attempt.asked > product.withdrawn
