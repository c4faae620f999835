"""Compare the customers and items that the worker created with the CRM's accounts and products."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from worker.demo.expected import CompanyBooks, Entity, marks_of_customer

_ADDRESS = {
    "Line1": "line1",
    "Line2": "line2",
    "City": "city",
    "CountrySubDivisionCode": "region",
    "PostalCode": "postal_code",
    "Country": "country",
}


def customer_problems(account: Mapping[str, Any], company: CompanyBooks) -> Iterator[str]:
    """Yield the errors of an account's created customer: there must be one, with the CRM's data."""
    ours = marks_of_customer(company, account["account_id"])
    made = [c for c in company.books["Customer"] if any(mark in str(c.get("Notes")) for mark in ours)]
    if len(made) != 1:
        yield f"{account['account_id']}: {len(made)} customers instead of 1"
        return
    (customer,) = made
    wanted = {
        "DisplayName": account["name"],
        "CompanyName": account["name"],
        "PrimaryEmailAddr": {"Address": account["email"]},
        "PrimaryPhone": {"FreeFormNumber": account["phone"]},
        "BillAddr": _address(account["billing_address"]),
        "ShipAddr": _address(account["shipping_address"]) if "shipping_address" in account else None,
    }
    for name, value in wanted.items():
        if (found := _without_id(customer.get(name))) != value:
            yield f"{account['account_id']}: {name} is {found}, not {value}"
    if (billed_in := customer["CurrencyRef"]["value"]) != account["currency"]:
        yield f"{account['account_id']}: it is billed in {billed_in}, not in {account['currency']}"
    notes = str(customer["Notes"])
    if not notes.startswith(f"Account {account['account_id']} ") or not notes.endswith(tuple(ours)):
        yield f"{account['account_id']}: its notes are {notes!r}"


def item_problems(lines: Iterable[Mapping[str, Any]], company: CompanyBooks) -> Iterator[str]:
    """Yield the errors of the created items of products, each product given by a line of a quote."""
    for line in {line["product_id"]: line for line in lines}.values():
        made = [item for item in company.books["Item"] if item["Name"] == line["name"]]
        if len(made) != 1:
            yield f"{line['product_id']}: {len(made)} items instead of 1"
            continue
        says = _item(made[0])
        wanted = (line["sku"], "Service", company.income_account, line["taxable"])
        if says != wanted:
            yield f"{line['product_id']}: the item is {says}, not {wanted}"


def _item(item: Entity) -> tuple[object, ...]:
    return item.get("Sku"), item["Type"], item["IncomeAccountRef"]["name"], item["Taxable"]


def _without_id(value: Any) -> Any:
    """Return a value without the Id that QuickBooks gives an address."""
    return {name: each for name, each in value.items() if name != "Id"} if isinstance(value, dict) else value


def _address(address: Mapping[str, str]) -> dict[str, str]:
    return {name: address[field] for name, field in _ADDRESS.items() if address.get(field)}
