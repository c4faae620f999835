"""Tax codes, the rates in them, and the agencies that the tax goes to. Codes are made by the tax service only."""

from worker.sandbox.books.entity import Entity, Naming
from worker.sandbox.schema.common import ACTIVE, described
from worker.sandbox.schema.kinds import Anything, Flag, Number, Property, Ref, Several, Text, Whole, group

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
)
TAX_RATE = Entity(
    name="TaxRate",
    properties=described(
        ACTIVE,
        Property("Name", Text(100), filterable=True),
        Property("Description", Text(100), filterable=True),
        Property("RateValue", Number(), filterable=True),
        Property("AgencyRef", Ref(("TaxAgency",), "TaxAgencies")),
        Property("TaxReturnLineRef", Ref(())),
        Property("SpecialTaxType", Text(), filterable=True),
        Property("DisplayType", Text(), filterable=True),
        Property("EffectiveTaxRate", Several(Anything())),
        Property("OriginalTaxRate", Text()),
    ),
    ids="TaxRate",
    operations=frozenset({"read", "query"}),
    naming=Naming(),
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
)
