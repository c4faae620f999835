"""Merging two entries of a list into one, as accountants do with duplicates. The API has no such operation."""

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.books.names import LEVELS_MAX, levels_below, lineage
from worker.sandbox.books.roles import has_role
from worker.sandbox.schema.kinds import Fields

# Entries that differ in one of these do not become one.
_SAME = ("CurrencyRef", "Type", "AccountType")


def merge(company: Company, entity: str, gone: str, stays: str, act: Act) -> Fields:
    """Move all references from one entry to another, and remove the first.

    Args:
        company: The company.
        entity: The entity, such as `Customer`.
        gone: The Id of the entry that is removed.
        stays: The Id of the entry that everything moves to.
        act: When and by whom.

    Raises:
        Fault: 500 if the entity is no list of names, 2500 or 610 if an entry is not there, 6000 if they cannot become one.
    """
    if company.entities[entity].naming is None:
        raise faults.unsupported_operation(f"merge of {entity}")
    old, new = company.active(entity, gone), company.active(entity, stays)
    different = next((name for name in _SAME if old.get(name) != new.get(name)), None)
    if different is not None:
        raise faults.business(f"Entries of different {different} can't be merged")
    if entity == "Account" and has_role(company, old) and old["AccountSubType"] != new["AccountSubType"]:
        raise faults.business("An account that QuickBooks uses itself can't be merged into another one")
    above = lineage(company, entity, new)
    if any(each["Id"] == gone for each in above):
        raise faults.business("An entry can't be merged with itself or with one below it")
    if len(above) + levels_below(company, entity, gone) > LEVELS_MAX:
        raise faults.business(f"{entity}s have at most {LEVELS_MAX} levels")
    moved = ({**below, "ParentRef": {"value": stays}} for below in _below(company, entity, gone))
    if any(company.names.holder(company.entities[entity], each) is not None for each in moved):
        raise faults.duplicate_name()
    return company.merge(entity, old, new, act)


def _below(company: Company, entity: str, identifier: str) -> list[Fields]:
    """Return the entries directly below an entry."""
    return [company.objects[entity][each] for each in company.names.below(entity, identifier)]
