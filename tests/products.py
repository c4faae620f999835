"""Products in the books of a sandbox's company."""

from datetime import datetime
from typing import Any

from worker.sandbox import accountant
from worker.sandbox.books.company import Company


def router(company: Company) -> dict[str, Any]:
    """Return the fields of a product with inventory."""
    accounts = {each["Name"]: {"value": each["Id"]} for each in company.every("Account")}
    return {
        "Name": "Router",
        "Type": "Inventory",
        "IncomeAccountRef": accounts["Sales of Product Income"],
        "AssetAccountRef": accounts["Inventory Asset"],
        "ExpenseAccountRef": accounts["Cost of Goods Sold"],
        "TrackQtyOnHand": True,
        "QtyOnHand": 100,
        "InvStartDate": "2026-01-01",
    }


def add_router(company: Company, now: datetime) -> str:
    """Add a product with inventory to a company; return its Id."""
    return str(accountant.create(company, "Item", router(company), now)["Id"])
