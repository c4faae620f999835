"""Find the deal that a message names, even if the message is invalid.

People search dead letters by it; no decision and no identity depends on it.
"""

import itertools
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from events.contract import json
from events.contract.headers import HTTP_PREFIX, KAFKA_PREFIX, Headers, http_attributes, kafka_attributes
from events.errors import InvalidEvent

DEAL_CHARACTERS_MAX = 128
LOOKED_AT_BYTES_MAX = 1024 * 1024
LOOKED_AT_VALUES_MAX = 10_000
LOOKED_AT_TIMES_MAX = 20  # matches of a pattern without a readable value

_NAMES = frozenset({"dealid", "deal_id"})
_TO_THE_VALUE = rb"\s{0,20}:\s{0,20}"
_VALUE = re.compile(rb'("(?:[^"\\]|\\.){1,512}"|[0-9]{1,40})')
# Pairs of patterns: the beginning of a field, and the gap to its value; each needs one pass over the text at most.
_WRITTEN = (
    (re.compile(rb'"deal[_ -]?id"' + _TO_THE_VALUE, re.IGNORECASE), re.compile(b"")),
    (
        re.compile(rb'"name"\s{0,20}:\s{0,20}"deal[_ -]?id"', re.IGNORECASE),
        re.compile(rb'[^{}]{0,500}?"value"' + _TO_THE_VALUE, re.IGNORECASE),
    ),
)
_SUBJECT_WRITTEN = ((re.compile(rb'"subject"' + _TO_THE_VALUE), re.compile(b"")),)
_OF_OTHERS = ("account.", "quickbooks.")


def deal_of(raw: bytes, headers: Headers = ()) -> str | None:
    """Return the ID of the deal that a message names in its bytes or headers; none if it names none.

    This is a field or a custom field `deal_id` at any depth, whether or not the rest can be read; without it, the
    subject of an event about a deal.
    """
    raw = raw[:LOOKED_AT_BYTES_MAX]
    try:
        json.check_values(raw)
        document = json.parse(raw.removeprefix(b"\xef\xbb\xbf"))
    except InvalidEvent:
        document = None
        text = raw.replace(b"\0", b"")  # UTF-16 is mostly ASCII with a zero byte beside each
        named = (
            _first_written(_WRITTEN, text) or _in_headers(headers) or _first_written(_SUBJECT_WRITTEN, text)
        )
    else:
        named = next(_fields(document), None) or _in_headers(headers) or _subject(document)
    return _shown(named)


def _fields(document: Any) -> Iterator[str]:
    """Yield the values of fields named `deal_id`, outermost first."""
    waiting = deque([document])
    for _ in range(LOOKED_AT_VALUES_MAX):
        if not waiting:
            return
        value = waiting.popleft()
        if isinstance(value, dict):
            for name, item in value.items():
                if _is_deal(name):
                    yield from _text(item)
            if _is_deal(value.get("name")):  # a custom field of DocuSign's
                yield from _text(value.get("value"))
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _is_deal(name: Any) -> bool:
    return isinstance(name, str) and name.strip().lower().replace(" ", "_").replace("-", "_") in _NAMES


def _text(value: Any) -> Iterator[str]:
    if isinstance(value, str | int) and not isinstance(value, bool) and _shown(str(value)):
        yield str(value)


def _subject(attributes: Any) -> str | None:
    if not isinstance(attributes, dict):
        return None
    kind, subject = str(attributes.get("type", "")), attributes.get("subject")
    about_others = any(other in kind for other in _OF_OTHERS)
    return None if about_others or not isinstance(subject, str) else subject


def _in_headers(headers: Headers) -> str | None:
    for read, prefix in ((http_attributes, HTTP_PREFIX), (kafka_attributes, KAFKA_PREFIX)):
        wanted = {f"{prefix}type", f"{prefix}subject"}
        try:
            found = _subject(read([header for header in headers if header[0].lower() in wanted]))
        except InvalidEvent:
            continue
        if found:
            return found
    return None


def _first_written(
    patterns: Sequence[tuple[re.Pattern[bytes], re.Pattern[bytes]]], text: bytes
) -> str | None:
    for beginning, gap in patterns:
        for found in itertools.islice(beginning.finditer(text), LOOKED_AT_TIMES_MAX):
            before = gap.match(text, found.end())
            value = _VALUE.match(text, before.end()) if before else None
            if value is None:
                continue
            try:
                return str(json.parse(value[1]))
            except InvalidEvent:
                continue
    return None


def _shown(text: str | None) -> str | None:
    """Return a text that can be stored and printed: truncated, without invisible characters."""
    if text is None:
        return None
    seen = "".join(character for character in text if character.isprintable())
    return seen.strip()[:DEAL_CHARACTERS_MAX] or None
