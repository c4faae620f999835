"""Facts about a company. There is one such object, and it has no time zone."""

from collections.abc import Mapping

from msgspec.structs import replace

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Draft, Entity
from worker.sandbox.books.traits import MONTHS, Subscription, Traits
from worker.sandbox.schema.common import ADDRESS, EMAIL, PHONE, WEBSITE, described
from worker.sandbox.schema.kinds import Choice, Day, Fields, Property, Several, Text, group

_PROPERTIES = described(
    Property("CompanyName", Text(1024), filterable=True),
    Property("LegalName", Text(1024)),
    Property("CompanyAddr", ADDRESS),
    Property("LegalAddr", ADDRESS),
    Property("CustomerCommunicationAddr", ADDRESS),
    Property("PrimaryPhone", PHONE),
    Property("CompanyStartDate", Day(), read_only=True),
    Property("EmployerId", Text(), read_only=True),
    Property("FiscalYearStartMonth", Choice(MONTHS)),
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
_STATUS: Mapping[Subscription, str] = {"paid": "PAID", "trial": "TRIAL", "lapsed": "EXPIRED"}


def company_info(traits: Traits) -> Fields:
    """Return the facts about a new company."""
    return {
        "CompanyName": traits.name,
        "LegalName": traits.name,
        **{kind: {"Id": "1", **traits.address} for kind in _ADDRESSES},
        "Country": traits.country,
        "CompanyStartDate": "2015-06-05",
        "WebAddr": {},
        "Email": {"Address": "owner@company.example"},
        "CustomerCommunicationEmailAddr": {"Address": "owner@company.example"},
        "PrimaryPhone": {"FreeFormNumber": "(555) 010-0100"},
        "FiscalYearStartMonth": traits.fiscal_year_start,
        "SupportedLanguages": "en",
        "NameValue": [
            {"Name": "NeoEnabled", "Value": "true"},
            {"Name": "IndustryType", "Value": "Management Consulting Services"},
            {"Name": "OfferingSku", "Value": f"QuickBooks Online {traits.plan}"},
            {"Name": "SubscriptionStatus", "Value": _STATUS[traits.subscription]},
            {"Name": "PayrollFeature", "Value": "false"},
            {"Name": "AccountantFeature", "Value": "false"},
        ],
    }


def compose(company: Company, draft: Draft) -> Fields:
    """Complete the facts: a company always has a name, addresses and a fiscal year."""
    present = {
        "CompanyName": company.traits.name,
        "FiscalYearStartMonth": company.traits.fiscal_year_start,
        **{name: (draft.before or {}).get(name, {}) for name in _ADDRESSES},
    }
    kept = {name: value for name, value in present.items() if name not in draft.given}
    return {**draft.fields, **kept}


def derived(company: Company, _: Fields) -> Fields:
    """Show the fiscal year, which the preferences can change as well."""
    return {"FiscalYearStartMonth": company.traits.fiscal_year_start}


def follow(company: Company, stored: Fields) -> None:
    """Change the traits of a company as its facts were changed."""
    company.traits = replace(
        company.traits,
        name=stored["CompanyName"],
        address={name: value for name, value in stored["CompanyAddr"].items() if name != "Id"},
        fiscal_year_start=stored["FiscalYearStartMonth"],
    )


COMPANY_INFO = Entity(
    name="CompanyInfo",
    properties=_PROPERTIES,
    ids="CompanyInfo",
    operations=frozenset({"read", "update", "query"}),
    single=True,
    compose=compose,
    derived=derived,
    follow=follow,
)
