"""The rules of name lists: customers, vendors, employees, items, accounts, terms."""

from datetime import datetime
from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.company import Company, Entity, check_length, check_properties, reference
from worker.sandbox.lengths import check_texts

_COMMON = frozenset({"Id", "SyncToken", "sparse", "domain", "MetaData", "Active"})
_PERSON = _COMMON | {
    "DisplayName",
    "CompanyName",
    "Title",
    "GivenName",
    "MiddleName",
    "FamilyName",
    "Suffix",
    "PrintOnCheckName",
    "PrimaryEmailAddr",
    "PrimaryPhone",
    "Mobile",
    "Fax",
    "WebAddr",
    "BillAddr",
    "ShipAddr",
    "Notes",
    "CurrencyRef",
}
PROPERTIES = {
    "Customer": _PERSON
    | {
        "Taxable",
        "Job",
        "ParentRef",
        "BillWithParent",
        "SalesTermRef",
        "PreferredDeliveryMethod",
        "ResaleNum",
        "DefaultTaxCodeRef",
        "PrimaryTaxIdentifier",
        "Balance",
        "BalanceWithJobs",
        "IsProject",
        "FullyQualifiedName",
    },
    "Vendor": _PERSON | {"AcctNum", "TermRef", "Vendor1099", "Balance"},
    "Employee": _PERSON | {"SSN", "HiredDate", "ReleasedDate"},
    "Item": _COMMON
    | {
        "Name",
        "Sku",
        "Description",
        "Type",
        "UnitPrice",
        "PurchaseCost",
        "IncomeAccountRef",
        "ExpenseAccountRef",
        "AssetAccountRef",
        "TrackQtyOnHand",
        "QtyOnHand",
        "InvStartDate",
        "Taxable",
        "SalesTaxIncluded",
        "SalesTaxCodeRef",
        "ParentRef",
        "SubItem",
        "FullyQualifiedName",
        "DeferredRevenue",
    },
    "Account": _COMMON
    | {
        "Name",
        "AccountType",
        "AccountSubType",
        "AcctNum",
        "Description",
        "CurrencyRef",
        "Classification",
        "CurrentBalance",
        "CurrentBalanceWithSubAccounts",
        "FullyQualifiedName",
        "SubAccount",
        "ParentRef",
    },
    "Term": _COMMON | {"Name", "Type", "DueDays", "DayOfMonthDue", "DueNextMonthDays", "DiscountPercent"},
}
NAME_LISTS = frozenset(PROPERTIES)
_NAME = {"Customer": "DisplayName", "Vendor": "DisplayName", "Employee": "DisplayName"}
_NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_WITHOUT_FULL_NAME = frozenset({"Term", "Vendor", "Employee"})
_SHARED_NAMES = ("Customer", "Vendor", "Employee")
_LENGTHS = {"Customer": 500, "Vendor": 500, "Employee": 500, "Item": 100, "Account": 100, "Term": 31}
_FORBIDDEN = {"Customer": ":\t\n", "Vendor": ":\t\n", "Employee": ":\t\n", "Item": ":\t\n", "Account": '":'}


def create(company: Company, entity: str, data: Entity, now: datetime) -> Entity:
    """Create an entry of a name list.

    Raises:
        Fault: It breaks a rule.
    """
    fields = _checked(company, entity, {**_defaults(company, entity), **data}, before=None)
    return company.store(entity, fields, now)


def update(company: Company, entity: str, data: Entity, now: datetime) -> Entity:
    """Change an entry; `Active: false` is how one goes, and its name is free again then.

    Raises:
        Fault: It breaks a rule, or was changed meanwhile.
    """
    before = company.current(entity, data)
    changes = {key: value for key, value in data.items() if key not in {"sparse", "MetaData", "domain"}}
    kept = before if data.get("sparse") else {**_defaults(company, entity), "Active": True}
    fields = {**kept, **changes}
    name = _NAME.get(entity, "Name")
    if before["Active"] and fields.get("Active") is False and not company.traits.inactive_names_stay:
        fields[name] = f"{before[name]} (deleted)"
    return company.replace(entity, before, _checked(company, entity, fields, before=before), now)


def _defaults(company: Company, entity: str) -> Entity:
    if entity == "Customer":
        return {
            "Active": True,
            "Taxable": True,
            "Job": False,
            "BillWithParent": False,
            "Balance": Decimal(0),
            "BalanceWithJobs": Decimal(0),
            "PreferredDeliveryMethod": "Print",
            "IsProject": False,
            "CurrencyRef": {"value": company.traits.home_currency},
        }
    if entity == "Item":
        return {
            "Active": True,
            "UnitPrice": Decimal(0),
            "PurchaseCost": Decimal(0),
            "Taxable": False,
            "DeferredRevenue": False,
        }
    return {"Active": True}


def _checked(company: Company, entity: str, fields: Entity, before: Entity | None) -> Entity:
    check_properties(fields, PROPERTIES[entity])
    name_field = _NAME.get(entity, "Name")
    sent = str(fields.get(name_field) or "")
    if not sent and entity in _SHARED_NAMES:
        sent = " ".join(str(fields[part]) for part in _NAME_PARTS if fields.get(part))
    if any(character in sent for character in _FORBIDDEN.get(entity, "")):
        raise faults.unsupported_property(name_field)
    name = " ".join(sent.split())
    if not name:
        raise faults.required(name_field)
    fields = {**fields, name_field: name}
    check_length(fields, name_field, _LENGTHS[entity])
    check_texts(entity, fields)
    if fields.get("Active") is not False or company.traits.inactive_names_stay:
        _check_unique(company, entity, name_field, name, before)
    if entity == "Item" and fields.get("Type", "Inventory") in {"Service", "NonInventory"}:
        account = reference(fields, "IncomeAccountRef")
        if account is None:
            raise faults.required("IncomeAccountRef")
        fields["IncomeAccountRef"] = {"value": account, "name": company.active("Account", account)["Name"]}
    if entity == "Customer":
        _check_customer(company, fields, before)
    if entity not in _WITHOUT_FULL_NAME:
        fields["FullyQualifiedName"] = name
    return fields


def _check_customer(company: Company, fields: Entity, before: Entity | None) -> None:
    currency = reference(fields, "CurrencyRef")
    if currency != company.traits.home_currency and not company.traits.multicurrency:
        raise faults.business("Multi-currency is not enabled for this company")
    if before is not None and currency != reference(before, "CurrencyRef"):
        raise faults.business("The currency of a customer cannot be changed")


def _check_unique(company: Company, entity: str, name_field: str, name: str, before: Entity | None) -> None:
    lists = _SHARED_NAMES if entity in _SHARED_NAMES else (entity,)
    for other in lists:
        for existing in company.every(other):
            if existing is not before and str(existing[name_field]).casefold() == name.casefold():
                raise faults.duplicate_name()
