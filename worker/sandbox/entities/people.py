"""Properties that customers, vendors and employees share, with one space of names for all three."""

from worker.sandbox.books.entity import Naming
from worker.sandbox.schema.common import ACTIVE, ADDRESS, ATTACHABLES, EMAIL, PHONE, WEBSITE
from worker.sandbox.schema.kinds import CurrencyCode, Flag, Property, Text

IDS = "names"
SPACE = "people"
_PART = Text(100, ":\t\n")
NAMED = Naming("DisplayName", SPACE)
PROPERTIES = (
    ACTIVE,
    Property("DisplayName", Text(500, ":\t\n"), filterable=True),
    Property("Title", Text(16, ":\t\n"), filterable=True),
    Property("GivenName", _PART, filterable=True),
    Property("MiddleName", _PART, filterable=True),
    Property("FamilyName", _PART, filterable=True),
    Property("Suffix", Text(16, ":\t\n"), filterable=True),
    Property("CompanyName", Text(100), filterable=True),
    Property("PrintOnCheckName", Text(110), filterable=True),
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
