"""Fold products and their items, which a person mapped or a command of ours created."""

from datetime import datetime

from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import ConnectionAuthorized, ItemRequested, ProductMapped, SettingsChanged
from events.contract.announcements import ItemCommanded
from events.contract.crm import Quote
from events.contract.matching import PRODUCT_SUGGESTED, ProductSuggested
from events.contract.quickbooks import CommandRejected, CommandUncertain, ItemCreated, ItemObserved
from events.contract.reviewing import (
    PRODUCT_IGNORED,
    PRODUCT_LINKED,
    PRODUCT_MOVED,
    PRODUCT_REJECTED,
    PRODUCT_UNIGNORED,
    ProductIgnored,
    ProductLinked,
    ProductMoved,
    ProductRejected,
    ProductUnignored,
)
from events.contract.unmatched import (
    PRODUCT_COMPARISON_REQUESTED,
    PRODUCT_UNMATCHED,
    ProductComparisonRequested,
    ProductUnmatched,
)
from worker.quote_to_cash.attempt import Attempt, ended, succeeded
from worker.quote_to_cash.company.folds import remember_before, taken_before
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.family import Folds
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.keys import COMPANY, of_setting
from worker.quote_to_cash.readings.folds import call_products, make_known, put, want
from worker.quote_to_cash.readings.state import Item
from worker.quote_to_cash.view import View
from worker.workspaces.kinds import default_item_of

WAITING = (COMPANY, of_setting("income_account"))
AUTO_LINK = of_setting("auto_link")


def put_product(view: View, product_id: str, product: Product) -> None:
    """Replace the state of a product, and the keys that it waits on."""
    view.put(product, product_id)
    # Derived from the state each time, so that replaying the log gives the same keys as the decisions did.
    view.set_waits(
        f"product/{product_id}", (*(WAITING if product.is_unanswered else ()), *_auto_link(product))
    )


def _auto_link(product: Product) -> tuple[str, ...]:
    """Return the setting that may link a product, once it is changed."""
    suggested = product.suggested
    waits = (
        suggested is not None
        and suggested.verdict == "link"
        and product.in_review(suggested.realm) is not None
    )
    return (AUTO_LINK,) if waits else ()


def remember(view: View, quote: Quote | None) -> None:
    """Store the names of products from a deal's quote: the last one that arrived, as the matcher compares them."""
    for line in quote.lines if quote else ():
        product = view.get(Product, line.product_id)
        if (product.name, product.sku, product.taxable) != (line.name, line.sku, line.taxable):
            view.put(replace(product, name=line.name, sku=line.sku, taxable=line.taxable), line.product_id)


def _product_mapped(view: View, mapped: ProductMapped, _at: datetime) -> None:
    product, realm = view.get(Product, mapped.product_id), mapped.realm or view.get(WorkspaceState).realm
    product = replace(_with_item(product, mapped.item_id, realm), withdrawn=product.requests, ignored_by=None)
    put_product(view, mapped.product_id, product)
    if realm is None:
        remember_before(view, Product, mapped.product_id)
    else:
        call_products(view, catalog.item_stream(realm, mapped.item_id), mapped.product_id)
        want(view, [catalog.item_stream(realm, mapped.item_id)])


def _with_item(product: Product, item_id: str, realm: str | None) -> Product:
    """Return a product with another item; those of other companies are kept."""
    before = {product.item_realm: product.item_id} if product.item_realm and product.item_id else {}
    others = {of: item for of, item in {**product.elsewhere, **before}.items() if of and item and of != realm}
    return replace(product, item_id=item_id, item_realm=realm, elsewhere=others)


def _item_requested(view: View, request: ItemRequested, _at: datetime) -> None:
    product = view.get(Product, request.product_id)
    put_product(
        view,
        request.product_id,
        replace(product, requests=product.requests + 1, wish=request, ignored_by=None),
    )


def _item_commanded(view: View, command: ItemCommanded, _at: datetime) -> None:
    product = view.get(Product, command.product_id)
    attempt = Attempt(command.generation, "commanded", command.realm, command.request_id, command.requests)
    put_product(view, command.product_id, replace(product, attempt=attempt))


def _item_created(view: View, created: ItemCreated, _at: datetime) -> None:
    product = view.get(Product, created.product_id)
    attempt = succeeded(product.attempt, created, product.requests)
    if not _was_decided_since(product, created):
        product = _with_item(product, created.item_id, created.realm)
    put_product(view, created.product_id, replace(product, attempt=attempt))
    seen = ItemObserved(created.realm, created.item_id, name=created.name, type=created.type)
    make_known(view, seen)
    call_products(view, catalog.item_stream(created.realm, created.item_id), created.product_id)


def _was_decided_since(product: Product, created: ItemCreated) -> bool:
    """Return whether a person has mapped or ignored the product after the item was commanded: that decision stays."""
    attempt = product.attempt
    if attempt is None or attempt.request_id != created.request_id:
        return False
    is_decided = product.target_in(created.realm) is not None or product.ignored_by is not None
    return is_decided and product.withdrawn >= attempt.asked


def _suggested(view: View, suggested: ProductSuggested, _at: datetime) -> None:
    product = view.get(Product, suggested.product_id)
    put_product(view, suggested.product_id, replace(product, suggested=suggested))


def _comparison_requested(view: View, request: ProductComparisonRequested, _at: datetime) -> None:
    put_product(view, request.product_id, replace(view.get(Product, request.product_id), compared=request))


def _unmatched(view: View, answer: ProductUnmatched, _at: datetime) -> None:
    put_product(view, answer.product_id, replace(view.get(Product, answer.product_id), unmatched=answer))


def _rejected(view: View, rejected: ProductRejected, _at: datetime) -> None:
    product, pair = view.get(Product, rejected.product_id), (rejected.realm, rejected.item_id)
    rejections = tuple(dict.fromkeys((*product.rejected, pair)))
    put_product(view, rejected.product_id, replace(product, rejected=rejections))


def _linked_by_itself(view: View, linked: ProductLinked, _at: datetime) -> None:
    product = view.get(Product, linked.product_id)
    automatic = {**product.automatic, linked.realm: linked.item_id}
    put_product(view, linked.product_id, replace(product, automatic=automatic))
    _note_came(view, linked.realm, linked.item_id, linked.product_id)


def _ignored(view: View, ignored: ProductIgnored, _at: datetime) -> None:
    product = view.get(Product, ignored.product_id)
    product = replace(product, ignored_by=ignored.by, withdrawn=product.requests)
    put_product(view, ignored.product_id, product)


def _unignored(view: View, unignored: ProductUnignored, _at: datetime) -> None:
    product = view.get(Product, unignored.product_id)
    put_product(view, unignored.product_id, replace(product, ignored_by=None))


def _default_item_chosen(view: View, change: SettingsChanged, _at: datetime) -> None:
    item_id = default_item_of(change.changes.get("unmapped_product", ""))
    realm = view.get(WorkspaceState).realm
    if item_id is not None and realm is not None:
        want(view, [catalog.item_stream(realm, item_id)])


def _connected(view: View, connection: ConnectionAuthorized, _at: datetime) -> None:
    """Give mappings from before any connection the first connected company as theirs, for good."""
    for product_id in taken_before(view, Product):
        product = view.get(Product, product_id)
        view.put(replace(product, item_realm=connection.realm), product_id)
        if product.item_id is not None:
            call_products(view, catalog.item_stream(connection.realm, product.item_id), product_id)


def _moved(view: View, moved: ProductMoved, _at: datetime) -> None:
    product = view.get(Product, moved.product_id)
    put_product(view, moved.product_id, replace(product, moved=(*product.moved, moved)))
    _note_came(view, moved.realm, moved.item_id, moved.product_id)


def _note_came(view: View, realm: str, item_id: str, product_id: str) -> None:
    stream = catalog.item_stream(realm, item_id)
    item = view.get(Item, catalog.key_of(stream))
    put(view, stream, replace(item, came=tuple(sorted({*item.came, product_id}))))


def _ended(view: View, outcome: CommandRejected | CommandUncertain, _at: datetime) -> None:
    if outcome.kind == "create_item":
        product_id = catalog.key_of(outcome.subject)
        product = view.get(Product, product_id)
        if (attempt := ended(product.attempt, outcome, product.requests)) is not None:
            put_product(view, product_id, replace(product, attempt=attempt))


FOLDS: Folds = {
    catalog.PRODUCT_MAPPED: _product_mapped,
    catalog.SETTINGS_CHANGED: _default_item_chosen,
    catalog.CONNECTION_AUTHORIZED: _connected,
    PRODUCT_SUGGESTED: _suggested,
    PRODUCT_COMPARISON_REQUESTED: _comparison_requested,
    PRODUCT_UNMATCHED: _unmatched,
    PRODUCT_REJECTED: _rejected,
    PRODUCT_LINKED: _linked_by_itself,
    PRODUCT_IGNORED: _ignored,
    PRODUCT_UNIGNORED: _unignored,
    catalog.ITEM_REQUESTED: _item_requested,
    catalog.ITEM_COMMANDED: _item_commanded,
    catalog.ITEM_CREATED: _item_created,
    PRODUCT_MOVED: _moved,
    catalog.COMMAND_REJECTED: _ended,
    catalog.COMMAND_UNCERTAIN: _ended,
}
