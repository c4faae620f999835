"""Read the documents of QuickBooks' answers: rows of queries, changes since an instant, items of a batch."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from worker.quickbooks.errors import OutcomeUnknown, QuickBooksError
from worker.quickbooks.faults import faults_in
from worker.quickbooks.replies import ApiReply, Entity, error_of

CHANGES_MAX = 1000
DELETED = "Deleted"


class Changes(Struct, frozen=True):
    """The objects that changed since an instant.

    Attributes:
        objects: The changed objects by entity, each as it is now; of a deleted one only `Id`, `status` ("Deleted") and
            `MetaData.LastUpdatedTime`. Every entity that was asked for is a key.
        answered_at: QuickBooks' own time when the request began; the next read may begin there, with an overlap, since
            `MetaData` times are in whole seconds.
    """

    objects: dict[str, list[Entity]]
    answered_at: datetime

    @property
    def is_cut(self) -> bool:
        """Whether changes may be missing: QuickBooks returns at most 1,000 objects in all, and has no pages for more."""
        return sum(map(len, self.objects.values())) >= CHANGES_MAX


def is_deleted(entity: Entity) -> bool:
    """Return whether an object of `Changes` was deleted."""
    return entity.get("status") == DELETED


def changes_in(answer: Entity, entities: tuple[str, ...]) -> Changes:
    """Read an answer of change data capture.

    Raises:
        OutcomeUnknown: It can't be read.
    """
    objects: dict[str, list[Entity]] = {entity: [] for entity in entities}
    captured = answer.get("CDCResponse")
    found = [part for each in _listed(captured) for part in _listed(each.get("QueryResponse"))]
    for part in found:
        for entity in set(part) & set(objects):
            objects[entity] += rows_of(part, entity)
    return Changes(objects, answered_at(answer))


def items_of(answer: Entity, count: int) -> list[Entity | QuickBooksError]:
    """Read an answer to a batch of queries with the `bId` 0, 1, 2 and so on, in their order.

    Returns:
        The `QueryResponse` of each query, or the error that this query alone got.

    Raises:
        OutcomeUnknown: The answer can't be read.
    """
    found = {str(item.get("bId")): item for item in _listed(answer.get("BatchItemResponse"))}
    return [_item(found.get(str(number))) for number in range(count)]


def _item(item: Entity | None) -> Entity | QuickBooksError:
    if item is None:
        return OutcomeUnknown("QuickBooks' answer lacks a query of the batch")
    faults = faults_in(item)
    if faults and (error := error_of(ApiReply(HTTPStatus.BAD_REQUEST, b"", faults, intuit_tid=None))):
        return error
    response = item.get("QueryResponse")
    return response if isinstance(response, dict) else OutcomeUnknown("A query of the batch has no answer")


def member(answer: Entity, name: str) -> Entity:
    """Return a member of an answer that is an object.

    Raises:
        OutcomeUnknown: There is none.
    """
    found = answer.get(name)
    if not isinstance(found, dict):
        raise OutcomeUnknown(f"QuickBooks' answer has no {name}")
    return found


def rows_of(found: Entity, entity: str) -> list[Entity]:
    """Return the rows of a query; if the answer omits the rows, there are none.

    Raises:
        OutcomeUnknown: The rows could not be read.
    """
    rows = found.get(entity, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("Id") for row in rows):
        raise OutcomeUnknown(f"The {entity} rows of QuickBooks' answer could not be read")
    return rows


def answered_at(answer: Entity) -> datetime:
    """Return QuickBooks' own time of an answer, in UTC.

    Raises:
        OutcomeUnknown: It has none.
    """
    try:
        instant = datetime.fromisoformat(answer["time"])
    except (KeyError, TypeError, ValueError) as error:
        raise OutcomeUnknown("QuickBooks' answer has no time") from error
    if instant.tzinfo is None:
        raise OutcomeUnknown("The time of QuickBooks' answer has no zone")
    return instant.astimezone(UTC)


def _listed(value: Any) -> list[Entity]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise OutcomeUnknown("QuickBooks' answer has no list where one belongs")
    return value
