"""Compose the request that creates an item."""

from typing import Any

from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.texts import DESCRIPTION_CHARACTERS_MAX, Composed, Fitter, one_line

ITEM_NAME_CHARACTERS_MAX = 100
SKU_CHARACTERS_MAX = 100


def item_body(product_id: str, product: Product, income_account_id: str) -> Composed:
    """Compose the body of the request."""
    fitter = Fitter()
    otherwise = one_line(f"Product {product_id}".replace(":", " "))
    whole = one_line(product.name or product_id)
    called = product.wish.name if product.wish else None
    name = fitter.name("The name", called or whole, ITEM_NAME_CHARACTERS_MAX, otherwise)
    body: dict[str, Any] = {
        "Name": name,
        "Type": "Service",
        "IncomeAccountRef": {"value": income_account_id},
        "Taxable": product.taxable,
    }
    if sku := fitter.choose("The SKU", product.sku or "", SKU_CHARACTERS_MAX):
        body["Sku"] = sku
    if whole and name != whole:
        body["Description"] = fitter.cut("The description", whole, DESCRIPTION_CHARACTERS_MAX)
    return Composed(body, tuple(fitter.notes))
