"""Media types of events: recognise JSON, and convert JSON text to UTF-8."""

import codecs
import re

from events.errors import InvalidEvent

MARK = codecs.BOM_UTF8
JSON = "application/json"
CLOUDEVENTS = "application/cloudevents"  # of any format
BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]+)', re.IGNORECASE)
_READ = frozenset({"iso8859-1", "iso8859-15", "cp1252", "utf-16", "utf-16-le", "utf-16-be"})


def media_type(content_type: str) -> str:
    """Return the media type of a content type, in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Return whether a media type is JSON by CloudEvents' rule: `*/json`, `*/*+json` or none."""
    return not kind or kind.rpartition("/")[2] == "json" or kind.endswith("+json")


def is_structured(kind: str) -> bool:
    """Return whether the body may be a whole event in JSON; many senders state only that it is JSON."""
    return kind == STRUCTURED or (is_json(kind) and not kind.startswith(CLOUDEVENTS))


def in_utf8(raw: bytes, content_type: str) -> bytes:
    """Return JSON text in UTF-8, without a byte order mark.

    JSON is UTF-8 whatever its content type says (RFC 8259), and many servers add a default charset. So a text in valid
    UTF-8 is read as UTF-8, any other in the charset of its content type.

    Raises:
        InvalidEvent: With reason `undecodable`, if the text is not in that charset either.
    """
    raw = raw.removeprefix(MARK)
    found = _CHARSET.search(content_type)
    charset = _known(found[1]) if found is not None else None
    if charset not in _READ or (b"\0" not in raw and _is_utf8(raw)):
        return raw  # the JSON decoder reports the error, if there is one
    try:
        return raw.decode(charset).removeprefix("\ufeff").encode()
    except UnicodeError as error:
        raise InvalidEvent(
            "undecodable", f"The body is neither UTF-8 nor {charset}, as its content type says"
        ) from error


def _known(name: str) -> str | None:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
