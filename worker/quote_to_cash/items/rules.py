"""Link a product by itself if that is wanted; command an item that a person requested, or that an invoice needs by the setting."""

from collections.abc import Iterable, Iterator

from events.contract import catalog, json
from events.contract.administration import ProductMapped, SettingsChanged
from events.contract.announcements import ItemCommanded
from events.contract.observed import ObjectMerged
from events.contract.quickbooks import ItemCreated
from events.contract.reviewing import ProductLinked, ProductMoved
from events.contract.unmatched import PRODUCT_UNMATCHED, ProductComparisonRequested
from events.contract.values import Percent
from worker.quote_to_cash.attempt import next_generation
from worker.quote_to_cash.command import Command, Consequence, identified
from worker.quote_to_cash.company.state import WorkspaceState, income_account_of
from worker.quote_to_cash.deal.state import products_of
from worker.quote_to_cash.family import Family
from worker.quote_to_cash.items.body import item_body
from worker.quote_to_cash.items.folds import FOLDS
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.items.unmapped import standing_of
from worker.quote_to_cash.items.wishes import item_is_wanted
from worker.quote_to_cash.readings.folds import survivor_of
from worker.quote_to_cash.readings.state import Item
from worker.quote_to_cash.view import View
from worker.workspaces.kinds import default_item_of, percent_of


def consider(view: View, product_id: str) -> Iterator[Consequence]:
    """Move the mapping of a product whose item was merged, link it by itself, or command the item that a person requested."""
    realm = view.get(WorkspaceState).realm
    yield from _moved(view, product_id, realm)
    yield from _linked_by_itself(view, product_id)
    if realm is not None and item_is_wanted(view.get(Product, product_id), realm):
        yield from _create(view, product_id, realm)


def _moved(view: View, product_id: str, realm: str | None) -> Iterator[Consequence]:
    item_id = view.get(Product, product_id).target_in(realm) if realm is not None else None
    if realm is None or item_id is None:
        return
    survivor = survivor_of(view, Item, realm, item_id)
    if survivor is not None:
        yield ProductMoved(product_id, realm, survivor, item_id)


def compare_unmapped(view: View, product_ids: Iterable[str]) -> Iterator[Consequence]:
    """Request another comparison of unmapped products whose items an invoice needs, unless one is under way.

    The matcher's last answer may be older than an item that was observed since. So the items are commanded upon the answer
    to this request alone.
    """
    realm = view.get(WorkspaceState).realm
    for product_id in product_ids:
        product = view.get(Product, product_id)
        if realm is not None and _lacks_an_item(view, product_id) and not product.is_being_compared(realm):
            number = product.compared.number if product.compared is not None else 0
            yield ProductComparisonRequested(product_id, realm, number + 1)


def consider_unmatched(view: View, product_id: str) -> Iterator[Consequence]:
    """Command the item of a product that no item is like, once that was found again; else consider it as always."""
    realm = view.get(WorkspaceState).realm
    is_found = realm is not None and view.get(Product, product_id).is_unlike_all(realm)
    is_needed = any(stream.startswith("deal/") for stream in view.waiting(f"product/{product_id}"))
    if realm is not None and is_found and is_needed and _lacks_an_item(view, product_id):
        yield from _create(view, product_id, realm)
    yield from consider(view, product_id)


def _lacks_an_item(view: View, product_id: str) -> bool:
    """Return whether a product gets an item without a person's request, and one can be created now."""
    workspace = view.get(WorkspaceState)
    can_be_created = workspace.is_connected and income_account_of(workspace) is not None
    return can_be_created and standing_of(view, product_id) == "to_create"


def _linked_by_itself(view: View, product_id: str) -> Iterator[Consequence]:
    """Link a product to the suggested item if the matcher is sure, and the score is at least that of the setting."""
    workspace, product = view.get(WorkspaceState), view.get(Product, product_id)
    suggested, least = product.in_review(workspace.realm), percent_of(workspace.settings.auto_link)
    if suggested is None or suggested.verdict != "link" or not product.is_compared(workspace.realm):
        return
    best = suggested.best
    evidence = suggested.evidence(best.item_id) if best is not None else None
    if best is not None and evidence is not None and least is not None and best.score >= least:
        yield ProductLinked(product_id, suggested.realm, best.item_id, Percent(least), evidence)


def _create(view: View, product_id: str, realm: str) -> Iterator[Consequence]:
    product, workspace = view.get(Product, product_id), view.get(WorkspaceState)
    income_account = income_account_of(workspace)
    if product.name is None or income_account is None or not workspace.is_connected:
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


def _default_item(view: View, change: SettingsChanged) -> list[str]:
    """Return the stream of a default item that was chosen: it is read at once."""
    item_id = default_item_of(change.changes.get("unmapped_product", ""))
    realm = view.get(WorkspaceState).realm
    return [catalog.item_stream(realm, item_id)] if item_id and realm else []


def _products_of_merged(view: View, merged: ObjectMerged) -> list[str]:
    """Return the streams that a merge of items changes: the products of the one that has gone, and the one that stays."""
    if merged.entity != "Item":
        return []
    item = view.get(Item, f"{merged.realm}/{merged.entity_id}")
    stays = [catalog.item_stream(merged.realm, merged.survivor)] if merged.survivor else []
    return [*stays, *(f"product/{product_id}" for product_id in dict.fromkeys((*item.products, *item.came)))]


def _item(view: View, product_id: str) -> list[str]:
    product, realm = view.get(Product, product_id), view.get(WorkspaceState).realm
    found = {of: product.target_in(of) for of in (product.item_realm, realm) if of is not None}
    return [catalog.item_stream(of, item_id) for of, item_id in found.items() if item_id is not None]


def _item_created(_view: View, created: ItemCreated) -> list[str]:
    return [catalog.item_stream(created.realm, created.item_id)]


FAMILY = Family(
    "product",
    FOLDS,
    consider,
    {PRODUCT_UNMATCHED: consider_unmatched},
    considered_on={catalog.DEAL_UPDATED: products_of},
    changed_by={
        catalog.PRODUCT_MAPPED: _item_mapped,
        catalog.ITEM_CREATED: _item_created,
        catalog.SETTINGS_CHANGED: _default_item,
        catalog.OBJECT_MERGED: _products_of_merged,
    },
    reads=(_item,),
)
