"""The companies that a sandbox starts with, each with what a real one has on its first day."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

from worker.sandbox.books import writing
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.books.traits import Traits
from worker.sandbox.entities.catalog import ENTITIES
from worker.sandbox.entities.company_info import company_info
from worker.sandbox.entities.preferences import preferences
from worker.sandbox.schema.kinds import Fields


def _address(line: str, city: str, region: str, postal_code: str, country: str) -> dict[str, str]:
    """Write an address as companies have it since August 2025: the country in three letters, no Lat and Long."""
    parts = {
        "Line1": line,
        "City": city,
        "CountrySubDivisionCode": region,
        "PostalCode": postal_code,
        "Country": country,
    }
    return {name: value for name, value in parts.items() if value}


KINDS = {
    "us": Traits(
        "Craig's Consulting",
        "US",
        "USD",
        "America/Los_Angeles",
        tax="us",
        address=_address("2500 Garcia Avenue", "Mountain View", "CA", "94043", "USA"),
    ),
    "us-ast": Traits(
        "Sunrise Software Inc.",
        "US",
        "USD",
        "America/New_York",
        tax="us-ast",
        address=_address("28 Liberty Street", "New York", "NY", "10005", "USA"),
    ),
    "uk": Traits(
        "Harbour & Finch Ltd",
        "GB",
        "GBP",
        "Europe/London",
        tax="uk",
        multicurrency=True,
        address=_address("7 Quayside", "Bristol", "", "BS1 4SB", "GBR"),
    ),
    "ca": Traits(
        "Maple Analytics Inc.",
        "CA",
        "CAD",
        "America/Toronto",
        tax="ca",
        address=_address("200 Wellington Street West", "Toronto", "ON", "M5V 3C7", "CAN"),
    ),
}
_TERMS = (("Due on receipt", 0), ("Net 15", 15), ("Net 30", 30), ("Net 60", 60))
# The accounts of a new company: name, type and detail type. The rules of the books find theirs by the detail type.
_ACCOUNTS = (
    ("Services", "Income", "ServiceFeeIncome"),
    ("Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("Sales", "Income", "OtherPrimaryIncome"),
    ("Discounts given", "Income", "DiscountsRefundsGiven"),
    ("Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("Checking", "Bank", "Checking"),
    ("Sales Tax Payable", "Other Current Liability", "GlobalTaxPayable"),
    ("Exchange Gain or Loss", "Other Expense", "ExchangeGainOrLoss"),
    ("Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("Inventory Asset", "Other Current Asset", "Inventory"),
    ("Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
)
_TAX_CODES = {
    "uk": (("20.0% S", "20"), ("5.0% R", "5"), ("0.0% Z", "0"), ("Exempt", "0"), ("No VAT", "0")),
    "ca": (("GST", "5"), ("HST ON", "13"), ("HST NS", "14"), ("Zero-rated", "0"), ("Exempt", "0")),
}
_AMERICAN_TAXES = {
    "us": (("Sales tax", "8"),),
    "us-ast": (("California", "7.25"), ("New York", "8.875"), ("Texas", "6.25"), ("Washington", "6.5")),
}
_AGENCIES = {
    "us": "State Board of Equalization",
    "us-ast": "State tax departments",
    "uk": "HM Revenue & Customs (VAT)",
    "ca": "Canada Revenue Agency",
}


def seeded(kind: str, random: Random, now: datetime) -> Company:
    """Open a company of a kind; the seed decides its realm ID."""
    traits = KINDS[kind]
    company = Company(str(random.randrange(9_130_000_000_000_000, 9_139_999_999_999_999)), traits, ENTITIES)
    act = Act(now)
    usual = _seed_taxes(company, act)
    chosen = preferences(traits)
    taxes = (
        chosen["TaxPrefs"] if usual is None else {**chosen["TaxPrefs"], "TaxGroupCodeRef": {"value": usual}}
    )
    company.store("CompanyInfo", company_info(traits), act, identifier="1")
    company.store("Preferences", {**chosen, "TaxPrefs": taxes}, act, identifier="1")
    for name, days in _TERMS:
        _made(company, "Term", {"Name": name, "DueDays": days}, act)
    for name, account_type, subtype in _ACCOUNTS:
        fields = {"Name": name, "AccountType": account_type, "AccountSubType": subtype}
        _made(company, "Account", fields, act)
    services = company.names.find("Account", "Services")
    for name in ("Services", "Hours"):
        account = {"value": services[1]} if services else None
        _made(company, "Item", {"Name": name, "Type": "Service", "IncomeAccountRef": account}, act)
    for name in ("Amy's Bird Sanctuary", "Cool Cars"):
        _made(company, "Customer", {"DisplayName": name, "CompanyName": name}, act)
    _made(company, "Vendor", {"DisplayName": "Books by Bessie", "CompanyName": "Books by Bessie"}, act)
    return company


def change_traits(company: Company, traits: Traits, now: datetime) -> None:
    """Change how a company is set up, as its owner does in QuickBooks, and what its settings say."""
    company.traits = traits
    for entity, fields in (("Preferences", preferences(traits)), ("CompanyInfo", company_info(traits))):
        before = company.objects[entity]["1"]
        taxes = {"TaxPrefs": {**before["TaxPrefs"], **fields["TaxPrefs"]}} if entity == "Preferences" else {}
        company.replace(entity, before, {**before, **fields, **taxes}, Act(now))


def _made(company: Company, entity: str, fields: Mapping[str, Any], act: Act) -> Fields:
    return writing.create(company, ENTITIES[entity], fields, act)


def _seed_taxes(company: Company, act: Act) -> str | None:
    """Seed the taxes of a regime; return the Id of the usual tax code of a US company."""
    regime = company.traits.tax
    agency = company.store("TaxAgency", {"DisplayName": _AGENCIES[regime], "TaxTrackedOnSales": True}, act)
    if regime not in _AMERICAN_TAXES:
        for name, percent in _TAX_CODES[regime]:
            _seed_tax(company, name, percent, agency, act)
        return None
    for name, taxable in (("TAX", True), ("NON", False)):
        fields = {"Name": name, "Active": True, "Taxable": taxable, "TaxGroup": False, "Hidden": False}
        company.store("TaxCode", fields, act, identifier=name)
    codes = [_seed_tax(company, name, percent, agency, act) for name, percent in _AMERICAN_TAXES[regime]]
    return str(codes[0]["Id"])


def _seed_tax(company: Company, name: str, percent: str, agency: Fields, act: Act) -> Fields:
    rate = company.store(
        "TaxRate",
        {
            "Name": name,
            "Description": name,
            "Active": True,
            "RateValue": Decimal(percent),
            "AgencyRef": {"value": agency["Id"]},
            "SpecialTaxType": "NONE",
            "DisplayType": "ReadOnly",
            "EffectiveTaxRate": [
                {"RateValue": Decimal(percent), "EffectiveDate": "2015-01-01T00:00:00-08:00"}
            ],
        },
        act,
    )
    detail = {"TaxRateRef": {"value": rate["Id"]}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}
    return company.store(
        "TaxCode",
        {
            "Name": name,
            "Description": name,
            "Active": True,
            "Hidden": False,
            "Taxable": True,
            "TaxGroup": True,
            "SalesTaxRateList": {"TaxRateDetail": [detail]},
            "PurchaseTaxRateList": {"TaxRateDetail": []},
        },
        act,
    )
