"""The control API of the books: look into them, write to them as their accountant, go back to a snapshot."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from worker.sandbox import accountant
from worker.sandbox.books import snapshots
from worker.sandbox.books.company import Company
from worker.sandbox.faults import Fault
from worker.sandbox.messages import Reply, Request, envelope_time, json_reply, number
from worker.sandbox.schema.kinds import Fields

if TYPE_CHECKING:  # the sandbox itself has this API
    from worker.sandbox.service import Sandbox


class Merger(Struct, frozen=True, forbid_unknown_fields=True):
    """The Id of the entry that another one is merged into."""

    into: str


class PaymentReceived(Struct, frozen=True, forbid_unknown_fields=True):
    """The amount that a customer pays, and the part that each invoice gets of it, by their Ids."""

    amount: Decimal
    invoices: dict[str, Decimal] = {}


class Allocation(Struct, frozen=True, forbid_unknown_fields=True):
    """The part that each invoice gets of a payment, by their Ids."""

    invoices: dict[str, Decimal]


class CreditGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """The amount that a credit memo takes off an invoice."""

    amount: Decimal


_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=number)


def answer(sandbox: "Sandbox", request: Request, path: list[str]) -> Reply:
    """Answer a request about one company's books; 409 with QuickBooks' fault if its rules refuse a write."""
    company = sandbox.companies[path[1]]
    try:
        match request.method, path[0], path[2:]:
            case "GET", "books", []:
                return json_reply(200, company.books())
            case "GET", "journal", []:
                return _journal(company, request.query.get("after", "0"))
            case "POST", "books", [entity, *rest]:
                return _written(sandbox, company, entity, request, rest)
            case _, "snapshots", rest:
                return _snapshots(sandbox, company, request.method, rest)
    except Fault as fault:
        return json_reply(409, fault.body(envelope_time(sandbox.now())))
    return json_reply(404, {"error": f"There is no control {request.method} {request.path}"})


def _written(sandbox: "Sandbox", company: Company, entity: str, request: Request, rest: list[str]) -> Reply:
    if entity not in company.entities:
        return json_reply(404, {"error": f"There is no entity {entity}"})
    now, body = sandbox.now(), request.body
    match rest:
        case []:
            shown = accountant.create(company, entity, _decoder.decode(body), now)
        case [identifier]:
            shown = accountant.change(company, entity, identifier, _decoder.decode(body), now)
        case [identifier, "void"]:
            shown = accountant.void(company, entity, identifier, now)
        case [identifier, "delete"]:
            accountant.delete(company, entity, identifier, now)
            shown = {"Id": identifier, "status": "Deleted"}
        case [identifier, "merge"]:
            into = msgspec.json.decode(body, type=Merger).into
            shown = accountant.merge(company, entity, identifier, into, now)
        case [identifier, *step]:
            shown = _settled(company, f"{'/'.join(step)} {entity}", identifier, body, now)
    return json_reply(200, shown)


def _settled(company: Company, step: str, identifier: str, body: bytes, now: datetime) -> Fields:
    """Settle invoices: with a payment, a credit memo, or as bad debts."""
    match step:
        case "pay Customer":
            paid = msgspec.json.decode(body, type=PaymentReceived)
            return accountant.receive_payment(company, identifier, paid.amount, paid.invoices, now)
        case "move Payment":
            moved = msgspec.json.decode(body, type=Allocation)
            return accountant.move_payment(company, identifier, moved.invoices, now)
        case "credit Invoice":
            amount = msgspec.json.decode(body, type=CreditGiven).amount
            return accountant.credit(company, identifier, amount, now)
        case "write-off Invoice":
            return accountant.write_off(company, identifier, now)
    raise msgspec.DecodeError(f"There is no step {step}")


def _journal(company: Company, after: str) -> Reply:
    if not after.isdecimal():
        raise msgspec.DecodeError(f"Expected a position, got {after} - at `after`")
    changes = company.journal.after(int(after))
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
