"""Read the data of an event: decode base64, check it against its type, and return it as it is stored."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from events.contract import identifiers, json, media
from events.contract.forgiving import forgive
from events.contract.values import Fact
from events.errors import InvalidEvent


def from_base64(attributes: Mapping[str, Any], data: bytes | None) -> bytes:
    """Decode `data_base64`; `datacontenttype` has to say that the bytes are JSON.

    Raises:
        InvalidEvent: It is no base64, or the event has `data` too.
    """
    given = attributes["data_base64"]
    if data not in {None, b"null"}:
        raise InvalidEvent(
            "schema_invalid", "The event has both data and data_base64; send one of them", "data_base64"
        )
    try:
        decoded = base64.b64decode(given, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise InvalidEvent("schema_invalid", f"Expected a text in base64: {error}", "data_base64") from error
    kind = attributes.get("datacontenttype")
    said = kind if isinstance(kind, str) else ""
    check_json(said)
    return media.in_utf8(decoded, said)


def check_json(content_type: str) -> None:
    """Check that the content type of data is JSON.

    Raises:
        InvalidEvent: With reason `content_type_unsupported`, if it is not JSON.
    """
    if content_type == media.JSON:
        return  # nearly always
    kind = media.media_type(content_type)
    if not media.is_json(kind):
        raise InvalidEvent(
            "content_type_unsupported", f"Data is {kind[:100]!r}; send JSON", "datacontenttype"
        )


def read(data: bytes, kind: type[Fact]) -> tuple[Any, bytes]:
    """Read data as `kind`; return the struct, and the data to store.

    Data that do not fit are converted where their meaning is certain.

    Raises:
        InvalidEvent: The data do not fit; the error names the field.
    """
    try:
        return _checked(data, kind), data
    except InvalidEvent:
        data = json.encode_numbers(forgive(json.parse(data), kind)).encode()
    try:
        return _checked(data, kind), data
    except InvalidEvent as error:
        field = f"data.{error.field}" if error.field else "data"
        raise InvalidEvent(error.reason, error.detail, field) from error


def _checked(data: bytes, kind: type[Fact]) -> Any:
    payload = json.decode(data, kind)
    identifiers.check(payload, data)
    return payload
