"""Command the creation of an item, once a person has requested it and everything that it needs is known."""

from collections.abc import Iterator

from events.contract import catalog, json
from events.contract.administration import ProductMapped
from events.contract.announcements import ItemCommanded
from events.contract.quickbooks import ItemCreated
from worker.quote_to_cash.attempt import next_generation
from worker.quote_to_cash.command import Command, Consequence, identified
from worker.quote_to_cash.company.state import WorkspaceState, income_account_of
from worker.quote_to_cash.deal.state import products_of
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.items.body import item_body
from worker.quote_to_cash.items.folds import FOLDS
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.items.wishes import item_is_wanted
from worker.quote_to_cash.view import View


def consider(view: View, product_id: str) -> Iterator[Consequence]:
    """Command the item that a person requested for a product, if it can be created now."""
    product, workspace = view.get(Product, product_id), view.get(WorkspaceState)
    realm = workspace.realm
    if product.name is None or realm is None or not workspace.is_connected:
        return
    if not item_is_wanted(product, realm):
        return
    income_account = income_account_of(workspace)
    if income_account is None:
        return
    generation = next_generation(product.attempt)
    key, request = identified(view, "create_item", realm, f"product/{product_id}", generation=generation)
    composed = item_body(product_id, product, income_account)
    yield ItemCommanded(
        product_id, generation, realm, request, composed.body["Name"], product.requests, composed.notes
    )
    yield Command(key, realm, request, json.encode_numbers(composed.body))


def _item_mapped(view: View, mapped: ProductMapped) -> list[str]:
    realm = view.get(Product, mapped.product_id).item_realm
    return [catalog.item_stream(realm, mapped.item_id)] if realm else []


def _item_created(_view: View, created: ItemCreated) -> list[str]:
    return [catalog.item_stream(created.realm, created.item_id)]


FAMILY = Family(
    "product",
    FOLDS,
    consider,
    considered_on={catalog.DEAL_UPDATED: products_of},
    changed_by={catalog.PRODUCT_MAPPED: _item_mapped, catalog.ITEM_CREATED: _item_created},
)
