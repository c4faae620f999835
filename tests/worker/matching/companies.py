"""Customers and accounts by their names alone."""

from worker.matching.index import Index, KnownCustomer, SoughtAccount


def index(*names: str) -> Index:
    """Return an index of customers with these names; their IDs are 1, 2 and so on."""
    return Index(KnownCustomer(str(number), name) for number, name in enumerate(names, 1))


def sought(name: str) -> SoughtAccount:
    """Return an account with a name."""
    return SoughtAccount("A-1", name)
