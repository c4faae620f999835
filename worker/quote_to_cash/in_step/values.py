"""The fields of an account and of its customer: the values of each side, and as much of the CRM's as QuickBooks can have."""

import re
from collections.abc import Callable

from msgspec import Struct

from events.contract.crm import AccountUpdated, Address
from events.contract.in_step import FieldName, FieldValue
from events.contract.quickbooks import CustomerObserved
from worker.quote_to_cash.customers.body import (
    ADDRESS_LINE_CHARACTERS_MAX,
    ADDRESS_LINES_MAX,
    DISPLAY_NAME_CHARACTERS_MAX,
    EMAIL_CHARACTERS_MAX,
    PHONE_CHARACTERS_MAX,
    PLACE_CHARACTERS_MAX,
    POSTAL_CODE_CHARACTERS_MAX,
)
from worker.quote_to_cash.texts import Fitter, cleaned, length, one_line

# The fields that a rule settles; the setting of a field is `sync_` and its name.
FIELDS: tuple[FieldName, ...] = ("name", "email", "phone", "billing_address", "shipping_address")
# QuickBooks renames an inactive customer; it may keep that name when it is active again.
_DELETED = re.compile(r" \(deleted(?:[ -]?\d+)?\)$")


class Fit(Struct, frozen=True):
    """A value of the CRM as QuickBooks can have it; with `notes` on the parts that it does not get.

    `unfit` says why QuickBooks can have nothing of it.
    """

    value: FieldValue
    notes: tuple[str, ...] = ()
    unfit: str | None = None


def crm_value(account: AccountUpdated, field: FieldName) -> FieldValue:
    """Return a value of an account; None for blanks."""
    value: FieldValue = getattr(account, field)
    if isinstance(value, Address):
        return value if any(one_line(text) for text in _parts(value)) else None
    return value if value is not None and cleaned(value) else None


def quickbooks_value(customer: CustomerObserved, field: FieldName) -> FieldValue:
    """Return a value of a customer; its name without the additions that are QuickBooks' or the worker's own."""
    if field != "name":
        value: FieldValue = getattr(customer, field)
        return value
    name = _DELETED.sub("", customer.display_name or "")
    return name.removesuffix(suffix_of(customer)) or None


def suffix_of(customer: CustomerObserved) -> str:
    """Return the currency at the end of a customer's name, such as ` (EUR)`; an account's second customer has it."""
    suffix = f" ({customer.currency})"
    name = _DELETED.sub("", customer.display_name or "")
    return suffix if customer.currency is not None and name.endswith(suffix) else ""


def fitted(account: AccountUpdated, field: FieldName, customer: CustomerObserved) -> Fit:
    """Return a value of an account as QuickBooks can have it; a name without the customer's suffix."""
    value, fitter = crm_value(account, field), Fitter()
    if value is None:
        return Fit(None)
    if field == "name" and isinstance(value, str):
        found: FieldValue = _name(value, suffix_of(customer), fitter)
    elif isinstance(value, Address):
        found = _address(value, fitter)
    else:
        found = _TEXTS[field](str(value), fitter)
    notes = tuple(fitter.notes)
    return Fit(found or None, notes, None if found else " ".join(notes))


def _name(name: str, suffix: str, fitter: Fitter) -> str:
    """Return a name that QuickBooks takes; an account whose own name ends with the currency keeps it."""
    plain = one_line(name)
    return fitter.name(
        "The name", plain.removesuffix(suffix), DISPLAY_NAME_CHARACTERS_MAX - length(suffix), ""
    )


def _address(address: Address, fitter: Fitter) -> Address | None:
    """Return an address in the form in which one of QuickBooks is observed: all lines after the first in `line2`."""
    written = [text for text in (address.line1, address.line2) if text]
    lines = fitter.lines("The street", written, ADDRESS_LINE_CHARACTERS_MAX, ADDRESS_LINES_MAX)
    found = Address(
        line1=lines[0] if lines else None,
        line2=", ".join(lines[1:]) or None,
        city=fitter.cut("The city", one_line(address.city or ""), PLACE_CHARACTERS_MAX) or None,
        region=fitter.choose("The region", address.region or "", PLACE_CHARACTERS_MAX) or None,
        postal_code=fitter.choose("The postal code", address.postal_code or "", POSTAL_CODE_CHARACTERS_MAX)
        or None,
        country=fitter.choose("The country", address.country or "", PLACE_CHARACTERS_MAX) or None,
    )
    return None if found == Address() else found


def _parts(address: Address) -> list[str]:
    return [getattr(address, name) or "" for name in Address.__struct_fields__]


_TEXTS: dict[str, Callable[[str, Fitter], str]] = {
    "email": lambda text, fitter: fitter.emails("The e-mail address", text, EMAIL_CHARACTERS_MAX),
    "phone": lambda text, fitter: fitter.phone("The phone number", text, PHONE_CHARACTERS_MAX),
}
