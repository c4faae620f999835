"""The kept fields of a customer in QuickBooks."""

import re

from events.contract.crm import Address
from events.contract.quickbooks import CustomerObserved
from worker.commands.entities import reference
from worker.commands.fields import Row, is_active, member, sync_token, text

_LINES = ("Line2", "Line3", "Line4", "Line5")
_HIDDEN = re.compile("[xX*•]{3,}")


def customer_observed(realm: str, row: Row) -> CustomerObserved:
    """Return the kept fields of a customer."""
    return CustomerObserved(
        realm=realm,
        customer_id=row["Id"],
        sync_token=sync_token(row),
        display_name=text(row, "DisplayName"),
        active=is_active(row),
        currency=reference(dict(row), "CurrencyRef"),
        company_name=text(row, "CompanyName"),
        email=member(row, "PrimaryEmailAddr", "Address"),
        phone=member(row, "PrimaryPhone", "FreeFormNumber"),
        parent_id=reference(dict(row), "ParentRef"),
        billing_address=_address(row, "BillAddr"),
        shipping_address=_address(row, "ShipAddr"),
        terms_id=reference(dict(row), "SalesTermRef"),
        taxable=row.get("Taxable"),
        website=member(row, "WebAddr", "URI"),
        tax_id=_tax_id(row),
        full_name=text(row, "FullyQualifiedName") if row.get("ParentRef") else None,
    )


def _address(row: Row, name: str) -> Address | None:
    """Return an address; None if no field of it has a text."""
    further = [line for each in _LINES if (line := member(row, name, each))]
    address = Address(
        line1=member(row, name, "Line1"),
        line2=", ".join(further) or None,
        city=member(row, name, "City"),
        region=member(row, name, "CountrySubDivisionCode"),
        postal_code=member(row, name, "PostalCode"),
        country=member(row, name, "Country"),
    )
    return None if address == Address() else address


def _tax_id(row: Row) -> str | None:
    """Return the tax ID; None if QuickBooks hides it, as it does except for India's GSTIN."""
    found = (text(row, name) for name in ("PrimaryTaxIdentifier", "GSTIN"))
    return next((each for each in found if each and not _HIDDEN.search(each)), None)
