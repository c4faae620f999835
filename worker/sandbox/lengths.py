"""How long texts may be, field by field, and of which characters."""

import re
from collections.abc import Mapping

from worker.sandbox import faults
from worker.sandbox.company import Entity, check_length, child

_ADDRESS = {
    **dict.fromkeys(("Line1", "Line2", "Line3", "Line4", "Line5"), 500),
    "City": 255,
    "CountrySubDivisionCode": 255,
    "Country": 255,
    "PostalCode": 30,
}
_PERSON = {
    "Title": 16,
    "Suffix": 16,
    "GivenName": 100,
    "MiddleName": 100,
    "FamilyName": 100,
    "PrintOnCheckName": 110,
    "CompanyName": 100,
    "Notes": 2000,
}
_OF = {
    "Customer": _PERSON,
    "Vendor": _PERSON,
    "Employee": _PERSON,
    "Item": {"Sku": 100, "Description": 4000},
    "Invoice": {"PrivateNote": 4000, "DocNumber": 21},
}
_PHONES = ("PrimaryPhone", "Mobile", "Fax")
_EMAILS = ("PrimaryEmailAddr", "BillEmail", "BillEmailCc", "BillEmailBcc")
# What XML has no way to write; an address of such characters was let in and broke other requests later.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def check_texts(entity: str, fields: Entity) -> None:
    """Refuse what is too long, and what is no text.

    Raises:
        Fault: 2050 for a text that is too long, 2010 for a control character, 2210 for a bad e-mail address.
    """
    for name, maximum in _OF.get(entity, {}).items():
        check_length(fields, name, maximum)
    check_length(child(fields, "CustomerMemo"), "value", 1000)
    for name in _PHONES:
        check_length(child(fields, name), "FreeFormNumber", 30)
    for name in _EMAILS:
        _check_email(child(fields, name).get("Address"))
    for name in ("BillAddr", "ShipAddr"):
        for part, maximum in _ADDRESS.items():
            check_length(child(fields, name), part, maximum)
    _check_characters(fields, "")


def _check_email(addresses: object) -> None:
    if addresses is None:
        return
    check_length({"Address": addresses}, "Address", 100)
    for address in str(addresses).split(","):
        name, at, host = address.strip().partition("@")
        if not (name and at and "." in host) or any(mark in address.strip() for mark in " ;<>"):
            raise faults.Fault(
                "2210", "Invalid email address format", f"Email Address {addresses} is not valid"
            )


def _check_characters(value: object, name: str) -> None:
    if isinstance(value, str) and _NO_TEXT.search(value):
        raise faults.unsupported_property(name)
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_characters(item, str(key))
    elif isinstance(value, list):
        for item in value:
            _check_characters(item, name)
