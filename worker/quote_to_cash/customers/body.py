"""Compose the request that creates a customer.

A text that is too long is cut if its beginning is still right, and left out if a part of it would be wrong.
"""

from typing import Any

from events.contract.crm import AccountUpdated, Address
from worker.commands.identity import marker
from worker.quote_to_cash.texts import Composed, Fitter, one_line

DISPLAY_NAME_CHARACTERS_MAX = 500
COMPANY_NAME_CHARACTERS_MAX = 100
EMAIL_CHARACTERS_MAX = 100
PHONE_CHARACTERS_MAX = 30
NOTES_CHARACTERS_MAX = 2000
ADDRESS_LINES_MAX = 5
ADDRESS_LINE_CHARACTERS_MAX = 500
PLACE_CHARACTERS_MAX = 255
POSTAL_CODE_CHARACTERS_MAX = 30


def customer_body(
    account: AccountUpdated, request: str, *, name: str | None = None, currency: str | None = None
) -> Composed:
    """Compose the body of the request; the customer gets the account's name unless `name` is given."""
    fitter = Fitter()
    otherwise = one_line(f"Account {account.account_id}".replace(":", " "))
    body: dict[str, Any] = {
        "DisplayName": fitter.name("The name", name or account.name, DISPLAY_NAME_CHARACTERS_MAX, otherwise),
        "CompanyName": fitter.cut("The company's name", one_line(account.name), COMPANY_NAME_CHARACTERS_MAX),
        "Notes": f"Account {account.account_id} {marker(request)}"[-NOTES_CHARACTERS_MAX:],
    }
    if email := fitter.emails("E-mail", account.email or "", EMAIL_CHARACTERS_MAX):
        body["PrimaryEmailAddr"] = {"Address": email}
    if phone := fitter.phone("Phone", account.phone or "", PHONE_CHARACTERS_MAX):
        body["PrimaryPhone"] = {"FreeFormNumber": phone}
    if billing := _address("Billing address", account.billing_address, fitter):
        body["BillAddr"] = billing
    if shipping := _address("Shipping address", account.shipping_address, fitter):
        body["ShipAddr"] = shipping
    if currency is not None:
        body["CurrencyRef"] = {"value": currency}
    return Composed({name: value for name, value in body.items() if value}, tuple(fitter.notes))


def _address(what: str, address: Address | None, fitter: Fitter) -> dict[str, str]:
    if address is None:
        return {}
    lines = fitter.lines(
        f"{what}, street",
        [text for text in (address.line1, address.line2) if text],
        ADDRESS_LINE_CHARACTERS_MAX,
        ADDRESS_LINES_MAX,
    )
    fields = {f"Line{number}": line for number, line in enumerate(lines, start=1)}
    fields["City"] = fitter.cut(f"{what}, city", one_line(address.city or ""), PLACE_CHARACTERS_MAX)
    fields["CountrySubDivisionCode"] = fitter.choose(
        f"{what}, region", address.region or "", PLACE_CHARACTERS_MAX
    )
    fields["PostalCode"] = fitter.choose(
        f"{what}, postal code", address.postal_code or "", POSTAL_CODE_CHARACTERS_MAX
    )
    fields["Country"] = fitter.choose(f"{what}, country", address.country or "", PLACE_CHARACTERS_MAX)
    return {name: text for name, text in fields.items() if text}
