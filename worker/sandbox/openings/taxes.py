"""The agencies, rates and tax codes that a company has on its first day, by its regime."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.sales.tax_service import NewRate, make_code, make_rate
from worker.sandbox.schema.kinds import Fields

_LOWER_IN_NOVA_SCOTIA = date(2025, 4, 1)
# The first numbered tax code of a US company, as recorded.
_FIRST_IN_US = "2"


class _Rate(Struct, frozen=True):
    """A rate of a regime.

    Attributes:
        name: Its name.
        percent: Its percentage.
        agency: The place of its agency.
        special: Its `SpecialTaxType`.
        former: Its percentage before it changed.
        since: The day of that change.
    """

    name: str
    percent: str
    agency: int = 0
    special: str = "NONE"
    former: str | None = None
    since: date = date(2015, 1, 1)


class _Opening(Struct, frozen=True):
    """The taxes of a regime.

    Attributes:
        agencies: The names of its agencies.
        rates: Its rates.
        codes: Its codes, in order, with the rates of sales.
        purchases: The rates of purchases, where they differ from those of sales.
    """

    agencies: tuple[str, ...]
    rates: tuple[_Rate, ...]
    codes: Mapping[str, tuple[str, ...]]
    purchases: Mapping[str, tuple[str, ...]] = {}


_OPENINGS = {
    "us": _Opening(
        agencies=("Board of Equalization", "Arizona Dept. of Revenue", "City of Tucson"),
        rates=(
            _Rate("Sales tax", "8"),
            _Rate("AZ State tax", "7.1", 1),
            _Rate("Tucson City", "2", 2),
        ),
        codes={"Sales tax": ("Sales tax",), "Tucson": ("AZ State tax", "Tucson City")},
    ),
    "us-ast": _Opening(
        agencies=(
            "California Department of Tax and Fee Administration",
            "New York State Department of Taxation and Finance",
            "Texas Comptroller of Public Accounts",
            "Washington State Department of Revenue",
        ),
        rates=(
            _Rate("California State", "6"),
            _Rate("California Local", "1.25"),
            _Rate("New York State", "4", 1),
            _Rate("New York City", "4.5", 1),
            _Rate("Metropolitan Commuter Transportation District", "0.375", 1),
            _Rate("Texas State", "6.25", 2),
            _Rate("Washington State", "6.5", 3),
        ),
        codes={
            "California": ("California State", "California Local"),
            "New York": (
                "New York State",
                "New York City",
                "Metropolitan Commuter Transportation District",
            ),
            "Texas": ("Texas State",),
            "Washington": ("Washington State",),
        },
    ),
    "uk": _Opening(
        agencies=("HM Revenue & Customs (VAT)",),
        rates=(
            _Rate("20.0% S", "20"),
            _Rate("20.0% S (Purchases)", "20"),
            _Rate("5.0% R", "5"),
            _Rate("5.0% R (Purchases)", "5"),
            _Rate("0.0% Z", "0", special="ZERO_RATE"),
            _Rate("0.0% Z (Purchases)", "0", special="ZERO_RATE"),
            _Rate("Exempt", "0"),
            _Rate("Exempt (Purchases)", "0"),
            _Rate("No VAT", "0"),
            _Rate("No VAT (Purchases)", "0"),
        ),
        codes={name: (name,) for name in ("20.0% S", "5.0% R", "0.0% Z", "Exempt", "No VAT")},
        purchases={
            name: (f"{name} (Purchases)",) for name in ("20.0% S", "5.0% R", "0.0% Z", "Exempt", "No VAT")
        },
    ),
    "ca": _Opening(
        agencies=("Canada Revenue Agency", "Ministry of Finance (British Columbia)", "Revenu Québec"),
        rates=(
            _Rate("GST", "5"),
            _Rate("GST (ITC)", "5"),
            _Rate("HST ON", "13"),
            _Rate("HST (ITC) ON", "13"),
            _Rate("HST NS", "14", former="15", since=_LOWER_IN_NOVA_SCOTIA),
            _Rate("HST (ITC) NS", "14", former="15", since=_LOWER_IN_NOVA_SCOTIA),
            _Rate("Zero-rated", "0", special="ZERO_RATE"),
            _Rate("Exempt", "0"),
            _Rate("Out of Scope", "0"),
            _Rate("PST (BC)", "7", 1),
            _Rate("PST (BC) Purchase", "7", 1),
            _Rate("QST 9.975", "9.975", 2),
            _Rate("QST 9.975 (ITR)", "9.975", 2),
            _Rate("HST NB 2016", "15"),
            _Rate("HST (ITC) NB 2016", "15"),
        ),
        codes={
            "GST": ("GST",),
            "HST ON": ("HST ON",),
            "HST NS": ("HST NS",),
            "Zero-rated": ("Zero-rated",),
            "Exempt": ("Exempt",),
            "Out of Scope": ("Out of Scope",),
            "GST/PST BC": ("GST", "PST (BC)"),
            "PST BC": ("PST (BC)",),
            "GST/QST QC - 9.975": ("GST", "QST 9.975"),
            "QST QC - 9.975": ("QST 9.975",),
            "HST NB 2016": ("HST NB 2016",),
        },
        purchases={
            "GST": ("GST (ITC)",),
            "HST ON": ("HST (ITC) ON",),
            "HST NS": ("HST (ITC) NS",),
            "GST/PST BC": ("GST (ITC)", "PST (BC) Purchase"),
            "PST BC": ("PST (BC) Purchase",),
            "GST/QST QC - 9.975": ("GST (ITC)", "QST 9.975 (ITR)"),
            "QST QC - 9.975": ("QST 9.975 (ITR)",),
            "HST NB 2016": ("HST (ITC) NB 2016",),
        },
    ),
}


def open_taxes(company: Company, act: Act) -> str | None:
    """Store the agencies, rates and codes of a new company; return the Id of the usual code of a US company."""
    regime = company.traits.tax
    american, opening = company.traits.country == "US", _OPENINGS[regime]
    agencies = [_agency(company, name, act, purchases=not american) for name in opening.agencies]
    rates = {
        each.name: make_rate(company, _new(each, agencies[each.agency]["Id"]), act) for each in opening.rates
    }
    if american:
        for name, taxable in (("TAX", True), ("NON", False)):
            _pseudo_code(company, name, act, taxable=taxable)
    for place, (name, sales) in enumerate(opening.codes.items()):
        bought = opening.purchases.get(name, () if american else sales)
        make_code(
            company,
            name,
            [rates[each] for each in sales],
            [rates[each] for each in bought],
            act,
            config="USER_DEFINED" if regime == "us" else "SYSTEM_GENERATED",
            identifier=_FIRST_IN_US if american and place == 0 else None,
        )
    return _FIRST_IN_US if american else None


def _new(rate: _Rate, agency: str) -> NewRate:
    former = None if rate.former is None else Decimal(rate.former)
    return NewRate(rate.name, Decimal(rate.percent), agency, rate.special, rate.since, former)


def _agency(company: Company, name: str, act: Act, *, purchases: bool) -> Fields:
    fields = {"DisplayName": name, "TaxTrackedOnSales": True, "TaxTrackedOnPurchases": purchases}
    return company.store("TaxAgency", fields, act)


def _pseudo_code(company: Company, name: str, act: Act, *, taxable: bool) -> None:
    """Store a code of lines, TAX or NON, which has no rates of its own."""
    fields = {
        "Name": name,
        "Description": name,
        "Active": True,
        "Taxable": taxable,
        "TaxGroup": False,
        "Hidden": False,
    }
    company.store("TaxCode", fields, act, identifier=name)
