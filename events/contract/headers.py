"""Read attributes of events from headers: percent-encoded over HTTP, plain UTF-8 over Kafka.

The bindings: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
and .../kafka-protocol-binding.md. Two different values never become one identity: if a value can be read in two ways,
its event is refused.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import unquote_to_bytes

from events.contract import media
from events.errors import InvalidEvent

CONTENT_TYPE = "content-type"
HTTP_PREFIX = "ce-"
KAFKA_PREFIX = "ce_"
NAME_CHARACTERS_MAX = 100

Headers = Sequence[tuple[str, bytes | None]]

_IDENTITY = frozenset({"id", "source", "workspace"})
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_STRAY_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def http_attributes(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Read the attributes among the headers of a request, and its content type as `datacontenttype`.

    Raises:
        InvalidEvent: With reason `undecodable`, `header_malformed` or `schema_invalid`; the field is the header's name.
    """
    return _attributes(headers, HTTP_PREFIX, _percent_decoded)


def kafka_attributes(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Read the attributes among the headers of a message, and its content type as `datacontenttype`.

    Raises:
        InvalidEvent: As `http_attributes`.
    """
    return _attributes(headers, KAFKA_PREFIX, _as_it_is)


def content_type(headers: Headers) -> str:
    """Return the body's content type with its parameters; an empty text if the headers have none."""
    said = (value or b"" for name, value in headers if name.lower() == CONTENT_TYPE)
    return next(said, b"").decode("latin-1")


def is_binary(headers: Headers, prefix: str) -> bool:
    """Return whether an event is in binary mode; in other modes, attributes in the headers are ignored."""
    structured = media.media_type(content_type(headers)).startswith(media.CLOUDEVENTS)
    return not structured and any(name.lower().startswith(prefix) for name, _ in headers)


def is_attribute(name: str, prefix: str) -> bool:
    """Return whether a header, by its name in lower case, is part of an event; other headers are not stored."""
    return name.startswith(prefix) or name == CONTENT_TYPE


def _attributes(
    headers: Iterable[tuple[str, bytes | None]], prefix: str, read: Callable[[str, bytes], str]
) -> dict[str, str]:
    attributes: dict[str, str] = {}
    kind: str | None = None
    for given, value in headers:
        name = given.lower()
        if value is None or not is_attribute(name, prefix):
            continue
        if "\0" in name:
            raise InvalidEvent(
                "text_invalid", "A header's name contains the character U+0000, which can't be stored"
            )
        shown = name[:NAME_CHARACTERS_MAX]
        if name == CONTENT_TYPE:
            known, kind = kind, _as_it_is(shown, value)
            same = known in (None, kind)
        else:
            text = read(shown, value)
            same = attributes.setdefault(name.removeprefix(prefix), text) == text
        if not same:
            raise InvalidEvent("schema_invalid", f"The header {shown!r} has two values", shown)
    if kind is not None:
        attributes["datacontenttype"] = kind
    return attributes


def _as_it_is(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent(
            "undecodable", f"The header {name!r} is not UTF-8: {error.reason}", name
        ) from error


def _percent_decoded(name: str, value: bytes) -> str:
    """Remove surrounding quotes, then percent-decode once; unencoded parts may be UTF-8."""
    value = _unquoted(name, value.strip(b" \t"))
    if name.removeprefix(HTTP_PREFIX) in _IDENTITY and _STRAY_PERCENT.search(value):
        raise InvalidEvent(
            "header_malformed",
            f"The header {name!r} has a percent sign without two hexadecimal digits after it; write it as %25",
            name,
        )
    return _as_it_is(name, unquote_to_bytes(value))


def _unquoted(name: str, value: bytes) -> bytes:
    if not value.startswith(b'"'):
        return value
    quoted = _QUOTED.fullmatch(value)
    if quoted is None:
        raise InvalidEvent(
            "header_malformed", f"The header {name!r} begins with a quote, but does not end with one", name
        )
    return _ESCAPED.sub(rb"\1", quoted[1])
