"""A person's requests for items: is an item still to be created, and what does its creation wait for."""

from events.contract.quickbooks import NOT_FOR_SALE
from worker.quote_to_cash.company.state import WorkspaceState, income_account_of
from worker.quote_to_cash.creation import CannotCreate, check_name, company_waits_for, may_be_created
from worker.quote_to_cash.items.body import ITEM_NAME_CHARACTERS_MAX
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.readings.state import Item
from worker.quote_to_cash.view import View


def item_is_wanted(product: Product, realm: str) -> bool:
    """Return whether a person's request for an item is answered neither by a command nor by a mapping."""
    if product.wish is None or not may_be_created(product, realm):
        return False
    return product.target_in(realm) in (None, product.wish.instead_of)


def check_item(view: View, product_id: str, name: str | None) -> str | None:
    """Check that an item would be created; return the ID of the unusable item that it replaces, if any.

    Raises:
        CannotCreate: The product has a usable item, or the name is invalid.
    """
    check_name(name, ITEM_NAME_CHARACTERS_MAX)
    realm = view.get(WorkspaceState).realm
    item_id = view.get(Product, product_id).target_in(realm)
    if item_id is None:
        return None
    seen = view.get(Item, f"{realm}/{item_id}").observed if realm else None
    if seen is not None and (not seen.exists or not seen.active or seen.type in NOT_FOR_SALE):
        return item_id
    called = f" ({seen.name})" if seen is not None else ""
    raise CannotCreate(
        "item_exists",
        f"Product {product_id} is already mapped to QuickBooks item {item_id}{called}, so no item is created. Map it to"
        f" another item (q2c map-product {product_id} ITEM_ID)",
    )


def item_waits_for(view: View, product_id: str) -> str | None:
    """Return the condition that the creation of an item waits for, as a clause; None if it is created at once."""
    if view.get(Product, product_id).name is None:
        return "a deal with the product on its quote has arrived"
    workspace = view.get(WorkspaceState)
    waits_for = company_waits_for(workspace)
    if waits_for is None and income_account_of(workspace) is None:
        return "an income account is chosen (q2c set income_account=NAME)"
    return waits_for
