"""The closed books: up to a day, nothing that posts may come, change or go."""

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.schema.kinds import Fields


def is_closed(company: Company, fields: Fields) -> bool:
    """Return whether the date of a transaction is in the closed books."""
    closed = company.traits.books_closed_until
    return closed is not None and bool(fields["TxnDate"] <= closed.isoformat())


def check_open(company: Company, *transactions: Fields) -> None:
    """Refuse transactions whose date is in the closed books.

    Raises:
        Fault: 6210.
    """
    if any(is_closed(company, each) for each in transactions):
        raise faults.period_closed()
