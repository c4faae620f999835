"""The currencies that a company uses beside its own."""

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import LIST, Draft, Entity
from worker.sandbox.schema.common import ACTIVE, described
from worker.sandbox.schema.currencies import CURRENCIES
from worker.sandbox.schema.kinds import Anything, Fields, Property, Several, Text

_PROPERTIES = described(
    ACTIVE,
    Property("Code", Text(3), filterable=True),
    Property("Name", Text(100), filterable=True),
    Property("CustomField", Several(Anything())),
)


def compose(company: Company, draft: Draft) -> Fields:
    """Check a currency: it is a known one, not the company's own, and has one entry.

    Raises:
        Fault: 2020, 2500, 6000 or 6240; 5030 if the company has one currency.
    """
    if not company.traits.multicurrency:
        raise faults.not_switched_on("Multicurrency")
    code = draft.fields.get("Code") or (draft.before or {}).get("Code")
    if not code:
        raise faults.required("Code")
    if code not in CURRENCIES:
        raise faults.invalid_reference("Currency", code)
    if code == company.traits.home_currency:
        raise faults.business(f"{code} is the home currency of the company")
    others = (each for each in company.objects["CompanyCurrency"].values() if each["Code"] == code)
    if any(each["Id"] != draft.fields.get("Id") for each in others):
        raise faults.duplicate_name()
    return {**draft.fields, "Code": code, "Name": CURRENCIES[code]}


COMPANY_CURRENCY = Entity(
    name="CompanyCurrency",
    properties=_PROPERTIES,
    ids="CompanyCurrency",
    operations=LIST,
    compose=compose,
)
