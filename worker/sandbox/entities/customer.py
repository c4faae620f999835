"""Customers, with their sub-customers and projects."""

from decimal import Decimal

from msgspec.structs import replace

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import LIST, Draft, Entity, lacking
from worker.sandbox.books.names import full_name, level
from worker.sandbox.entities import people
from worker.sandbox.sales import opening
from worker.sandbox.schema.common import described
from worker.sandbox.schema.kinds import Cents, Choice, Day, Fields, Flag, Number, Property, Ref, Text, Whole

_PROPERTIES = described(
    *people.PROPERTIES,
    Property("Taxable", Flag(), default=True),
    Property("Job", Flag(), filterable=True, default=False),
    Property("ParentRef", Ref(("Customer",), named=False), filterable=True),
    Property("BillWithParent", Flag(), default=False),
    Property("RootCustomerRef", Ref(("Customer",)), read_only=True),
    Property("Level", Whole(), read_only=True, filterable=True),
    Property("FullyQualifiedName", Text(), read_only=True, filterable=True),
    Property("IsProject", Flag(), read_only=True, filterable=True),
    Property("ClientEntityId", Text(), read_only=True),
    Property("SalesTermRef", Ref(("Term",), "Terms", named=False)),
    Property("PaymentMethodRef", Ref(("PaymentMethod",), "PaymentMethods", named=False)),
    Property("CustomerTypeRef", Ref(("CustomerType",), "CustomerTypes", named=False)),
    Property("PreferredDeliveryMethod", Choice(("Print", "Email", "None")), default="Print"),
    Property("ResaleNum", Text(16)),
    Property("DefaultTaxCodeRef", Ref(("TaxCode",), "TaxCodes", named=False)),
    Property("TaxExemptionReasonId", Whole()),
    Property("PrimaryTaxIdentifier", Text(20)),
    Property("SecondaryTaxIdentifier", Text(20)),
    Property("ARAccountRef", Ref(("Account",), "Accounts")),
    Property("GSTIN", Text(15)),
    Property("GSTRegistrationType", Text(15)),
    Property("Balance", Cents(), filterable=True),
    Property("OpenBalanceDate", Day()),
    Property("BalanceWithJobs", Number(), read_only=True, filterable=True),
    Property("CreditLimit", Cents()),
    Property("OverDueBalance", Number(), read_only=True),
    Property("TotalRevenue", Number(), read_only=True),
    Property("TotalExpense", Number(), read_only=True),
    Property("Source", Text(), read_only=True),
    Property("V4IDPseudonym", Text(), read_only=True),
    Property("PriceLevelRef", Ref(())),
)

_TAX_IDS = frozenset({"PrimaryTaxIdentifier", "SecondaryTaxIdentifier"})
_SHOWN = 5  # letters and digits of a tax ID


def compose(company: Company, draft: Draft) -> Fields:
    """Complete a customer: its currency cannot change, and its balance follows from its transactions."""
    opening.check(company, draft)
    fields = {name: value for name, value in draft.fields.items() if name != "Balance"}
    home = {"value": company.traits.home_currency}
    currency = fields.get("CurrencyRef") or (draft.before or {}).get("CurrencyRef") or home
    if currency != home and not company.traits.multicurrency:
        raise faults.business("Multi-currency is not enabled for this company")
    if draft.before is not None and currency != draft.before["CurrencyRef"]:
        raise faults.business("The currency of a customer cannot be changed")
    if draft.before is None and company.traits.tax == "us" and fields["Taxable"]:
        usual = company.objects["Preferences"]["1"]["TaxPrefs"]["TaxGroupCodeRef"]
        fields = {"DefaultTaxCodeRef": usual, **fields}
    fields.setdefault("PrintOnCheckName", people.printed_name(fields))
    return {**fields, "CurrencyRef": currency, "IsProject": False}


def derived(company: Company, stored: Fields) -> Fields:
    """Calculate a customer's place among the others, and its balances."""
    own = company.ledger.customer(stored["Id"])
    place = level(company, "Customer", stored)
    return {
        "FullyQualifiedName": full_name(company, "Customer", stored),
        **({"Level": place} if place else {}),
        "Balance": own,
        "BalanceWithJobs": own + _of_jobs(company, stored["Id"]),
        "ClientEntityId": "0",
        "V4IDPseudonym": people.pseudonym(company, stored),
        **(_hidden(stored) if company.traits.tax_ids_are_hidden else {}),
    }


def _hidden(stored: Fields) -> Fields:
    """Return the tax IDs of a customer without their beginnings, as long as they were: `123-45-6789` as `XXXXXX56789`."""
    hidden = {}
    for name in _TAX_IDS & stored.keys():
        end = "".join(filter(str.isalnum, stored[name]))[-_SHOWN:]
        hidden[name] = end.rjust(len(stored[name]), "X")
    return hidden


def full_name_of(company: Company, stored: Fields) -> str:
    """Order customers by their full names: as recorded, jobs come behind the customer above them."""
    return full_name(company, "Customer", stored)


def _of_jobs(company: Company, identifier: str) -> Decimal:
    """Add up the balances of the customers below one."""
    below = company.names.below("Customer", identifier)
    return sum((company.ledger.customer(each) + _of_jobs(company, each) for each in below), Decimal(0))


CUSTOMER = Entity(
    name="Customer",
    properties=_PROPERTIES,
    ids=people.IDS,
    operations=LIST,
    naming=replace(people.NAMED, flag="Job"),
    derived_names=frozenset({"FullyQualifiedName", "Level", "Balance", "BalanceWithJobs"}),
    order=full_name_of,
    answered=lacking(
        {
            "create": frozenset({"ClientEntityId", "V4IDPseudonym"}),
            "read": frozenset({"ClientEntityId"}),
            "update": frozenset({"ClientEntityId", "V4IDPseudonym"}),
            "query": frozenset({"DefaultTaxCodeRef"}),
        }
    ),
    compose=compose,
    derived=derived,
    on_create=opening.invoice,
)
