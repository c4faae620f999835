"""Requests and replies, independent of the transport; JSON as QuickBooks prints it."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from worker.sandbox import faults
from worker.sandbox.schema.kinds import Fields

JSON = "application/json;charset=UTF-8"
HTML = "text/html;charset=UTF-8"
XML = "application/xml;charset=UTF-8"
PDF = "application/pdf"
_EXPONENT_MAX = 308
_PACIFIC = ZoneInfo("America/Los_Angeles")


class Request(Struct, frozen=True):
    """A request. Header names are lower-case; `base_url` is the address at which the sender reached us."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    base_url: str


class Delivery(Struct, frozen=True):
    """A webhook message for another server, with the bytes that were signed."""

    url: str
    headers: dict[str, str]
    body: bytes


class Reply(Struct, frozen=True):
    """A reply.

    Attributes:
        status: The HTTP status.
        body: The bytes, of `content_type`.
        content_type: Their type.
        headers: Further headers.
        delay_seconds: How long it takes.
        broken: The connection dies instead: before or after the request was applied, or half-way.
        delivery: A message to send elsewhere first; the result of sending is the answer then.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = {}
    delay_seconds: float = 0
    broken: Literal["before", "after", "half"] | None = None
    delivery: Delivery | None = None


def envelope_time(now: datetime) -> str:
    """Write the time of an answer: milliseconds, with the offset of the Pacific coast."""
    return now.astimezone(_PACIFIC).isoformat(timespec="milliseconds")


def json_reply(status: int, value: object) -> Reply:
    """Answer with JSON, numbers as QuickBooks prints them."""
    return Reply(status, _encoder.encode(_plain(value)))


def json_object(body: bytes) -> Fields:
    """Read a body.

    Raises:
        Fault: 2010 if it is no JSON object.
    """
    try:
        decoded = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise faults.malformed(str(error)) from None
    if not isinstance(decoded, dict):
        raise faults.malformed("The body is no object")
    return decoded


def _plain(value: object) -> Any:
    """Write numbers as QuickBooks prints them: 46.6 and 100, without trailing zeros."""
    if isinstance(value, Decimal):
        return Decimal(f"{value.normalize():f}")
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def number(text: str) -> Decimal:
    """Read a number of JSON, within the range of Java's.

    Raises:
        msgspec.DecodeError: It is beyond that.
    """
    read = Decimal(text)
    if abs(read.adjusted()) > _EXPONENT_MAX:
        raise msgspec.DecodeError(f"Number out of range: {text}")
    return read


_decoder = msgspec.json.Decoder(float_hook=number)
_encoder = msgspec.json.Encoder(decimal_format="number")
