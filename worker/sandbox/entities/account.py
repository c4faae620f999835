"""Accounts, with their types, their places below others, and their balances."""

from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import LIST, Draft, Entity, Naming, Operation
from worker.sandbox.books.names import full_name
from worker.sandbox.books.roles import has_role
from worker.sandbox.schema.common import ACTIVE, described
from worker.sandbox.schema.kinds import Choice, CurrencyCode, Day, Fields, Flag, Number, Property, Ref, Text

# The classification of each account type, and whether its balance is shown as credits less debits.
CLASSIFICATIONS = {
    "Bank": "Asset",
    "Accounts Receivable": "Asset",
    "Other Current Asset": "Asset",
    "Fixed Asset": "Asset",
    "Other Asset": "Asset",
    "Accounts Payable": "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
    "Long Term Liability": "Liability",
    "Equity": "Equity",
    "Income": "Revenue",
    "Other Income": "Revenue",
    "Expense": "Expense",
    "Other Expense": "Expense",
    "Cost of Goods Sold": "Expense",
    "Non-Posting": "Asset",
}
_SUBTYPES = {
    "Bank": "CashOnHand",
    "Accounts Receivable": "AccountsReceivable",
    "Other Current Asset": "OtherCurrentAssets",
    "Fixed Asset": "OtherFixedAssets",
    "Other Asset": "OtherLongTermAssets",
    "Accounts Payable": "AccountsPayable",
    "Credit Card": "CreditCard",
    "Other Current Liability": "OtherCurrentLiabilities",
    "Long Term Liability": "OtherLongTermLiabilities",
    "Equity": "OpeningBalanceEquity",
    "Income": "ServiceFeeIncome",
    "Other Income": "OtherMiscellaneousIncome",
    "Expense": "OtherMiscellaneousServiceCost",
    "Other Expense": "OtherMiscellaneousExpense",
    "Cost of Goods Sold": "SuppliesMaterialsCogs",
    "Non-Posting": "OtherCurrentAssets",
}
_CREDITS = frozenset({"Liability", "Equity", "Revenue"})
_PROPERTIES = described(
    ACTIVE,
    Property("Name", Text(100, '":'), filterable=True),
    Property("SubAccount", Flag(), filterable=True, default=False),
    Property("ParentRef", Ref(("Account",), "Accounts", named=False), filterable=True),
    Property("Description", Text(100), filterable=True),
    Property("FullyQualifiedName", Text(), read_only=True, filterable=True),
    Property("Level", Number(), read_only=True),
    Property("AccountAlias", Text(100)),
    Property("TxnLocationType", Text(100)),
    Property(
        "Classification", Choice(("Asset", "Equity", "Expense", "Liability", "Revenue")), filterable=True
    ),
    Property("AccountType", Choice(tuple(CLASSIFICATIONS)), filterable=True),
    Property("AccountSubType", Text(100), filterable=True),
    Property("AcctNum", Text(20), filterable=True),
    Property("BankNum", Text(100)),
    Property("OpeningBalance", Number()),
    Property("OpeningBalanceDate", Day()),
    Property("CurrentBalance", Number(), read_only=True, filterable=True),
    Property("CurrentBalanceWithSubAccounts", Number(), read_only=True, filterable=True),
    Property("CurrencyRef", CurrencyCode()),
    Property("TaxAccount", Flag()),
    Property("TaxCodeRef", Ref(("TaxCode",), "TaxCodes")),
)


def compose(company: Company, draft: Draft) -> Fields:
    """Complete an account: its type decides its classification, and its first detail type.

    Raises:
        Fault: 2020 without a type, 6000 for another type of an account that is for receivables, or has a role.
    """
    fields, before = draft.fields, draft.before or {}
    kind = fields.get("AccountType") or before.get("AccountType")
    if kind is None:
        raise faults.required("AccountType")
    same = before.get("AccountType", kind) == kind
    subtype = fields.get("AccountSubType") or (before.get("AccountSubType") if same else None)
    subtype = subtype or _SUBTYPES[kind]
    if not same and "Accounts Receivable" in {before["AccountType"], kind}:
        raise faults.business("An account cannot become or cease to be one for receivables")
    if before and not (same and subtype == before["AccountSubType"]) and has_role(company, before):
        raise faults.business("The type of an account that QuickBooks uses itself cannot be changed")
    currency = fields.get("CurrencyRef") or {"value": company.traits.home_currency}
    return {
        **fields,
        "AccountType": kind,
        "AccountSubType": subtype,
        "Classification": CLASSIFICATIONS[kind],
        "CurrencyRef": currency,
    }


def derived(company: Company, stored: Fields) -> Fields:
    """Calculate an account's place and balances."""
    sign = -1 if stored["Classification"] in _CREDITS else 1
    return {
        "FullyQualifiedName": full_name(company, "Account", stored),
        "CurrentBalance": sign * company.ledger.account(stored["Id"]),
        "CurrentBalanceWithSubAccounts": sign * _with_below(company, stored["Id"]),
    }


def answered(operation: Operation, shown: Fields) -> Fields:
    """Answer with an account; that of a create lacks the time of the last change."""
    if operation != "create":
        return shown
    meta = {name: value for name, value in shown["MetaData"].items() if name != "LastUpdatedTime"}
    return {**shown, "MetaData": meta}


def _with_below(company: Company, identifier: str) -> Decimal:
    below = company.names.below("Account", identifier)
    return sum((_with_below(company, each) for each in below), company.ledger.account(identifier))


ACCOUNT = Entity(
    name="Account",
    properties=_PROPERTIES,
    ids="Account",
    operations=LIST,
    naming=Naming(flag="SubAccount", alone=False, full=True),
    derived_names=frozenset({"FullyQualifiedName", "CurrentBalance", "CurrentBalanceWithSubAccounts"}),
    answered=answered,
    compose=compose,
    derived=derived,
)
