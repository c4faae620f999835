"""Where a sale goes to, where it comes from, and how its form gets there."""

from worker.sandbox.books import addresses
from worker.sandbox.books.company import Company
from worker.sandbox.schema.kinds import Fields


def placed(company: Company, fields: Fields, customer: Fields, before: Fields | None) -> Fields:
    """Return a form with its addresses: a new one has its customer's, and in the US that of the company."""
    if before is None:
        copied = {name: customer[name] for name in ("BillAddr", "ShipAddr") if customer.get(name)}
        fields = {**copied, **_from(company, fields), **fields}
    # As recorded: true for each form with an address that the goods go to, however that is written.
    fields = {**fields, "FreeFormAddress": bool(fields.get("ShipAddr"))}
    if fields.get("EmailStatus") == "NeedToSend":
        fields = {"DeliveryInfo": {"DeliveryType": "Email"}, **fields}
    return fields


def _from(company: Company, fields: Fields) -> Fields:
    """Return the address that a sale comes from, which new forms of US companies have."""
    address = company.traits.address
    if company.traits.country != "US" or "ShipFromAddr" in fields or not address:
        return {}
    city = ", ".join(address[name] for name in ("City", "CountrySubDivisionCode") if address.get(name))
    lines = (address.get("Line1"), f"{city}  {address.get('PostalCode', '')}".strip())
    written = {f"Line{place}": line for place, line in enumerate(filter(None, lines), start=1)}
    return {"ShipFromAddr": addresses.new(company, written)}
