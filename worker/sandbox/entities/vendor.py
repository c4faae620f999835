"""Vendors."""

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import LIST, Draft, Entity, Operation
from worker.sandbox.entities import people
from worker.sandbox.schema.common import described
from worker.sandbox.schema.kinds import Cents, Day, Fields, Flag, Number, Property, Ref, Text

_PROPERTIES = described(
    *people.PROPERTIES,
    Property("TermRef", Ref(("Term",), "Terms", named=False)),
    Property("APAccountRef", Ref(("Account",), "Accounts")),
    Property("TaxIdentifier", Text(20)),
    Property("TaxReportingBasis", Text(20)),
    Property("BillRate", Cents(), default=0),
    Property("CostRate", Cents(), default=0),
    Property("Vendor1099", Flag(), default=False),
    Property("Balance", Number(), read_only=True, filterable=True),
    Property("GSTIN", Text(15)),
    Property("GSTRegistrationType", Text(15)),
    Property("HasTPAR", Flag()),
    Property("T4AEligible", Flag()),
    Property("T5018Eligible", Flag()),
    Property("DateOfBirth", Day()),
    Property("ClientEntityId", Text(), read_only=True),
    Property("V4IDPseudonym", Text(), read_only=True),
    Property("Source", Text(), read_only=True),
)


def compose(company: Company, draft: Draft) -> Fields:
    """Complete a vendor: its currency cannot change."""
    home = {"value": company.traits.home_currency}
    currency = draft.fields.get("CurrencyRef") or (draft.before or {}).get("CurrencyRef") or home
    if currency != home and not company.traits.multicurrency:
        raise faults.business("Multi-currency is not enabled for this company")
    if draft.before is not None and currency != draft.before["CurrencyRef"]:
        raise faults.business("The currency of a vendor cannot be changed")
    return {
        "PrintOnCheckName": people.printed_name(draft.fields),
        "Balance": 0,
        **draft.fields,
        "CurrencyRef": currency,
    }


def derived(company: Company, stored: Fields) -> Fields:
    """Show a vendor's pseudonym."""
    return {"V4IDPseudonym": people.pseudonym(company, stored)}


def answered(operation: Operation, shown: Fields) -> Fields:
    """Answer with a vendor; queries leave out the cost rate, and a billing rate of 0."""
    if operation != "query":
        return shown
    lacked = {"CostRate"} if shown.get("BillRate") else {"CostRate", "BillRate"}
    return {name: value for name, value in shown.items() if name not in lacked}


VENDOR = Entity(
    name="Vendor",
    properties=_PROPERTIES,
    ids=people.IDS,
    operations=LIST,
    naming=people.NAMED,
    derived_names=frozenset({"V4IDPseudonym"}),
    answered=answered,
    compose=compose,
    derived=derived,
)
