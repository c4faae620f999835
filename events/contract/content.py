"""The data of an event: taken out of base64, read as what its type holds, and kept as they fit it."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from events.contract import identifiers, json, media
from events.contract.forgiving import forgive
from events.contract.values import Fact
from events.errors import Unusable


def from_base64(document: Mapping[str, Any]) -> bytes:
    """Return data that came as bytes; that they are JSON is for `datacontenttype` to say.

    Raises:
        Unusable: There are no such bytes, or data beside them.
    """
    given = document["data_base64"]
    if document.get("data") is not None:
        raise Unusable(
            "schema_invalid", "The event has both data and data_base64; send one of them", "data_base64"
        )
    try:
        data = base64.b64decode(given, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise Unusable("schema_invalid", f"Expected a text in base64: {error}", "data_base64") from error
    kind = document.get("datacontenttype")
    said = kind if isinstance(kind, str) else ""
    check_json(said)
    return media.in_utf8(data, said)


def check_json(content_type: str) -> None:
    """Look at what data say they are.

    Raises:
        Unusable: With reason `content_type_unsupported`, where that is not JSON.
    """
    kind = media.media_type(content_type)
    if not media.is_json(kind):
        raise Unusable("content_type_unsupported", f"Data is {kind[:100]!r}; send JSON", "datacontenttype")


def read(data: bytes, parsed: Any, kind: type[Fact]) -> tuple[Any, bytes, Any]:
    """Read data as its kind; return it, and the data as they are kept.

    What does not fit as it stands is written anew where it is sure what was meant.

    Raises:
        Unusable: It does not fit; the field says where.
    """
    try:
        return _checked(data, kind), data, parsed
    except Unusable:
        parsed = forgive(parsed, kind)
    data = json.encode_numbers(parsed).encode()
    try:
        return _checked(data, kind), data, parsed
    except Unusable as error:
        field = f"data.{error.field}" if error.field else "data"
        raise Unusable(error.reason, error.detail, field) from error


def _checked(data: bytes, kind: type[Fact]) -> Any:
    payload = json.decode(data, kind)
    identifiers.check(payload, data)
    return payload
