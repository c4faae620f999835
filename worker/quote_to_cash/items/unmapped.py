"""The items of products that are mapped to none, by the setting `unmapped_product`: the default item, or a new one.

Both come only after the product was compared with the company's items, and none is like it: a suggestion waits for a person.
"""

from typing import Literal

from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.view import View
from worker.workspaces.kinds import CREATE, default_item_of

Standing = Literal["ignored", "in_review", "unmapped", "to_be_compared", "to_create", "being_created"]


def item_of(view: View, product_id: str) -> str | None:
    """Return the ID of the item on a product's lines: its own, else the default item; None if it has neither."""
    product, workspace = view.get(Product, product_id), view.get(WorkspaceState)
    own = product.target_in(workspace.realm)
    if own is not None or not product.has_no_match(workspace.realm):
        return own
    return _default_of(product, workspace)


def has_default_elsewhere(view: View) -> bool:
    """Return whether there is a default item, but of another company than the connected one."""
    workspace = view.get(WorkspaceState)
    is_chosen = default_item_of(workspace.settings.unmapped_product) is not None
    return is_chosen and workspace.default_item_realm != workspace.realm


def standing_of(view: View, product_id: str) -> Standing:
    """Return how a product without an item stands: why it has none, and whether it gets one without a person's request.

    An item is commanded once for each company: if QuickBooks refuses it, or its outcome is unknown, a person decides.
    """
    product, workspace = view.get(Product, product_id), view.get(WorkspaceState)
    realm, attempt = workspace.realm, product.attempt
    if product.ignored_by is not None:
        return "ignored"
    if product.in_review(realm) is not None:
        return "in_review"
    if workspace.settings.unmapped_product != CREATE:
        waits = _default_of(product, workspace) is not None and not product.has_no_match(realm)
        return "to_be_compared" if waits else "unmapped"
    if not product.is_unanswered and (attempt is None or attempt.realm != realm):
        return "to_create" if product.has_no_match(realm) else "to_be_compared"
    is_created = not product.is_unanswered and attempt is not None and attempt.status == "commanded"
    return "being_created" if is_created else "unmapped"


def _default_of(product: Product, workspace: WorkspaceState) -> str | None:
    """Return the default item, unless the product gets none, or an item of its own."""
    item_id = default_item_of(workspace.settings.unmapped_product)
    if item_id is None or workspace.default_item_realm != workspace.realm or product.ignored_by is not None:
        return None
    return None if _awaits_its_own(product, workspace.realm) else item_id


def _awaits_its_own(product: Product, realm: str | None) -> bool:
    """Return whether an item is being created for the product, or a person's request for one has not led to an item."""
    attempt = product.attempt
    if product.is_unanswered or attempt is None or attempt.realm != realm:
        return product.is_unanswered
    return attempt.is_open or attempt.asked > product.withdrawn
