"""Parse QuickBooks' errors in their three forms: JSON with capitals, JSON without, XML."""

from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from worker.quickbooks.errors import FaultError

XML_BYTES_MAX = 64 * 1024


def parse_fault(body: bytes) -> tuple[FaultError, ...]:
    """Return the errors of a Fault in any form; empty if the body has none."""
    stripped = body.lstrip()
    if stripped.startswith(b"<"):
        return _from_xml(stripped)
    if b"ault" not in stripped:
        return ()  # neither Fault nor fault: nearly every answer, which need not be parsed twice
    try:
        document = msgspec.json.decode(stripped)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return faults_in(document)


def faults_in(document: Any) -> tuple[FaultError, ...]:
    """Return the errors of the Fault in a decoded answer, or in an item of a batch; empty if it has none."""
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
    """Return a member, with its first letter in either case."""
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
    # Only a DOCTYPE declares entities; QuickBooks sends none, so a body with one is not parsed. Nor is a body with
    # a NUL byte: expat also reads UTF-16 and UTF-32, in which this check would miss a DOCTYPE.
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
