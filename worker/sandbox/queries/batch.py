"""Batches: up to 30 independent operations, queries and reads of changes in one request, each with its own answer."""

from collections.abc import Mapping
from typing import Any

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.books.operations import operate
from worker.sandbox.faults import Fault
from worker.sandbox.queries import query
from worker.sandbox.queries.changes import changes
from worker.sandbox.schema.kinds import Fields

ITEMS_MAX = 30
REQUEST_ID_CHARACTERS_MAX = 50
_OWN = frozenset({"bId", "operation", "optionsData", "Query", "CDCQuery", "ReportQuery"})


def batch(company: Company, data: Mapping[str, Any], request_id: str, act: Act) -> Fields:
    """Carry out the items of a batch; a refused item does not concern the others.

    Raises:
        Fault: There are no items, too many of them, or an item has no `bId` of its own.
    """
    items = data.get("BatchItemRequest")
    if not isinstance(items, list) or not items:
        raise faults.required("BatchItemRequest")
    if len(items) > ITEMS_MAX:
        raise faults.business(f"A batch has at most {ITEMS_MAX} items")
    if not all(isinstance(item, dict) for item in items):
        raise faults.unsupported_property("BatchItemRequest")
    identifiers = [str(item.get("bId") or "") for item in items]
    if "" in identifiers:
        raise faults.required("bId")
    if len(set(identifiers)) < len(identifiers):
        raise faults.business("The bId of an item must differ from those of the others")
    if request_id and max(len(request_id + each) for each in identifiers) > REQUEST_ID_CHARACTERS_MAX:
        raise faults.too_long(REQUEST_ID_CHARACTERS_MAX)
    answers = [
        {"bId": identifier, **_answer(company, item, act)}
        for identifier, item in zip(identifiers, items, strict=True)
    ]
    return {"BatchItemResponse": answers}


def _answer(company: Company, item: Mapping[str, Any], act: Act) -> Fields:
    try:
        return _carried_out(company, item, act)
    except Fault as fault:
        return {"Fault": fault.fields()}


def _carried_out(company: Company, item: Mapping[str, Any], act: Act) -> Fields:
    if isinstance(item.get("Query"), str):
        return query.run(company, item["Query"], act.at)
    asked = item.get("CDCQuery")
    if isinstance(asked, dict):
        return changes(company, str(asked.get("Entities", "")), str(asked.get("ChangedSince", "")), act.at)
    names = [name for name in item if name not in _OWN]
    entity = company.entities.get(names[0]) if len(names) == 1 else None
    if entity is None:
        raise faults.unsupported_property(names[0] if names else "BatchItemRequest")
    data = item[entity.name]
    if not isinstance(data, dict):
        raise faults.unsupported_property(entity.name)
    operation = item.get("operation")
    if operation is None:
        raise faults.required("operation")
    options = frozenset(str(item.get("optionsData") or "").split(","))
    return {entity.name: operate(company, entity, str(operation), data, options, act)}
