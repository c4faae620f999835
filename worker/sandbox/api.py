"""QuickBooks' API for one company: which operation of which entity a request asks for, and its answer."""

from collections.abc import Mapping
from http import HTTPStatus

from worker.sandbox import faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act, Entity, Operation
from worker.sandbox.books.operations import operate
from worker.sandbox.books.traits import Traits
from worker.sandbox.books.writing import allow
from worker.sandbox.entities import exchange_rate
from worker.sandbox.entities.catalog import BY_PATH
from worker.sandbox.messages import PDF, Reply, Request, envelope_time, json_object, json_reply
from worker.sandbox.queries.batch import REQUEST_ID_CHARACTERS_MAX, batch
from worker.sandbox.queries.changes import changes
from worker.sandbox.queries.query import run
from worker.sandbox.sales import tax_service
from worker.sandbox.sales.sending import pdf, send, with_link
from worker.sandbox.schema.kinds import Fields


def answer(company: Company, request: Request, path: list[str], act: Act) -> Reply:
    """Answer a request.

    Args:
        company: The company.
        request: The request.
        path: The path behind the realm, such as `["invoice", "17"]`.
        act: When and by whom it is made.

    Raises:
        Fault: QuickBooks refuses it.
    """
    check_subscription(company.traits, request.method, path)
    match request.method, path:
        case "GET", [name, identifier, "pdf"]:
            return Reply(200, pdf(company, _having(name, "pdf"), identifier), PDF)
    body = _body(company, request, path, act)
    return json_reply(200, {**body, "time": envelope_time(act.at)})


def check_subscription(traits: Traits, method: str, path: list[str]) -> None:
    """Refuse requests to a company whose subscription has ended.

    Raises:
        Fault: 6190.
    """
    reads = method == "GET" or path == ["query"]
    if traits.subscription == "lapsed" and not (reads and traits.lapsed_books_are_readable):
        status = HTTPStatus.OK if traits.lapsed_status_is_200 else HTTPStatus.BAD_REQUEST
        raise faults.subscription_lapsed(traits.plan, status)


def statement(request: Request) -> str:
    """Return the statement of a query, which comes in the address or as the body."""
    return request.query.get("query") or request.body.decode(errors="replace")


def _body(company: Company, request: Request, path: list[str], act: Act) -> Fields:
    if path == ["query"]:
        return run(company, statement(request), act.at)
    if request.method == "GET":
        return _found(company, request.query, path, act)
    if request.method == "POST":
        return _done(company, request, path, act)
    raise faults.unsupported_operation(request.method)


def _found(company: Company, asked: Mapping[str, str], path: list[str], act: Act) -> Fields:
    match path:
        case ["cdc"]:
            return changes(company, asked.get("entities", ""), asked.get("changedSince", ""), act.at)
        case ["preferences"]:
            return _read(company, _having("preferences", "read"), "1")
        case ["exchangerate"]:
            return {"ExchangeRate": exchange_rate.read(company, asked, act)}
        case ["invoice", identifier] if "invoiceLink" in _included(asked):
            read = _read(company, _having("invoice", "read"), identifier)
            return {"Invoice": with_link(company, read["Invoice"])}
        case [name, identifier]:
            return _read(company, _having(name, "read"), identifier)
    raise faults.unsupported_operation("/".join(path))


def _done(company: Company, request: Request, path: list[str], act: Act) -> Fields:
    asked = request.query
    if len(asked.get("requestid", "")) > REQUEST_ID_CHARACTERS_MAX:
        raise faults.too_long(REQUEST_ID_CHARACTERS_MAX)
    match path:
        case ["batch"]:
            return batch(company, json_object(request.body), asked.get("requestid", ""), act)
        case [name, identifier, "send"]:
            entity = _having(name, "send")
            return {entity.name: send(company, entity, identifier, asked.get("sendTo"), act)}
        case ["exchangerate"]:
            return {"ExchangeRate": exchange_rate.write(company, json_object(request.body), act)}
        case ["taxservice", "taxcode"]:
            return tax_service.create(company, json_object(request.body), act)
        case [name] if name in BY_PATH:
            entity, data = BY_PATH[name], json_object(request.body)
            return {
                entity.name: operate(company, entity, asked.get("operation"), data, _included(asked), act)
            }
    raise faults.unsupported_operation("/".join(path))


def _included(asked: Mapping[str, str]) -> frozenset[str]:
    """Return the options of a request, such as `allowduplicatedocnum`."""
    return frozenset(asked.get("include", "").split(","))


def _having(name: str, operation: Operation) -> Entity:
    """Return the entity of a path that has an operation."""
    entity = BY_PATH.get(name)
    if entity is None:
        raise faults.unsupported_operation(name)
    allow(entity, operation)
    return entity


def _read(company: Company, entity: Entity, identifier: str) -> Fields:
    if entity.single and identifier not in {"1", company.realm}:
        raise faults.inactive(entity.name)
    found = company.existing(entity.name, "1" if entity.single else identifier)
    return {entity.name: company.answer(entity, found, "read")}
