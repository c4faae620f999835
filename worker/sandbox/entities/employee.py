"""Employees."""

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import LIST, Draft, Entity
from worker.sandbox.entities import people
from worker.sandbox.schema.common import ADDRESS, described
from worker.sandbox.schema.kinds import Cents, Choice, Day, Fields, Flag, Property, Text

_PROPERTIES = described(
    *people.PROPERTIES,
    Property("SSN", Text(11)),
    Property("EmployeeNumber", Text(100)),
    Property("PrimaryAddr", ADDRESS),
    Property("Gender", Choice(("Male", "Female"))),
    Property("BirthDate", Day()),
    Property("HiredDate", Day()),
    Property("ReleasedDate", Day()),
    Property("BillableTime", Flag(), default=False),
    Property("BillRate", Cents()),
    Property("CostRate", Cents()),
    Property("V4IDPseudonym", Text(), read_only=True),
)


def compose(_: Company, draft: Draft) -> Fields:
    """Complete an employee."""
    return {"PrintOnCheckName": people.printed_name(draft.fields), **draft.fields}


EMPLOYEE = Entity(
    name="Employee",
    properties=_PROPERTIES,
    ids=people.IDS,
    operations=LIST,
    naming=people.NAMED,
    compose=compose,
)
