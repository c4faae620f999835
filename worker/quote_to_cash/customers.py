"""Customers and items that a person asked to create, as QuickBooks takes them."""

from typing import Any

from events.crm import AccountUpdated, Address
from events.quickbooks import CompanyObserved
from worker.commands.identity import marker
from worker.quote_to_cash.state import Product

DISPLAY_NAME_CHARACTERS_MAX = 500
ITEM_NAME_CHARACTERS_MAX = 100
PHONE_CHARACTERS_MAX = 30
NOTES_CHARACTERS_MAX = 2000
_FORBIDDEN = str.maketrans({":": " ", "\t": " ", "\n": " ", "\r": " "})


def customer_body(account: AccountUpdated, company: CompanyObserved, request: str) -> dict[str, Any]:
    """Compose the body of a customer's create."""
    name = cleaned(account.name, DISPLAY_NAME_CHARACTERS_MAX)
    body: dict[str, Any] = {
        "DisplayName": name,
        "CompanyName": name,
        "Notes": f"Account {account.account_id} {marker(request)}"[-NOTES_CHARACTERS_MAX:],
    }
    if account.email and "@" in account.email and "." in account.email:
        body["PrimaryEmailAddr"] = {"Address": account.email}
    if account.phone:
        body["PrimaryPhone"] = {"FreeFormNumber": account.phone[:PHONE_CHARACTERS_MAX]}
    if account.billing_address:
        body["BillAddr"] = _address(account.billing_address)
    if account.shipping_address:
        body["ShipAddr"] = _address(account.shipping_address)
    if company.multicurrency:
        body["CurrencyRef"] = {"value": account.currency or company.home_currency}
    return body


def item_body(product_id: str, product: Product, income_account_id: str) -> dict[str, Any]:
    """Compose the body of an item's create."""
    body: dict[str, Any] = {
        "Name": cleaned(product.name or product_id, ITEM_NAME_CHARACTERS_MAX),
        "Type": "Service",
        "IncomeAccountRef": {"value": income_account_id},
        "Taxable": product.taxable,
    }
    if product.sku:
        body["Sku"] = product.sku[:ITEM_NAME_CHARACTERS_MAX]
    return body


def cleaned(name: str, characters_max: int) -> str:
    """Write a name as QuickBooks allows: no colon, tab or line break, single spaces, bounded."""
    return " ".join(name.translate(_FORBIDDEN).split())[:characters_max].rstrip() or "(no name)"


def _address(address: Address) -> dict[str, str]:
    fields = {
        "Line1": address.line1,
        "Line2": address.line2,
        "City": address.city,
        "CountrySubDivisionCode": address.region,
        "PostalCode": address.postal_code,
        "Country": address.country,
    }
    return {name: value for name, value in fields.items() if value}
