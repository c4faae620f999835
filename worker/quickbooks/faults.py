"""The three forms in which QuickBooks says no: JSON with capitals, JSON without, XML."""

import re
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
from msgspec import Struct

from worker.quickbooks.errors import DUPLICATE_DOC_NUMBER, FaultError

XML_BYTES_MAX = 64 * 1024
_DOC_NUMBER = re.compile(r"\bDocNumber=(\S+)")
_TXN_ID = re.compile(r"\bTxnId=([0-9]+)")


class TakenNumber(Struct, frozen=True):
    """Which transaction has a document number, as far as QuickBooks says so."""

    txn_id: str | None
    doc_number: str | None


def taken_number(error: FaultError) -> TakenNumber | None:
    """Read who has a number that was refused as taken; nothing for any other error.

    The sentence around is in the company's language, so only its `Name=value` parts are read. A number that
    holds a space is cut at it. It says who has the number, never that it is ours.
    """
    if error.code != DUPLICATE_DOC_NUMBER:
        return None
    txn_id, doc_number = _TXN_ID.search(error.detail), _DOC_NUMBER.search(error.detail)
    return TakenNumber(
        txn_id=txn_id.group(1) if txn_id else None,
        doc_number=doc_number.group(1) if doc_number else None,
    )


def parse_fault(body: bytes) -> tuple[FaultError, ...]:
    """Read the errors of a Fault; nothing if the body holds none, in whatever form."""
    stripped = body.lstrip()
    if stripped.startswith(b"<"):
        return _from_xml(stripped)
    if b"ault" not in stripped:
        return ()  # neither Fault nor fault: an answer as nearly all are, which need not be read twice
    try:
        document = msgspec.json.decode(stripped)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return _from_json(document)


def _from_json(document: Any) -> tuple[FaultError, ...]:
    fault = _member(document, "fault")
    listed = _member(fault, "error")
    if not isinstance(listed, list):
        return ()
    return tuple(
        FaultError(
            code=_code(_member(error, "code")),
            message=_text(_member(error, "message")),
            detail=_text(_member(error, "detail")),
            element=_text(_member(error, "element")),
        )
        for error in listed
        if isinstance(error, dict)
    )


def _member(value: Any, name: str) -> Any:
    """Return a member whatever the case of its first letter."""
    if not isinstance(value, dict):
        return None
    return value.get(name.capitalize(), value.get(name))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _code(value: Any) -> str:
    # 003200 and 3200 are one code. JSON's true is an int to Python, and no code.
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text.lstrip("0") or text


def _from_xml(body: bytes) -> tuple[FaultError, ...]:
    # Entities are declared in a DOCTYPE only; QuickBooks sends none, so one is not read at all. Neither is
    # a NUL byte: in UTF-16 and UTF-32, which expat reads unasked, a DOCTYPE would go unseen here.
    if len(body) > XML_BYTES_MAX or b"\0" in body or b"<!DOCTYPE" in body.upper():
        return ()
    try:
        root = ET.fromstring(body)  # noqa: S314 - no DOCTYPE, so no entities to expand
    except (ET.ParseError, ValueError, LookupError):
        return ()
    errors = (element for element in root.iter() if _local(element.tag) == "Error")
    return tuple(
        FaultError(
            code=_code(error.get("code") or _child(error, "Code")),
            message=_child(error, "Message"),
            detail=_child(error, "Detail"),
            element=error.get("element") or "",
        )
        for error in errors
    )


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _child(element: ET.Element, name: str) -> str:
    return next((child.text or "" for child in element if _local(child.tag) == name), "")
