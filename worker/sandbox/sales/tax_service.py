"""The tax service, which makes tax codes together with their rates; neither can be made in another way."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.schema.kinds import Choice, Fields, Number, Property, Several, Text, group

Side = Literal["Sales", "Purchase"]
_PERCENT_MAX = 100
_FIRST_DAY = date(2015, 1, 1)
_RATE = group(
    Property("TaxRateId", Text()),
    Property("TaxRateName", Text(100)),
    Property("RateValue", Number(0)),
    Property("TaxAgencyId", Text()),
    Property("TaxApplicableOn", Choice(("Sales", "Purchase"))),
)
_REQUEST = group(
    Property("Id", Text(), read_only=True),
    Property("TaxCode", Text(100)),
    Property("TaxCodeId", Text()),
    Property("TaxRateDetails", Several(_RATE)),
)


class NewRate(Struct, frozen=True):
    """A rate that is to be made.

    Attributes:
        name: Its name.
        percent: Its percentage.
        agency: The Id of the agency that the tax goes to.
        special: Its `SpecialTaxType`.
        since: The day from which it is in force.
        former: The percentage before that day, if it was another one.
    """

    name: str
    percent: Decimal
    agency: str
    special: str = "NONE"
    since: date = _FIRST_DAY
    former: Decimal | None = None


def create(company: Company, data: Mapping[str, Any], act: Act) -> Fields:
    """Make a tax code from rates that are there and from new ones.

    Raises:
        Fault: 2020 for what is missing, 2500 for an agency or rate that is not there, 6240 for a name that is taken.
    """
    given, _ = _REQUEST.given(data)
    name, details = given.get("TaxCode"), given.get("TaxRateDetails")
    if not name or not details:
        raise faults.required("TaxCode" if not name else "TaxRateDetails")
    wanted = [_wanted(company, detail) for detail in details]
    names = [each.name for each in wanted if isinstance(each, NewRate)]
    taken = any(company.names.find("TaxRate", each) for each in names) or len(set(names)) < len(names)
    if taken or company.names.find("TaxCode", name):
        raise faults.duplicate_name()
    rates = [make_rate(company, each, act) if isinstance(each, NewRate) else each for each in wanted]
    sides = [detail.get("TaxApplicableOn", "Sales") for detail in details]
    on: dict[Side, list[Fields]] = {"Sales": [], "Purchase": []}
    for side, rate in zip(sides, rates, strict=True):
        on[side].append(rate)
    code = make_code(company, name, on["Sales"], on["Purchase"], act)
    return {
        "TaxCode": name,
        "TaxCodeId": code["Id"],
        "TaxRateDetails": [
            {
                "TaxRateName": rate["Name"],
                "TaxRateId": rate["Id"],
                "RateValue": rate["RateValue"],
                "TaxAgencyId": rate["AgencyRef"]["value"],
                "TaxApplicableOn": side,
            }
            for side, rate in zip(sides, rates, strict=True)
        ],
    }


def make_rate(company: Company, rate: NewRate, act: Act) -> Fields:
    """Store a new rate."""
    return company.store(
        "TaxRate",
        {
            "Name": rate.name,
            "Description": rate.name,
            "Active": True,
            "RateValue": rate.percent,
            "AgencyRef": {"value": rate.agency},
            "SpecialTaxType": rate.special,
            "DisplayType": "ReadOnly",
            "EffectiveTaxRate": _effective(rate),
        },
        act,
    )


def make_code(
    company: Company,
    name: str,
    sales: Sequence[Fields],
    purchases: Sequence[Fields],
    act: Act,
    *,
    config: str = "USER_DEFINED",
    identifier: str | None = None,
) -> Fields:
    """Store a new code of some rates for sales and for purchases."""
    return company.store(
        "TaxCode",
        {
            "Name": name,
            "Description": name,
            "Active": True,
            "Hidden": False,
            "Taxable": True,
            "TaxGroup": True,
            "SalesTaxRateList": {"TaxRateDetail": _details(sales)},
            "PurchaseTaxRateList": {"TaxRateDetail": _details(purchases)},
            "TaxCodeConfigType": config,
        },
        act,
        identifier,
    )


def _wanted(company: Company, detail: Fields) -> NewRate | Fields:
    """Return the rate that a request names by its Id, or the new rate that it describes."""
    if "TaxRateId" in detail:
        return company.active("TaxRate", detail["TaxRateId"], "TaxRates")
    missing = next((name for name in ("TaxRateName", "RateValue", "TaxAgencyId") if name not in detail), None)
    if missing is not None:
        raise faults.required(missing)
    company.active("TaxAgency", detail["TaxAgencyId"], "TaxAgencies")
    if detail["RateValue"] > _PERCENT_MAX:
        raise faults.business(f"A rate is at most {_PERCENT_MAX} %")
    return NewRate(detail["TaxRateName"], detail["RateValue"], detail["TaxAgencyId"])


def _effective(rate: NewRate) -> list[Fields]:
    """Return the percentages of a rate, each with its days."""
    present = {"RateValue": rate.percent, "EffectiveDate": _midnight(rate.since)}
    if rate.former is None:
        return [present]
    days = {"EffectiveDate": _midnight(_FIRST_DAY), "EndDate": _midnight(rate.since - timedelta(days=1))}
    return [{"RateValue": rate.former, **days}, present]


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00-08:00"


def _details(rates: Sequence[Fields]) -> list[Fields]:
    return [
        {"TaxRateRef": {"value": rate["Id"]}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}
        for rate in rates
    ]
