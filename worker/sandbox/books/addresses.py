"""Addresses, which have Ids of their own."""

from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Entity
from worker.sandbox.schema.common import ADDRESS
from worker.sandbox.schema.kinds import Fields

_IDS = "Address"


def identified(company: Company, entity: Entity, fields: Fields, before: Fields | None) -> Fields:
    """Return an object with Ids for its addresses; an address that stays as it was keeps its own."""
    by_name = entity.properties.by_name
    found = {
        name: _identified(company, entity, value, (before or {}).get(name))
        for name, value in fields.items()
        if isinstance(value, dict) and value and by_name[name].kind is ADDRESS and "Id" not in value
    }
    return {**fields, **found} if found else fields


def new(company: Company, address: Fields) -> Fields:
    """Return an address with a new Id."""
    return {"Id": company.next_id(_IDS), **address}


def _identified(company: Company, entity: Entity, address: Fields, before: Fields | None) -> Fields:
    """Return an address with its Id. A changed one of a transaction has a new Id: the former can be its customer's."""
    known = (before or {}).get("Id")
    same = known is not None and {"Id": known, **address} == before
    return (
        {"Id": known, **address} if same or (known and not entity.is_transaction) else new(company, address)
    )
