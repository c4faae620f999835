"""Tax codes, the rates in them, and the agencies that the tax goes to. Codes are made by the tax service only."""

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Entity, Naming
from worker.sandbox.schema.common import ACTIVE, described
from worker.sandbox.schema.kinds import (
    Anything,
    Fields,
    Flag,
    Number,
    Property,
    Ref,
    Several,
    Text,
    Whole,
    group,
)

# The codes of lines in the US.
PSEUDO_CODES = frozenset({"TAX", "NON"})
_RATES = group(
    Property(
        "TaxRateDetail",
        Several(
            group(
                Property("TaxRateRef", Ref(("TaxRate",), "TaxRates")),
                Property("TaxTypeApplicable", Text()),
                Property("TaxOrder", Whole()),
                Property("TaxOnTaxOrder", Whole()),
            )
        ),
    )
)


def derived(_: Company, stored: Fields) -> Fields:
    """Show the codes of lines, TAX and NON, as recorded: without what all other objects have."""
    if stored["Id"] not in PSEUDO_CODES:
        return {}
    return dict.fromkeys(("domain", "sparse", "SyncToken", "Active", "Hidden"))


def order(_: Company, stored: Fields) -> str:
    """Order tax codes: as recorded, TAX and NON come first."""
    return {"TAX": "\0", "NON": "\1"}.get(stored["Id"]) or str(stored["Name"])


TAX_CODE = Entity(
    name="TaxCode",
    properties=described(
        ACTIVE,
        Property("Name", Text(100), filterable=True),
        Property("Description", Text(100), filterable=True),
        Property("Taxable", Flag(), filterable=True),
        Property("TaxGroup", Flag(), filterable=True),
        Property("Hidden", Flag()),
        Property("TaxCodeConfigType", Text()),
        Property("SalesTaxRateList", _RATES),
        Property("PurchaseTaxRateList", _RATES),
    ),
    ids="TaxCode",
    operations=frozenset({"read", "query"}),
    naming=Naming(),
    counted=True,
    order=order,
    derived=derived,
)
TAX_RATE = Entity(
    name="TaxRate",
    properties=described(
        ACTIVE,
        Property("Name", Text(100), filterable=True),
        Property("Description", Text(100), filterable=True),
        Property("RateValue", Number(), filterable=True),
        Property("AgencyRef", Ref(("TaxAgency",), "TaxAgencies", named=False)),
        Property("TaxReturnLineRef", Ref(())),
        Property("SpecialTaxType", Text(), filterable=True),
        Property("DisplayType", Text(), filterable=True),
        Property("EffectiveTaxRate", Several(Anything())),
        Property("OriginalTaxRate", Text()),
    ),
    ids="TaxRate",
    operations=frozenset({"read", "query"}),
    naming=Naming(),
    counted=True,
)
TAX_AGENCY = Entity(
    name="TaxAgency",
    properties=described(
        Property("DisplayName", Text(100), filterable=True),
        Property("TaxTrackedOnSales", Flag(), default=True),
        Property("TaxTrackedOnPurchases", Flag(), default=False),
        Property("TaxRegistrationNumber", Text(100)),
        Property("TaxAgencyConfig", Text(), read_only=True),
        Property("LastFileDate", Text(), read_only=True),
    ),
    ids="TaxAgency",
    operations=frozenset({"create", "read", "query"}),
    naming=Naming("DisplayName"),
    counted=True,
)
