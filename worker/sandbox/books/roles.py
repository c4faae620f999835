"""The accounts that QuickBooks posts to by itself, each known by its detail type."""

from worker.sandbox.books.company import Company
from worker.sandbox.schema.kinds import Fields

_ROLES = frozenset(
    {
        "AccountsReceivable",
        "DiscountsRefundsGiven",
        "ExchangeGainOrLoss",
        "GlobalTaxPayable",
        "OpeningBalanceEquity",
        "SalesOfProductIncome",
        "UndepositedFunds",
    }
)


def has_role(company: Company, account: Fields) -> bool:
    """Return whether QuickBooks posts to an account by itself; such an account keeps its type."""
    subtype = account["AccountSubType"]
    return subtype in _ROLES and bool(company.account(subtype)["Id"] == account["Id"])
