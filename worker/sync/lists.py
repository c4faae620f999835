"""The kept fields of the entries of lists, except customers: vendors, employees, items, accounts, terms, tax codes and rates."""

from collections.abc import Mapping
from typing import Any

from events.contract.observed import (
    EmployeeObserved,
    LedgerAccountObserved,
    TaxCodeObserved,
    TaxRateObserved,
    TermObserved,
    VendorObserved,
)
from events.contract.quickbooks import ItemObserved
from worker.commands.entities import reference
from worker.commands.fields import Row, is_active, optional_amount, sync_token, text, whole


def vendor(realm: str, row: Row) -> VendorObserved:
    """Return the kept fields of a vendor."""
    return VendorObserved(
        realm=realm,
        vendor_id=row["Id"],
        sync_token=sync_token(row),
        display_name=row["DisplayName"],
        active=is_active(row),
    )


def employee(realm: str, row: Row) -> EmployeeObserved:
    """Return the kept fields of an employee."""
    return EmployeeObserved(
        realm=realm,
        employee_id=row["Id"],
        sync_token=sync_token(row),
        display_name=row["DisplayName"],
        active=is_active(row),
    )


def item(realm: str, row: Row) -> ItemObserved:
    """Return the kept fields of an item."""
    full_name = text(row, "FullyQualifiedName")
    return ItemObserved(
        realm=realm,
        item_id=row["Id"],
        sync_token=sync_token(row),
        name=text(row, "Name"),
        type=text(row, "Type"),
        active=is_active(row),
        sku=text(row, "Sku"),
        income_account_id=reference(dict(row), "IncomeAccountRef"),
        full_name=None if full_name == text(row, "Name") else full_name,
    )


def ledger_account(realm: str, row: Row) -> LedgerAccountObserved:
    """Return the kept fields of an account."""
    return LedgerAccountObserved(
        realm=realm,
        ledger_account_id=row["Id"],
        sync_token=sync_token(row),
        name=row["Name"],
        type=row["AccountType"],
        active=is_active(row),
    )


def term(realm: str, row: Row) -> TermObserved:
    """Return the kept fields of a term."""
    return TermObserved(
        realm=realm,
        term_id=row["Id"],
        sync_token=sync_token(row),
        name=row["Name"],
        active=is_active(row),
        due_days=whole(row, "DueDays"),
        day_of_month=whole(row, "DayOfMonthDue"),
    )


def tax_code(realm: str, row: Row) -> TaxCodeObserved:
    """Return the kept fields of a tax code."""
    listed = row.get("SalesTaxRateList")
    details = listed.get("TaxRateDetail", []) if isinstance(listed, Mapping) else []
    return TaxCodeObserved(
        realm=realm,
        tax_code_id=row["Id"],
        sync_token=sync_token(row),
        name=row["Name"],
        active=is_active(row),
        tax_rates=tuple(_rate_of(detail) for detail in details),
    )


def tax_rate(realm: str, row: Row) -> TaxRateObserved:
    """Return the kept fields of a tax rate."""
    return TaxRateObserved(
        realm=realm,
        tax_rate_id=row["Id"],
        sync_token=sync_token(row),
        name=row["Name"],
        active=is_active(row),
        percent=optional_amount(row, "RateValue"),
    )


def _rate_of(detail: dict[str, Any]) -> str:
    return str(detail["TaxRateRef"]["value"])
