"""The control API of the books: look into them, write to them as their accountant, go back to a snapshot."""

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from worker.sandbox import accountant
from worker.sandbox.books import snapshots
from worker.sandbox.books.company import Company
from worker.sandbox.faults import Fault
from worker.sandbox.messages import Reply, Request, envelope_time, json_object, json_reply
from worker.sandbox.schema.kinds import Fields

if TYPE_CHECKING:  # the sandbox itself has this API
    from worker.sandbox.service import Sandbox


class Merger(Struct, frozen=True, forbid_unknown_fields=True):
    """The Id of the entry that another one is merged into."""

    into: str


def answer(sandbox: "Sandbox", request: Request, path: list[str]) -> Reply:
    """Answer a request about one company's books; 409 with QuickBooks' fault if its rules refuse a write."""
    company = sandbox.companies[path[1]]
    try:
        match request.method, path[0], path[2:]:
            case "GET", "books", []:
                return json_reply(200, company.books())
            case "GET", "journal", []:
                return _journal(company, int(request.query.get("after", "0")))
            case "POST", "books", [entity, *rest] if entity in company.entities:
                return json_reply(200, _written(sandbox, company, entity, request, rest))
            case _, "snapshots", rest:
                return _snapshots(sandbox, company, request.method, rest)
    except Fault as fault:
        return json_reply(409, fault.body(envelope_time(sandbox.now())))
    return json_reply(404, {"error": "There is no such control"})


def _written(sandbox: "Sandbox", company: Company, entity: str, request: Request, rest: list[str]) -> Fields:
    now = sandbox.now()
    match rest:
        case []:
            return accountant.create(company, entity, json_object(request.body), now)
        case [identifier]:
            return accountant.change(company, entity, identifier, json_object(request.body), now)
        case [identifier, "void"]:
            return accountant.void(company, entity, identifier, now)
        case [identifier, "delete"]:
            accountant.delete(company, entity, identifier, now)
            return {"Id": identifier, "status": "Deleted"}
        case [identifier, "merge"]:
            into = msgspec.json.decode(request.body, type=Merger).into
            return accountant.merge(company, entity, identifier, into, now)
    raise msgspec.DecodeError(f"An accountant can't {'/'.join(rest[1:])}")


def _journal(company: Company, after: int) -> Reply:
    changes = company.journal.after(max(after, 0))
    return json_reply(200, {"changes": msgspec.to_builtins(changes), "next": len(company.journal)})


def _snapshots(sandbox: "Sandbox", company: Company, method: str, rest: list[str]) -> Reply:
    kept = sandbox.snapshots.setdefault(company.realm, {})
    match method, rest:
        case "GET", []:
            return json_reply(200, {"snapshots": list(kept)})
        case "POST", [name]:
            kept[name] = snapshots.taken(company)
            return json_reply(200, {"snapshots": list(kept)})
        case "POST", [name, "restore"] if name in kept:
            snapshots.restore(company, kept[name])
            return json_reply(200, {"restored": name})
    return json_reply(404, {"error": "There is no such snapshot"})
