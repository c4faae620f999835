"""Facts about a company. There is one such object, and it has no time zone."""

from worker.sandbox.books.entity import Entity
from worker.sandbox.books.traits import Traits
from worker.sandbox.schema.common import ADDRESS, EMAIL, PHONE, WEBSITE, described
from worker.sandbox.schema.kinds import Day, Fields, Property, Several, Text, group

_PROPERTIES = described(
    Property("CompanyName", Text(1024), filterable=True),
    Property("LegalName", Text(1024)),
    Property("CompanyAddr", ADDRESS),
    Property("LegalAddr", ADDRESS),
    Property("CustomerCommunicationAddr", ADDRESS),
    Property("PrimaryPhone", PHONE),
    Property("CompanyStartDate", Day(), read_only=True),
    Property("EmployerId", Text(), read_only=True),
    Property("FiscalYearStartMonth", Text(20)),
    Property("Country", Text(), read_only=True),
    Property("Email", EMAIL),
    Property("CustomerCommunicationEmailAddr", EMAIL),
    Property("WebAddr", WEBSITE),
    Property("SupportedLanguages", Text(), read_only=True),
    Property("DefaultTimeZone", Text(), read_only=True),
    Property(
        "NameValue", Several(group(Property("Name", Text()), Property("Value", Text()))), read_only=True
    ),
)
_ADDRESSES = ("CompanyAddr", "LegalAddr", "CustomerCommunicationAddr")
COMPANY_INFO = Entity(
    name="CompanyInfo",
    properties=_PROPERTIES,
    ids="CompanyInfo",
    operations=frozenset({"read", "update", "query"}),
)


def company_info(traits: Traits) -> Fields:
    """Return a company's facts as its traits have them."""
    return {
        "CompanyName": traits.name,
        "LegalName": traits.name,
        **{kind: {"Id": str(place), **traits.address} for place, kind in enumerate(_ADDRESSES, start=1)},
        "Country": traits.country,
        "CompanyStartDate": "2015-06-05",
        "WebAddr": {},
        "FiscalYearStartMonth": "January",
        "SupportedLanguages": "en",
        "NameValue": [
            {"Name": "OfferingSku", "Value": f"QuickBooks Online {traits.plan}"},
            {"Name": "SubscriptionStatus", "Value": "PAID"},
        ],
    }
