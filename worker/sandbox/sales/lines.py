"""The lines of a sales transaction: products, discounts, texts and bundles, with their prices."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import Any

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.sales.links import LINKED
from worker.sandbox.schema.kinds import (
    AMOUNT_LIMIT,
    CENT,
    Anything,
    Cents,
    Choice,
    Day,
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

EXACT = Context(prec=64)
LINES_MAX = 10_000
# Decimals that QuickBooks keeps of a quantity and of a unit price; it drops those after them.
KEPT = Decimal("0.0000001")
SHIPPING, GRATUITY = "SHIPPING_ITEM_ID", "GRATUITY_ITEM_ID"
ITEM = Ref(("Item",), "Items", also=(SHIPPING, GRATUITY))
TAX_CODE = Ref(("TaxCode",), "TaxCodes", named=False)
_CLASS = Property("ClassRef", Ref(("Class",), "Klasses"))
_SALES_ITEM = group(
    Property("ItemRef", ITEM),
    _CLASS,
    Property("Qty", Number()),
    Property("UnitPrice", Number()),
    Property("RatePercent", Number()),
    Property("PriceLevelRef", Ref(())),
    Property("MarkupInfo", Anything()),
    Property("ItemAccountRef", Ref(("Account",), "Accounts"), read_only=True),
    Property("TaxCodeRef", TAX_CODE),
    Property("TaxClassificationRef", Ref(())),
    Property("ServiceDate", Day()),
    Property("TaxInclusiveAmt", Cents()),
    Property("DiscountRate", Number()),
    Property("DiscountAmt", Number()),
)
_DISCOUNT = group(
    Property("PercentBased", Flag()),
    Property("DiscountPercent", Number(0)),
    Property("DiscountAccountRef", Ref(("Account",), "Accounts")),
    Property("DiscountRef", Ref(())),
    _CLASS,
    Property("TaxCodeRef", TAX_CODE),
    Property("ServiceDate", Day()),
)
_TEXT = group(Property("ServiceDate", Day()), Property("TaxCodeRef", TAX_CODE))
_SUBTOTAL = group(Property("ItemRef", ITEM), Property("ServiceDate", Day()), Property("Qty", Number()))
_COMMON = (
    Property("Id", Text()),
    Property("LineNum", Whole()),
    Property("Description", Text(4000)),
    Property("Amount", Cents()),
    Property("LinkedTxn", Several(LINKED)),
    Property("CustomExtensions", Several(Anything())),
    Property("CustomField", Several(Anything())),
)
_KINDS = (
    "SalesItemLineDetail",
    "DiscountLineDetail",
    "DescriptionOnly",
    "SubTotalLineDetail",
    "GroupLineDetail",
)
_WITHIN_BUNDLE = group(
    *_COMMON, Property("DetailType", Choice(_KINDS)), Property("SalesItemLineDetail", _SALES_ITEM)
)
_BUNDLE = group(
    Property("GroupItemRef", Ref(("Item",), "Items")),
    Property("Quantity", Number(0)),
    Property("ServiceDate", Day()),
    Property("Line", Several(_WITHIN_BUNDLE)),
)
LINES = Several(
    group(
        *_COMMON,
        Property("DetailType", Choice(_KINDS)),
        Property("SalesItemLineDetail", _SALES_ITEM),
        Property("DiscountLineDetail", _DISCOUNT),
        Property("DescriptionLineDetail", _TEXT),
        Property("DescriptionOnlyDetail", _TEXT),
        Property("SubTotalLineDetail", _SUBTOTAL),
        Property("GroupLineDetail", _BUNDLE),
    ),
    LINES_MAX,
)
_NOT_SOLD = frozenset({"Category", "Group"})


def priced(company: Company, lines: Sequence[Fields]) -> list[Fields]:
    """Return the lines of a request, checked and complete, without the subtotal.

    Raises:
        Fault: 2020 for a missing amount, 6070 for one that is not quantity times price, 610 or 2500 for an item.
    """
    return [_priced(company, line) for line in lines if line.get("DetailType") != "SubTotalLineDetail"]


def sold(lines: Sequence[Fields]) -> Iterator[Fields]:
    """Yield the lines that sell an item, also those of bundles."""
    for line in lines:
        if line["DetailType"] == "SalesItemLineDetail":
            yield line
        elif line["DetailType"] == "GroupLineDetail":
            yield from sold(line["GroupLineDetail"]["Line"])


def discounted(company: Company, lines: Sequence[Fields], subtotal: Decimal) -> tuple[list[Fields], Decimal]:
    """Return the lines with the amounts of discounts, and the sum of the discounts."""
    result, total = [], Decimal(0)
    for line in lines:
        if line["DetailType"] != "DiscountLineDetail":
            result.append(line)
            continue
        if not company.traits.allow_discount:
            raise faults.business("Discounts are not switched on for this company")
        if any(each["DetailType"] == "DiscountLineDetail" for each in result):
            raise faults.business("A transaction has at most one discount line")
        detail = line.get("DiscountLineDetail") or {}
        if detail.get("PercentBased"):
            percent = _given(detail, "DiscountPercent")
            amount = (subtotal * percent / 100).quantize(CENT, ROUND_HALF_UP)
        else:
            amount = _given(line, "Amount")
        account = detail.get("DiscountAccountRef") or {
            "value": company.account("DiscountsRefundsGiven")["Id"]
        }
        result.append(
            {**line, "Amount": amount, "DiscountLineDetail": {**detail, "DiscountAccountRef": account}}
        )
        total += amount
    return result, total


def voided(line: Fields) -> Fields:
    """Return a line of a voided transaction: no amount, no quantity, no link."""
    zero = {name: value for name, value in line.items() if name != "LinkedTxn"}
    if "Amount" in line:
        zero["Amount"] = Decimal(0)
    detail = line.get("SalesItemLineDetail")
    if detail is not None:
        kept = {name: value for name, value in detail.items() if name != "TaxInclusiveAmt"}
        zero["SalesItemLineDetail"] = {**kept, "Qty": Decimal(0)} if "Qty" in kept else kept
    bundle = line.get("GroupLineDetail")
    if bundle is not None:
        zero["GroupLineDetail"] = {**bundle, "Line": [voided(each) for each in bundle["Line"]]}
    return zero


def _priced(company: Company, line: Fields) -> Fields:
    kind = line.get("DetailType")
    if kind is None:
        raise faults.required("DetailType")
    if kind == "SalesItemLineDetail":
        return _selling(company, line)
    if kind == "GroupLineDetail":
        return _bundle(company, line)
    return {"DescriptionLineDetail": {}, **line} if kind == "DescriptionOnly" else dict(line)


def usual_item(company: Company) -> Fields:
    """Refer to the item of lines that name none: the company's first service."""
    items = company.objects["Item"].values()
    return {"value": next((each for each in items if each["Type"] == "Service"), next(iter(items)))["Id"]}


def _selling(company: Company, line: Fields) -> Fields:
    amount = _given(line, "Amount")
    detail = _without_zeros(line.get("SalesItemLineDetail") or {}, amount)
    detail = {**detail, **{name: _kept(detail[name]) for name in ("Qty", "UnitPrice") if name in detail}}
    if "Qty" in detail and "UnitPrice" in detail:
        product = EXACT.multiply(detail["Qty"], detail["UnitPrice"])
        amounts = {amount, detail.get("TaxInclusiveAmt", amount)}
        if abs(product) >= AMOUNT_LIMIT or product.quantize(CENT, ROUND_HALF_UP, EXACT) not in amounts:
            raise faults.business(
                f"Amount is not equal to UnitPrice * Qty. Supplied value:{amount:,}", code="6070"
            )
    if not company.traits.classes_per_line:
        detail.pop("ClassRef", None)
    item = (detail.get("ItemRef") or usual_item(company))["value"]
    if item == SHIPPING and not company.traits.allow_shipping:
        raise faults.business("Shipping is not switched on for this company")
    if item not in ITEM.also:
        detail = _of_item(company, item, detail)
    return {**line, "Amount": amount, "SalesItemLineDetail": {**detail, "ItemRef": {"value": item}}}


def _without_zeros(detail: Fields, amount: Decimal) -> Fields:
    """Return the detail of a line without the zeros that a library sends for what nobody set.

    With an amount, neither a quantity and a price of 0 nor a gross amount of 0 can be meant.
    """
    zero = {name for name in ("Qty", "UnitPrice", "TaxInclusiveAmt") if detail.get(name) == 0}
    if not amount or not zero:
        return detail
    unset = zero if {"Qty", "UnitPrice"} <= zero else zero & {"TaxInclusiveAmt"}
    return {name: value for name, value in detail.items() if name not in unset}


def _of_item(company: Company, identifier: str, detail: Fields) -> Fields:
    """Complete a line with its item's account, and in the US with a tax code; an inactive item may stay where it was."""
    item = company.get("Item", identifier)
    if item is None:
        raise faults.invalid_reference(ITEM.words, identifier)
    if item["Type"] in _NOT_SOLD:
        raise faults.business(f"A {item['Type']} can't be used on a line of a transaction")
    if item["Type"] == "Inventory" and "Qty" not in detail:
        raise faults.business("Quantity required for inventory item", code="6520")
    account = item.get("IncomeAccountRef")
    return {
        **({"TaxCodeRef": {"value": "NON"}} if company.traits.country == "US" else {}),
        **detail,
        **({"ItemAccountRef": account} if account else {}),
    }


def _bundle(company: Company, line: Fields) -> Fields:
    """Complete a bundle with the lines of its items, unless the request has them."""
    detail = line.get("GroupLineDetail") or {}
    reference = detail.get("GroupItemRef")
    if reference is None:
        raise faults.required("GroupItemRef")
    quantity = detail.get("Quantity", Decimal(1))
    lines = detail.get("Line") or [
        _of_bundle(company, part, quantity)
        for part in company.active("Item", reference["value"], "Items")
        .get("ItemGroupDetail", {})
        .get("ItemGroupLine", [])
    ]
    inside = [_selling(company, each) for each in lines]
    total = sum((each["Amount"] for each in inside), Decimal(0))
    detail = {**detail, "Quantity": quantity, "Line": inside}
    return {**line, "Amount": total, "GroupLineDetail": detail}


def _of_bundle(company: Company, part: Fields, quantity: Decimal) -> Fields:
    item = company.active("Item", part["ItemRef"]["value"], "Items")
    count = quantity * part.get("Qty", Decimal(1))
    price = item.get("UnitPrice", Decimal(0))
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": EXACT.multiply(count, price).quantize(CENT, ROUND_HALF_UP, EXACT),
        "SalesItemLineDetail": {
            "ItemRef": {"value": item["Id"]},
            "Qty": count,
            "UnitPrice": price,
            **_tax_code(company, item),
        },
    }


def _tax_code(company: Company, item: Fields) -> Fields:
    """Return the tax code of a line that has its item's: in the US whether it is taxable, elsewhere a code."""
    if company.traits.country == "US":
        return {"TaxCodeRef": {"value": "TAX" if item.get("Taxable") else "NON"}}
    return {"TaxCodeRef": item["SalesTaxCodeRef"]} if item.get("SalesTaxCodeRef") else {}


def _given(fields: Fields, name: str) -> Any:
    if fields.get(name) is None:
        raise faults.required(name)
    return fields[name]


def _kept(value: Decimal) -> Decimal:
    kept = value.quantize(KEPT, ROUND_DOWN, EXACT)
    return value if kept == value else kept
