"""The hands of a company's accountant: writes by people in QuickBooks itself, past the app's API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worker.sandbox.books import merging, writing
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.schema.kinds import Fields

ACCOUNTANT = "2"


def create(company: Company, entity: str, fields: Mapping[str, Any], now: datetime) -> Fields:
    """Create an object; return it as QuickBooks shows it.

    Raises:
        Fault: QuickBooks refuses it.
    """
    described = company.entities[entity]
    return company.shown(described, writing.create(company, described, fields, Act(now, ACCOUNTANT)))


def change(
    company: Company, entity: str, identifier: str, changes: Mapping[str, Any], now: datetime
) -> Fields:
    """Change some properties of an object; return it.

    Raises:
        Fault: QuickBooks refuses it.
    """
    described = company.entities[entity]
    data = {**changes, **_present(company, entity, identifier), "sparse": True}
    return company.shown(described, writing.update(company, described, data, Act(now, ACCOUNTANT)))


def void(company: Company, entity: str, identifier: str, now: datetime) -> Fields:
    """Void a transaction; return it.

    Raises:
        Fault: QuickBooks refuses it.
    """
    described = company.entities[entity]
    data = _present(company, entity, identifier)
    return company.shown(described, writing.void(company, described, data, Act(now, ACCOUNTANT)))


def delete(company: Company, entity: str, identifier: str, now: datetime) -> None:
    """Delete a transaction.

    Raises:
        Fault: QuickBooks refuses it.
    """
    data = _present(company, entity, identifier)
    writing.delete(company, company.entities[entity], data, Act(now, ACCOUNTANT))


def merge(company: Company, entity: str, gone: str, stays: str, now: datetime) -> Fields:
    """Merge an entry of a list into another one, which takes over all that refers to it; return that one.

    Raises:
        Fault: QuickBooks refuses it.
    """
    merged = merging.merge(company, entity, gone, stays, Act(now, ACCOUNTANT))
    return company.shown(company.entities[entity], merged)


def _present(company: Company, entity: str, identifier: str) -> Fields:
    """Return the Id and the sync token of an object; without an object the token is empty."""
    stored = company.get(entity, identifier) or {"Id": identifier, "SyncToken": ""}
    return {"Id": stored["Id"], "SyncToken": stored["SyncToken"]}
