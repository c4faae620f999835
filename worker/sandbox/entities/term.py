"""Payment terms: due some days after the date, or on a day of the month."""

import calendar
from datetime import date, timedelta

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import LIST, Draft, Entity, Naming
from worker.sandbox.schema.common import ACTIVE, described
from worker.sandbox.schema.kinds import Fields, Number, Property, Text, Whole

DUE_DAYS_DEFAULT = 30
_PROPERTIES = described(
    ACTIVE,
    Property("Name", Text(31), filterable=True),
    Property("Type", Text(), read_only=True, filterable=True),
    Property("DueDays", Whole(0, 999), filterable=True),
    Property("DayOfMonthDue", Whole(1, 31), filterable=True),
    Property("DueNextMonthDays", Whole(0, 999), filterable=True),
    Property("DiscountPercent", Number(0), filterable=True),
    Property("DiscountDays", Whole(0, 999), filterable=True),
    Property("DiscountDayOfMonth", Whole(0, 31)),
)


def compose(_: Company, draft: Draft) -> Fields:
    """Complete a term with its type, which follows from the days that it has.

    Raises:
        Fault: 2020 if it has no days at all.
    """
    fields = draft.fields
    if "DayOfMonthDue" in fields:
        return {"DiscountPercent": 0, **fields, "Type": "DATE_DRIVEN"}
    if "DueDays" not in fields:
        raise faults.required("DueDays")
    return {"DiscountPercent": 0, **fields, "Type": "STANDARD"}


def due(term: Fields | None, day: date) -> date:
    """Return when a transaction of a day is due: after a term's days, 30 without a term.

    Raises:
        Fault: 2010 if that is after the last date there is.
    """
    try:
        if term is not None and term["Type"] == "DATE_DRIVEN":
            return _on_day_of_month(day, term["DayOfMonthDue"], term.get("DueNextMonthDays", 0))
        return day + timedelta(days=DUE_DAYS_DEFAULT if term is None else term["DueDays"])
    except (OverflowError, ValueError):
        raise faults.invalid_date(day.isoformat(), "DueDate") from None


def _on_day_of_month(day: date, wanted: int, at_least: int) -> date:
    """Return the next such day of a month that is at least so many days ahead."""
    first = day.replace(day=1)
    while True:
        last = calendar.monthrange(first.year, first.month)[1]
        found = first.replace(day=min(wanted, last))
        if found >= day and (found - day).days >= at_least:
            return found
        first = (first + timedelta(days=31)).replace(day=1)


TERM = Entity(
    name="Term",
    properties=_PROPERTIES,
    ids="Term",
    operations=LIST,
    naming=Naming(),
    compose=compose,
)
