"""The gates of the items: each product on the quote is mapped to an item that can be sold."""

from collections.abc import Iterable
from functools import partial

from events.contract.currencies import in_currency
from events.contract.gates import ITEM_BEING_CREATED, Words
from worker.quote_to_cash.company.state import income_account_of
from worker.quote_to_cash.gates import Gate, Unmet
from worker.quote_to_cash.inquiry import Inquiry, has_arrived, has_company
from worker.quote_to_cash.items.quoted import QuotedItems
from worker.quote_to_cash.items.unmapped import has_default_elsewhere
from worker.quote_to_cash.readings.state import Item
from worker.quote_to_cash.texts import listed

NEEDS_QUANTITY = "Inventory"


def _mapped(inquiry: Inquiry) -> bool | Unmet:
    items = inquiry.items
    if items.in_review or items.unmapped or items.ignored:
        return _without_item(inquiry)
    if items.absent:
        case = "item_merged" if items.merged == items.absent else "no_such_item"
        return _unusable(items, items.absent, case, "no_such_default_item")
    if items.unfit:
        return _unusable(items, items.unfit, "item_not_for_sale", "default_item_not_for_sale")
    return True


def _without_item(inquiry: Inquiry) -> Unmet:
    """Return the cause that products have no item: one is suggested, creating it was refused, or a person wants none."""
    items = inquiry.items
    others = [*items.unmapped, *items.ignored]
    products = {"products": items.without_item(others)} if others else {}
    about = _about([*items.in_review, *others])
    if items.in_review:
        return Unmet({"suggested": items.suggested(), **products}, "in_review", about)
    if not items.unmapped:
        return Unmet(products, "ignored", about)
    attempts = [items.products[p].attempt for p in items.unmapped]
    if all(attempt is not None and attempt.holder for attempt in attempts):
        return Unmet(products, "name_of_item", about)
    if has_default_elsewhere(items.view):
        return Unmet(products, "default_item_elsewhere", about)
    case = "being_read" if inquiry.realm in inquiry.workspace.being_read else None
    return Unmet(products, case, about)


def _active(inquiry: Inquiry) -> bool | Unmet:
    items = inquiry.items
    return not items.inactive or _unusable(items, items.inactive, None, "default_item_inactive")


def _unusable(items: QuotedItems, products: list[str], case: str | None, of_default: str) -> Unmet:
    """Return the cause for products whose item is unusable; it is the default item's if it is the item of all."""
    is_default = all(product in items.defaulted for product in products)
    return Unmet({"items": items.told(products)}, of_default if is_default else case, _about(products))


def _created(inquiry: Inquiry) -> bool | Unmet:
    items = inquiry.items
    coming = items.to_create or items.being_created
    return not coming or Unmet(
        {"products": items.named(coming)},
        "to_create" if items.to_create else None,
        _about(coming),
    )


def _income_account(inquiry: Inquiry) -> bool | Unmet:
    if income_account_of(inquiry.workspace) is not None:
        return True
    items = inquiry.items
    unusable = {*items.unmapped, *items.absent, *items.unfit, *items.inactive}
    asked = [p for p, product in items.products.items() if product.requests > product.withdrawn]
    to_create = [p for p in asked if p in unusable] + items.to_create
    return not to_create or Unmet({"products": ", ".join(to_create)})


def _quantity(inquiry: Inquiry) -> bool | Unmet:
    """Check that each line whose item needs a quantity has a unit price that gives its amount."""
    currency = inquiry.latest.currency
    bare = [line for line in inquiry.priced.lines if line.price is None] if inquiry.priced else []
    needing = [line for line in bare if _needs_quantity(inquiry, line.line.product_id)]
    named = [
        f"{line.line.name} ({line.line.quantity} for {in_currency(line.amount, currency)} {currency})"
        for line in needing
    ]
    return not named or Unmet(
        {"lines": listed(named)}, about=_about(line.line.product_id for line in needing)
    )


def _needs_quantity(inquiry: Inquiry, product_id: str) -> bool:
    item_id = inquiry.items.item_ids.get(product_id)
    if inquiry.realm is None or item_id is None:
        return False
    observed = inquiry.view.get(Item, f"{inquiry.realm}/{item_id}").observed
    return observed is not None and observed.type == NEEDS_QUANTITY


def _about(product_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"product/{product_id}" for product_id in product_ids))


_gate = partial(Gate, depends_on=("product",), given=has_arrived)
GATES = (
    _gate(
        "product_not_mapped",
        _mapped,
        Words(
            "No QuickBooks item is mapped to {products}.",
            "Map the product to an item, or create one.",
            "map_product",
        ),
        cases={
            "in_review": Words(
                "{suggested}[. No QuickBooks item is mapped to {products}].",
                "Accept the suggested items or reject them; or map the products to other items, or create items.",
                "review_product",
            ),
            "ignored": Words(
                "No QuickBooks item is mapped to {products}.",
                "If it is to be invoiced, map the product to an item, create one, or no longer ignore the product.",
                "map_product",
            ),
            "being_read": Words(
                "No QuickBooks item is mapped to {products}; the company's items are still being read for the first time.",
                "Wait until they are read: then an item is suggested, if there is one. Or map the product, or create an"
                " item.",
                "map_product",
            ),
            "name_of_item": Words(
                "No QuickBooks item is mapped to {products}.",
                "If it is the same product, map the product to that item (activate it in QuickBooks if it is inactive)."
                " Otherwise, create the item under another name.",
                "map_product",
            ),
            "item_merged": Words(
                "QuickBooks has merged the item {items} into another one, and does not say into which.",
                "Map the product to the item that it was merged into, or create one.",
                "map_product",
            ),
            "no_such_item": Words(
                "QuickBooks has no item {items}.",
                "Map the product to an existing item, or create one.",
                "map_product",
            ),
            "item_not_for_sale": Words(
                "QuickBooks takes no category or bundle on an invoice line: {items}.",
                "Map the product to a QuickBooks product or service.",
                "map_product",
            ),
            "default_item_elsewhere": Words(
                "No QuickBooks item is mapped to {products}, and the default item was chosen in another company.",
                "Choose a default item of the connected company, or map the product.",
                "choose_default_item",
            ),
            "no_such_default_item": Words(
                "QuickBooks has no item {items}, the default item of unmapped products.",
                "Choose another default item, or map the product.",
                "choose_default_item",
            ),
            "default_item_not_for_sale": Words(
                "QuickBooks takes no category or bundle on an invoice line, but the default item is one: {items}.",
                "Choose a QuickBooks product or service as the default item, or map the product.",
                "choose_default_item",
            ),
        },
    ),
    _gate(
        "item_inactive",
        _active,
        Words(
            "An item of the invoice is inactive in QuickBooks: {items}.",
            "Activate the item in QuickBooks, then request the invoice; or map the product to another item, or create one.",
            "activate_item",
        ),
        cases={
            "default_item_inactive": Words(
                "The default item of unmapped products is inactive in QuickBooks: {items}.",
                "Activate the item in QuickBooks, then request the invoice; or choose another default item, or map the"
                " product.",
                "activate_item",
            ),
        },
        depends_on=("item",),
    ),
    _gate(
        "income_account_missing",
        _income_account,
        Words(
            "The item for {products} can't be created without an income account.",
            "Choose an income account of the QuickBooks company.",
            "choose_income_account",
        ),
        depends_on=("workspace",),
        given=lambda inquiry: has_arrived(inquiry) and has_company(inquiry),
    ),
    _gate(
        "quantity_not_representable",
        _quantity,
        Words(
            "A line with an inventory item needs a quantity and a unit price, and no unit price with up to seven decimals"
            " gives the exact amount of {lines}.",
            "Change the quantity, price or discount of these lines in the CRM so that they come to whole cents, and have"
            " the changed quote signed; or map their products to items without inventory.",
            "map_product",
        ),
        depends_on=("deal",),
    ),
)
# The last gate, so that an item is created only if its deal waits for nothing else.
CREATED = Gate(
    ITEM_BEING_CREATED,
    _created,
    Words("A QuickBooks item is being created for {products}.", "Nothing to do."),
    depends_on=("product", "workspace"),
    given=has_arrived,
    cases={
        "to_create": Words(
            "A QuickBooks item will be created for {products} once the invoice waits for nothing else.",
            "Nothing to do.",
        ),
    },
)
