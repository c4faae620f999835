"""Change data capture: the objects that changed since an instant, and those that were deleted."""

from datetime import UTC, datetime, timedelta

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Entity
from worker.sandbox.schema.kinds import Fields

LOOK_BACK = timedelta(days=30)
OBJECTS_MAX = 1000
_NOT_CAPTURED = frozenset({"TaxAgency", "TaxCode", "TaxRate", "CompanyInfo"})


def changes(company: Company, entities: str, since: str, now: datetime) -> Fields:
    """Return the changes of some entities: 1,000 objects in all at most, of the last 30 days, without pages.

    Args:
        company: The company.
        entities: The entities, separated by commas.
        since: An instant in ISO 8601.
        now: The present instant.

    Raises:
        Fault: There is no such entity, or `since` is no instant.
    """
    known = {name.casefold(): each for name, each in company.entities.items()}
    named = [name.strip() for name in entities.split(",") if name.strip()]
    for name, value in (("entities", named), ("changedSince", since)):
        if not value:
            raise faults.required(name)
    start = max(_instant(since), now - LOOK_BACK)
    end = now - timedelta(seconds=company.traits.changes_lag_seconds)
    left = OBJECTS_MAX
    answers: list[Fields] = []
    for name in named:
        entity = known.get(name.casefold())
        if entity is None or entity.name in _NOT_CAPTURED:
            raise faults.unsupported_operation(f"cdc of {name}")
        found = _changed(company, entity, start, end, left)
        left -= len(found)
        answers.append(_page(entity, found) if found else {})
    return {"CDCResponse": [{"QueryResponse": answers}]}


def _changed(company: Company, entity: Entity, start: datetime, end: datetime, most: int) -> list[Fields]:
    """Return the objects of an entity that changed between two instants as they are now, the last change first, so many at most."""
    last: dict[str, datetime] = {}
    for change in company.journal.since(start - timedelta(seconds=1)):
        if change.entity == entity.name and change.at.replace(microsecond=0) >= start and change.at <= end:
            last[change.identifier] = change.at
            if change.deleted_id is not None:
                last[change.deleted_id] = change.at
    found = []
    for identifier, at in sorted(last.items(), key=lambda each: each[1], reverse=True)[:most]:
        stored = company.get(entity.name, identifier)
        if stored is not None:
            found.append(company.answer(entity, stored, "query"))
        else:
            meta = {"LastUpdatedTime": company.instant(at)}
            found.append({"domain": "QBO", "status": "Deleted", "Id": identifier, "MetaData": meta})
    return found


def _page(entity: Entity, found: list[Fields]) -> Fields:
    return {entity.name: found, "startPosition": 1, "maxResults": len(found), "totalCount": len(found)}


def _instant(text: str) -> datetime:
    try:
        # A plus sign that nobody escaped in the address arrives as a space.
        instant = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        raise faults.invalid_date(text, "changedSince") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
