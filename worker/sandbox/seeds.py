"""The companies that a sandbox starts with, each with what a real one has on its first day."""

from datetime import datetime
from decimal import Decimal
from random import Random

from worker.sandbox.company import Company, Entity, Traits


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
_ACCOUNTS = (
    ("Services", "Income"),
    ("Sales of Product Income", "Income"),
    ("Sales", "Income"),
    ("Discounts given", "Income"),
    ("Accounts Receivable (A/R)", "Accounts Receivable"),
    ("Undeposited Funds", "Other Current Asset"),
)
_TAX_CODES = {
    "uk": (("20.0% S", "20"), ("5.0% R", "5"), ("0.0% Z", "0"), ("Exempt", "0"), ("No VAT", "0")),
    "ca": (("GST", "5"), ("HST ON", "13"), ("HST NS", "14"), ("Zero-rated", "0"), ("Exempt", "0")),
}


def seeded(kind: str, random: Random, now: datetime) -> Company:
    """Open a company of a kind, with a realm id that the seed decides."""
    traits = KINDS[kind]
    company = Company(str(random.randrange(9_130_000_000_000_000, 9_139_999_999_999_999)), traits)
    for name, days in _TERMS:
        company.store("Term", {"Name": name, "Active": True, "Type": "STANDARD", "DueDays": days}, now)
    for name, account_type in _ACCOUNTS:
        fields: Entity = {
            "Name": name,
            "AccountType": account_type,
            "Active": True,
            "FullyQualifiedName": name,
        }
        company.store("Account", fields, now)
    _seed_taxes(company, now)
    services = next(account for account in company.every("Account") if account["Name"] == "Services")
    for name in ("Services", "Hours"):
        item: Entity = {
            "Name": name,
            "Active": True,
            "Type": "Service",
            "UnitPrice": Decimal(0),
            "Taxable": False,
            "IncomeAccountRef": {"value": services["Id"], "name": services["Name"]},
            "FullyQualifiedName": name,
        }
        company.store("Item", item, now)
    for name in ("Amy's Bird Sanctuary", "Cool Cars"):
        customer = _person(name, traits) | {"FullyQualifiedName": name, "Balance": Decimal(0)}
        company.store("Customer", customer, now)
    company.store("Vendor", _person("Books by Bessie", traits), now)
    company.store("CompanyInfo", company_info(traits), now, identifier="1")
    company.store("Preferences", preferences(traits), now, identifier="1")
    return company


def preferences(traits: Traits) -> Entity:
    """Write a company's preferences as its traits have them."""
    return {
        "SalesFormsPrefs": {
            "CustomTxnNumbers": traits.custom_transaction_numbers,
            "AllowDiscount": traits.allow_discount,
            "AllowShipping": traits.allow_shipping,
            "AllowDeposit": False,
            "AutoApplyCredit": False,
            "ETransactionPaymentEnabled": False,
        },
        "TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": traits.tax == "us-ast"},
        "CurrencyPrefs": {
            "MultiCurrencyEnabled": traits.multicurrency,
            "HomeCurrency": {"value": traits.home_currency},
        },
    }


def _person(name: str, traits: Traits) -> Entity:
    return {
        "DisplayName": name,
        "CompanyName": name,
        "Active": True,
        "CurrencyRef": {"value": traits.home_currency},
    }


def company_info(traits: Traits) -> Entity:
    """Write what a company says of itself; that holds no time zone."""
    addresses = ("CompanyAddr", "LegalAddr", "CustomerCommunicationAddr")
    return {
        "CompanyName": traits.name,
        "LegalName": traits.name,
        **{kind: {"Id": str(place), **traits.address} for place, kind in enumerate(addresses, start=1)},
        "Country": traits.country,
        "CompanyStartDate": "2015-06-05",
        "WebAddr": {},
        "FiscalYearStartMonth": "January",
        "SupportedLanguages": "en",
        "NameValue": [
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
            {"Name": "SubscriptionStatus", "Value": "PAID"},
        ],
    }


def _seed_taxes(company: Company, now: datetime) -> None:
    if company.traits.tax in {"us", "us-ast"}:
        for name, taxable in (("TAX", True), ("NON", False)):
            fields: Entity = {"Name": name, "Active": True, "Taxable": taxable, "TaxGroup": False}
            company.store("TaxCode", fields, now, identifier=name)
        return
    for name, percent in _TAX_CODES[company.traits.tax]:
        rate = company.store("TaxRate", {"Name": name, "Active": True, "RateValue": Decimal(percent)}, now)
        details = [{"TaxRateRef": {"value": rate["Id"]}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}]
        code: Entity = {
            "Name": name,
            "Active": True,
            "Taxable": True,
            "TaxGroup": True,
            "SalesTaxRateList": {"TaxRateDetail": details},
        }
        company.store("TaxCode", code, now)
