"""Where a sale goes to, where it comes from, and how its form gets there."""

from worker.sandbox.books import addresses
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Draft
from worker.sandbox.schema.kinds import Fields


def placed(company: Company, fields: Fields, customer: Fields, draft: Draft) -> Fields:
    """Return a form with its addresses: those that a create or a full update does not name are the customer's."""
    if not draft.sparse:
        own = {name: customer.get(name) or {} for name in ("BillAddr", "ShipAddr")}
        copied = {name: address for name, address in own.items() if address.keys() - {"Id"}}
        origin = {} if "ShipFromAddr" in fields else _from(company, draft.before)
        fields = {**copied, **origin, **fields}
    # As recorded: true for each form with an address that the goods go to, however that is written.
    fields = {**fields, "FreeFormAddress": bool(fields.get("ShipAddr"))}
    if fields.get("EmailStatus") == "NeedToSend":
        fields = {"DeliveryInfo": {"DeliveryType": "Email"}, **fields}
    return fields


def _from(company: Company, before: Fields | None) -> Fields:
    """Return the address that a sale comes from, which forms of US companies have."""
    address = company.traits.address
    if company.traits.country != "US" or not address:
        return {}
    if before is not None and "ShipFromAddr" in before:
        return {"ShipFromAddr": before["ShipFromAddr"]}
    city = ", ".join(address[name] for name in ("City", "CountrySubDivisionCode") if address.get(name))
    lines = (address.get("Line1"), f"{city}  {address.get('PostalCode', '')}".strip())
    written = {f"Line{place}": line for place, line in enumerate(filter(None, lines), start=1)}
    return {"ShipFromAddr": addresses.new(company, written)}
