"""The companies of a sandbox, each with the books of a real company on its first day."""

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any

from worker.sandbox.books import exchange, plans, writing
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.books.traits import Traits
from worker.sandbox.entities import exchange_rate
from worker.sandbox.entities.catalog import ENTITIES
from worker.sandbox.entities.company_info import company_info
from worker.sandbox.entities.preferences import preferences
from worker.sandbox.openings.taxes import open_taxes
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
_PAYMENT_METHODS = (
    ("Cash", "NON_CREDIT_CARD"),
    ("Check", "NON_CREDIT_CARD"),
    ("Visa", "CREDIT_CARD"),
    ("MasterCard", "CREDIT_CARD"),
    ("American Express", "CREDIT_CARD"),
)
_CUSTOMER_TYPES = ("Retail", "Wholesale")
_CURRENCIES = ("EUR", "USD")


def seeded(kind: str, random: Random, now: datetime) -> Company:
    """Open a company of a kind; the seed decides its realm ID."""
    traits = KINDS[kind]
    company = Company(str(random.randrange(9_130_000_000_000_000, 9_139_999_999_999_999)), traits, ENTITIES)
    act = Act(now)
    usual = open_taxes(company, act)
    chosen = preferences(traits)
    taxes = (
        chosen["TaxPrefs"] if usual is None else {**chosen["TaxPrefs"], "TaxGroupCodeRef": {"value": usual}}
    )
    company.store("CompanyInfo", company_info(traits), act, identifier="1")
    company.next_id("Address")  # all addresses of a new company are one
    company.store("Preferences", {**chosen, "TaxPrefs": taxes}, act, identifier="1")
    for name, days in _TERMS:
        _made(company, "Term", {"Name": name, "DueDays": days, "DiscountDays": 0}, act)
    for name, account_type, subtype in _ACCOUNTS:
        fields = {"Name": name, "AccountType": account_type, "AccountSubType": subtype}
        _made(company, "Account", fields, act)
    for name, method in _PAYMENT_METHODS:
        _made(company, "PaymentMethod", {"Name": name, "Type": method}, act)
    for name in _CUSTOMER_TYPES:
        company.store("CustomerType", {"Name": name, "Active": True}, act)
    for code in _CURRENCIES if traits.multicurrency else ():
        _made(company, "CompanyCurrency", {"Code": code}, act)
        rate = exchange.market(code, traits.home_currency, company.today(now))
        exchange_rate.write(company, {"SourceCurrencyCode": code, "Rate": rate}, act)
    services = company.names.find("Account", "Services")
    for name in ("Services", "Hours"):
        account = {"value": services[1]} if services else None
        _made(company, "Item", {"Name": name, "Type": "Service", "IncomeAccountRef": account}, act)
    for name in ("Amy's Bird Sanctuary", "Cool Cars"):
        _made(company, "Customer", {"DisplayName": name, "CompanyName": name}, act)
    _made(company, "Vendor", {"DisplayName": "Books by Bessie", "CompanyName": "Books by Bessie"}, act)
    return company


def change_traits(company: Company, traits: Traits, now: datetime) -> None:
    """Change how a company is set up, as its owner does in QuickBooks, and its preferences with it."""
    former, present = company.traits, plans.within(traits)
    company.traits = present
    for entity, settings in (("Preferences", preferences), ("CompanyInfo", company_info)):
        before = company.objects[entity]["1"]
        company.replace(entity, before, _changed(before, settings(former), settings(present)), Act(now))


def _changed(stored: Fields, former: Fields, present: Fields) -> Fields:
    """Return stored settings with those that differ between two others."""
    differing = {name: value for name, value in present.items() if former[name] != value}
    inner = {
        name: _changed(stored.get(name, {}), former[name], value)
        for name, value in differing.items()
        if isinstance(value, dict) and former[name].keys() == value.keys()
    }
    return {**stored, **differing, **inner}


def _made(company: Company, entity: str, fields: Mapping[str, Any], act: Act) -> Fields:
    return writing.create(company, ENTITIES[entity], fields, act)
