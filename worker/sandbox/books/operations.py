"""The writing operations of entities by their names, for single requests and for the items of a batch."""

from collections.abc import Mapping
from typing import Any

from worker.sandbox import faults
from worker.sandbox.books import writing
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act, Entity
from worker.sandbox.schema.kinds import Fields


def operate(
    company: Company,
    entity: Entity,
    operation: str | None,
    data: Mapping[str, Any],
    include: frozenset[str],
    act: Act,
) -> Fields:
    """Carry out an operation; return the object as QuickBooks shows it afterwards.

    Args:
        company: The company.
        entity: The entity.
        operation: Its name; None creates an object, or updates one that has an Id.
        data: The object as the request has it.
        include: The request's options, such as `allowduplicatedocnum`; `void` makes an update a void.
        act: When and by whom.

    Raises:
        Fault: QuickBooks refuses it.
    """
    if entity.single and "SyncToken" in data:
        data = {**data, "Id": "1"}
    if operation is None:
        operation = "update" if data.get("Id") else "create"
    if operation == "update" and "void" in include:
        operation = "void"
    match operation:
        case "create" if not data.get("Id"):
            return company.answer(entity, writing.create(company, entity, data, act, include), "create")
        case "update":
            return company.answer(entity, writing.update(company, entity, data, act, include), "update")
        case "void":
            return company.answer(entity, writing.void(company, entity, data, act), "void")
        case "delete":
            return writing.delete(company, entity, data, act)
    raise faults.unsupported_operation(operation)
