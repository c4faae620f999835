"""QuickBooks' API for one company: which operation of which entity a request asks for, and its answer."""

from worker.sandbox import faults
from worker.sandbox.books import writing
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act, Entity
from worker.sandbox.entities.catalog import BY_PATH
from worker.sandbox.messages import Request, json_object
from worker.sandbox.queries import query
from worker.sandbox.schema.kinds import Fields

# There is one object of these entities, whatever Id a request has.
_SINGLE = frozenset({"CompanyInfo", "Preferences"})


def answer(company: Company, request: Request, path: list[str], act: Act) -> Fields:
    """Return the body of an answer, without its time.

    Args:
        company: The company.
        request: The request.
        path: The path behind the realm, such as `["invoice", "17"]`.
        act: When and by whom it is made.

    Raises:
        Fault: QuickBooks refuses it.
    """
    match request.method, path:
        case _, ["query"]:
            return query.run(company, statement(request))
        case "GET", [name] if name in BY_PATH:
            return _read(company, BY_PATH[name], "1")
        case "GET", [name, identifier] if name in BY_PATH:
            return _read(company, BY_PATH[name], identifier)
        case "POST", [name] if name in BY_PATH:
            return _written(company, BY_PATH[name], request, act)
    raise faults.unsupported_operation("/".join(path))


def statement(request: Request) -> str:
    """Return the statement of a query, which comes in the address or as the body."""
    return request.query.get("query") or request.body.decode(errors="replace")


def _read(company: Company, entity: Entity, identifier: str) -> Fields:
    single = entity.name in _SINGLE
    if single and identifier not in {"1", company.realm}:
        raise faults.inactive(entity.name)
    found = company.get(entity.name, "1" if single else identifier)
    if found is None:
        raise faults.deleted(entity.name) if entity.is_transaction else faults.inactive(entity.name)
    return {entity.name: company.shown(entity, found)}


def _written(company: Company, entity: Entity, request: Request, act: Act) -> Fields:
    data = json_object(request.body)
    operation = request.query.get("operation", "update" if data.get("Id") else "create")
    include = frozenset(request.query.get("include", "").split(","))
    if operation == "update" and "void" in include:
        operation = "void"
    match operation:
        case "create" if not data.get("Id"):
            stored = writing.create(company, entity, data, act, include)
        case "update":
            stored = writing.update(company, entity, data, act, include)
        case "void":
            stored = writing.void(company, entity, data, act)
        case "delete":
            return {entity.name: writing.delete(company, entity, data, act)}
        case _:
            raise faults.unsupported_operation(operation)
    return {entity.name: company.shown(entity, stored)}
