"""Compose the requests that create and update a customer.

A text that is too long is cut if its beginning is still right, and left out if a part of it would be wrong.
"""

from collections.abc import Mapping
from typing import Any

from events.contract.crm import AccountUpdated, Address
from events.contract.in_step import FieldName
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

_ADDRESSES = {
    "billing_address": ("BillAddr", "Billing address"),
    "shipping_address": ("ShipAddr", "Shipping address"),
}
_LINES = tuple(f"Line{number}" for number in range(1, ADDRESS_LINES_MAX + 1))


def customer_body(
    account: AccountUpdated, request: str, *, name: str | None = None, currency: str | None = None
) -> Composed:
    """Compose the body of the request; the customer gets the account's name unless `name` is given."""
    fitter = Fitter()
    otherwise = one_line(f"Account {account.account_id}".replace(":", " "))
    body: dict[str, Any] = {
        "DisplayName": fitter.name("The name", name or account.name, DISPLAY_NAME_CHARACTERS_MAX, otherwise),
        "CompanyName": _company_name(account.name, fitter),
        "Notes": f"Account {account.account_id} {marker(request)}"[-NOTES_CHARACTERS_MAX:],
    }
    if email := _email(account.email, fitter):
        body["PrimaryEmailAddr"] = {"Address": email}
    if phone := _phone(account.phone, fitter):
        body["PrimaryPhone"] = {"FreeFormNumber": phone}
    for field, (name_, what) in _ADDRESSES.items():
        texts = _address(what, getattr(account, field) or Address(), fitter)
        body[name_] = {each: text for each, text in texts.items() if text}
    if currency is not None:
        body["CurrencyRef"] = {"value": currency}
    return Composed({name: value for name, value in body.items() if value}, tuple(fitter.notes))


def update_body(
    customer_id: str,
    sync_token: int,
    changed: Mapping[FieldName, str | Address | None],
    *,
    renames_company: bool = False,
) -> Composed:
    """Compose the body of a sparse update of one version of a customer.

    An address has all its members: it is the same then whether QuickBooks replaces it or merges it member by member. A
    text that QuickBooks can't have, such as a wrong e-mail address, is left out with a note; it erases nothing.

    Args:
        customer_id: The customer.
        sync_token: The version that QuickBooks has to have, or else it refuses the update.
        changed: The fields to change. None erases the field's value; a customer's name can't be erased.
        renames_company: Whether its `CompanyName` changes with its name.
    """
    fitter = Fitter()
    body: dict[str, Any] = {"Id": customer_id, "SyncToken": str(sync_token), "sparse": True}
    for field, value in changed.items():
        match value:
            case Address() | None if field in _ADDRESSES:
                name, what = _ADDRESSES[field]
                body[name] = _address(what, value or Address(), fitter)
            case str() | None:
                body |= _text(field, value or "", fitter)
    if renames_company and "DisplayName" in body:
        body["CompanyName"] = _company_name(body["DisplayName"], fitter)
    return Composed(body, tuple(fitter.notes))


def _text(field: FieldName, told: str, fitter: Fitter) -> dict[str, Any]:
    """Return the property of a changed text; nothing if QuickBooks can't have the text."""
    match field:
        case "name":
            name = fitter.name("The name", told, DISPLAY_NAME_CHARACTERS_MAX, "")
            return {"DisplayName": name} if name else {}
        case "email":
            email = _email(told, fitter)
            return {"PrimaryEmailAddr": {"Address": email}} if email or not told.strip() else {}
        case "phone":
            phone = _phone(told, fitter)
            return {"PrimaryPhone": {"FreeFormNumber": phone}} if phone or not told.strip() else {}
    raise TypeError(f"{field} is no text")


def _company_name(name: str, fitter: Fitter) -> str:
    return fitter.cut("The company's name", one_line(name), COMPANY_NAME_CHARACTERS_MAX)


def _email(email: str | None, fitter: Fitter) -> str:
    return fitter.emails("E-mail", email or "", EMAIL_CHARACTERS_MAX)


def _phone(phone: str | None, fitter: Fitter) -> str:
    return fitter.phone("Phone", phone or "", PHONE_CHARACTERS_MAX)


def _address(what: str, address: Address, fitter: Fitter) -> dict[str, str]:
    """Return all members of an address; those without a text are empty."""
    lines = fitter.lines(
        f"{what}, street",
        [text for text in (address.line1, address.line2) if text],
        ADDRESS_LINE_CHARACTERS_MAX,
        ADDRESS_LINES_MAX,
    )
    fields = dict.fromkeys(_LINES, "") | dict(zip(_LINES, lines, strict=False))
    fields["City"] = fitter.cut(f"{what}, city", one_line(address.city or ""), PLACE_CHARACTERS_MAX)
    fields["CountrySubDivisionCode"] = fitter.choose(
        f"{what}, region", address.region or "", PLACE_CHARACTERS_MAX
    )
    fields["PostalCode"] = fitter.choose(
        f"{what}, postal code", address.postal_code or "", POSTAL_CODE_CHARACTERS_MAX
    )
    fields["Country"] = fitter.choose(f"{what}, country", address.country or "", PLACE_CHARACTERS_MAX)
    return fields
