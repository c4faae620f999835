"""What customers, vendors and employees share: properties, and one space of names for all three."""

from hashlib import blake2b

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Naming
from worker.sandbox.books.writing import composed_name
from worker.sandbox.schema.common import ACTIVE, ADDRESS, ATTACHABLES, EMAIL, PHONE, WEBSITE
from worker.sandbox.schema.kinds import CurrencyCode, Fields, Flag, Property, Text

IDS = "names"
SPACE = "people"
_PART = Text(100, ":\t\n")
NAMED = Naming("DisplayName", SPACE)
PROPERTIES = (
    ACTIVE,
    Property("DisplayName", Text(500, ":\t\n"), filterable=True, lasting=True),
    Property("Title", Text(16, ":\t\n"), filterable=True),
    Property("GivenName", _PART, filterable=True),
    Property("MiddleName", _PART, filterable=True),
    Property("FamilyName", _PART, filterable=True),
    Property("Suffix", Text(16, ":\t\n"), filterable=True),
    Property("CompanyName", Text(100), filterable=True),
    Property("PrintOnCheckName", Text(110), filterable=True, lasting=True),
    Property("PrimaryEmailAddr", EMAIL, filterable=True),
    Property("PrimaryPhone", PHONE, filterable=True),
    Property("AlternatePhone", PHONE),
    Property("Mobile", PHONE),
    Property("Fax", PHONE),
    Property("WebAddr", WEBSITE),
    Property("BillAddr", ADDRESS),
    Property("ShipAddr", ADDRESS),
    Property("Notes", Text(2000)),
    Property("CurrencyRef", CurrencyCode(), filterable=True),
    Property("IntuitId", Text(), read_only=True),
    Property("Organization", Flag()),
    Property("UserId", Text()),
    Property("AcctNum", Text(100), filterable=True),
    Property("OtherContactInfo", Text(100)),
    Property("BusinessNumber", Text(100)),
    ATTACHABLES,
)


def printed_name(fields: Fields) -> str:
    """Return the name that is printed on cheques to somebody, unless a request says it."""
    return str(fields.get("CompanyName") or composed_name(fields) or fields["DisplayName"])


def pseudonym(company: Company, stored: Fields) -> str:
    """Return the V4IDPseudonym of somebody: 38 hexadecimal digits that say nothing."""
    said = f"{company.realm} {stored['Id']}"
    return f"0020{blake2b(said.encode(), digest_size=17).hexdigest()}"
