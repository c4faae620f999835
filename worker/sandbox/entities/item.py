"""Items: the products and services of a company, its categories and its bundles."""

from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import LIST, Draft, Entity, Naming, lacking
from worker.sandbox.books.names import full_name, level
from worker.sandbox.sales.basis import check_account
from worker.sandbox.schema.common import ACTIVE, described
from worker.sandbox.schema.kinds import (
    Choice,
    Day,
    Fields,
    Flag,
    Number,
    Property,
    Ref,
    Several,
    Text,
    group,
)

_BUNDLE = group(
    Property(
        "ItemGroupLine",
        Several(group(Property("ItemRef", Ref(("Item",), "Items")), Property("Qty", Number()))),
    )
)
_PROPERTIES = described(
    ACTIVE,
    Property("Name", Text(100, ":\t\n"), filterable=True),
    Property("Sku", Text(100), filterable=True),
    Property("Description", Text(4000), filterable=True),
    Property("PurchaseDesc", Text(1000)),
    Property("Type", Choice(("Service", "Inventory", "NonInventory", "Category", "Group")), filterable=True),
    Property("ItemCategoryType", Text(), read_only=True),
    Property("UnitPrice", Number(), filterable=True, default=Decimal(0)),
    Property("RatePercent", Number()),
    Property("PurchaseCost", Number(), filterable=True, default=Decimal(0)),
    Property("IncomeAccountRef", Ref(("Account",), "Accounts"), filterable=True),
    Property("ExpenseAccountRef", Ref(("Account",), "Accounts")),
    Property("AssetAccountRef", Ref(("Account",), "Accounts")),
    Property("TrackQtyOnHand", Flag(), default=False),
    Property("QtyOnHand", Number(), filterable=True),
    Property("ReorderPoint", Number()),
    Property("InvStartDate", Day()),
    Property("Taxable", Flag(), default=False),
    Property("SalesTaxIncluded", Flag()),
    Property("PurchaseTaxIncluded", Flag()),
    Property("SalesTaxCodeRef", Ref(("TaxCode",), "TaxCodes")),
    Property("PurchaseTaxCodeRef", Ref(("TaxCode",), "TaxCodes")),
    Property("TaxClassificationRef", Ref(())),
    Property("ClassRef", Ref(("Class",), "Klasses")),
    Property("PrefVendorRef", Ref(("Vendor",))),
    Property("ParentRef", Ref(("Item",), "Items"), filterable=True),
    Property("SubItem", Flag()),
    Property("Level", Number(), read_only=True),
    Property("FullyQualifiedName", Text(), read_only=True, filterable=True),
    Property("DeferredRevenue", Flag(), default=False),
    Property("AbatementRate", Number()),
    Property("ReverseChargeRate", Number()),
    Property("ServiceType", Text(100)),
    Property("Source", Text(100)),
    Property("ManPartNum", Text(100)),
    Property("PrintGroupedItems", Flag()),
    Property("ItemGroupDetail", _BUNDLE),
    Property("UQCDisplayText", Text(100)),
    Property("UQCId", Text(100)),
)
_NOT_OF_CATEGORIES = frozenset(
    {"Taxable", "UnitPrice", "PurchaseCost", "TrackQtyOnHand", "DeferredRevenue", "IncomeAccountRef"}
)
_INCOME = frozenset({"Income", "Other Income"})
_INVENTORY = ("IncomeAccountRef", "AssetAccountRef", "ExpenseAccountRef", "QtyOnHand", "InvStartDate")


def compose(company: Company, draft: Draft) -> Fields:
    """Check that an item has the properties that its type needs.

    Raises:
        Fault: 2020 for a missing account or quantity, 6000 for an account of another type.
    """
    fields = {"Type": (draft.before or {}).get("Type", "Inventory"), **draft.fields}
    kind = fields["Type"]
    needed: tuple[str, ...] = _INVENTORY if kind == "Inventory" and "Type" in draft.fields else ()
    if kind in {"Service", "NonInventory"}:
        needed = ("IncomeAccountRef",)
    for name in needed:
        if fields.get(name) is None:
            raise faults.required(name)
    check_account(company, fields.get("IncomeAccountRef"), _INCOME)
    if kind == "Category":
        fields = {name: value for name, value in fields.items() if name not in _NOT_OF_CATEGORIES}
    # At the top, an item says nothing of its place.
    return fields if fields["SubItem"] else {**fields, "SubItem": None}


def derived(company: Company, stored: Fields) -> Fields:
    """Calculate an item's place in its categories."""
    place = level(company, "Item", stored)
    return {
        "FullyQualifiedName": full_name(company, "Item", stored),
        **({"Level": place} if place else {}),
    }


ITEM = Entity(
    name="Item",
    properties=_PROPERTIES,
    ids="Item",
    operations=LIST,
    naming=Naming(flag="SubItem"),
    derived_names=frozenset({"FullyQualifiedName", "Level"}),
    answered=lacking({"query": frozenset({"Sku", "DeferredRevenue"})}),
    compose=compose,
    derived=derived,
)
