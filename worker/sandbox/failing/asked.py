"""The operation and the entities that a request is about, by which rules refuse it on purpose."""

import re
from typing import Any, Literal

import msgspec
from msgspec import Struct

from worker.sandbox.api import statement
from worker.sandbox.messages import Request

Operation = Literal["create", "update", "delete", "void", "send", "batch", "read", "query", "cdc"]
_FROM = re.compile(r"\bFROM\s+(\w+)", re.IGNORECASE)


class OperationAsked(Struct, frozen=True):
    """The operation of a request, the entities that it names, and the text in which it says so."""

    operation: Operation
    entities: frozenset[str]
    text: str


def asked(request: Request, path: list[str]) -> OperationAsked:
    """Read the operation and the entities of a request.

    Args:
        request: The request.
        path: The path behind the realm, such as `["invoice", "17"]`.
    """
    if path[0] == "query":
        text = statement(request)
        return OperationAsked("query", frozenset(_FROM.findall(text)), text)
    if path[0] == "cdc":
        return OperationAsked("cdc", frozenset(request.query.get("entities", "").split(",")), request.path)
    if request.method != "POST":
        return OperationAsked("read", frozenset({path[0]}), request.path)
    text, body = request.body.decode(errors="replace"), _object(request.body)
    if path[0] == "batch":
        items = body.get("BatchItemRequest")
        named = (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()
        return OperationAsked("batch", frozenset().union(*named), text)
    return OperationAsked(_writing(request, path, body), frozenset({path[0]}), text)


def _writing(request: Request, path: list[str], body: dict[str, Any]) -> Operation:
    if path[-1] == "send":
        return "send"
    named = request.query.get("operation")
    if named == "delete":
        return "delete"
    if named == "void" or "void" in request.query.get("include", "").split(","):
        return "void"
    # A company's preferences are updated without an Id; a new object of some clients has a SyncToken and the Id 0.
    is_there = body.get("Id") or ("Id" not in body and "SyncToken" in body)
    return "update" if is_there else "create"


def _object(body: bytes) -> dict[str, Any]:
    """Read a body; one that is no JSON object names nothing, and is refused without a rule."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}
