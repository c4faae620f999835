"""Check identifiers for control characters: identifiers become keys, streams and lines that people read.

`controls` defines these characters. Most texts need no check: patterns on every field took more than half of the time that
msgspec needs for a snapshot.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints

from msgspec import Struct

from events.contract import controls
from events.contract.values import Identifier, Stream
from events.errors import InvalidEvent

# Blanks, line ends, controls, and invisible characters: joiners, marks of direction, byte order, soft hyphens.
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
# Other characters that show nothing: joiners among combining marks, fillers of Hangul, blank Braille.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
)
_PRINTABLE = {Identifier, Stream}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check(value: Struct, written: bytes) -> None:
    """Check the identifiers of received data, which was decoded from `written`.

    Raises:
        InvalidEvent: With reason `schema_invalid`, and the field of an identifier with a control character.
    """
    if controls.json_may_hold_any(written):
        _check(value, controls.holds_any)


def check_own(value: Struct, written: bytes) -> None:
    """Check the identifiers of our own data: earlier versions accepted characters that are refused today.

    Raises:
        InvalidEvent: With reason `schema_invalid`, and the field of an identifier that no version accepted.
    """
    if b"\\" in written or b"\x7f" in written:
        _check(value, _CONTROL.search)


def check_text(text: str, field: str) -> None:
    """Check one identifier.

    Raises:
        InvalidEvent: With reason `schema_invalid`, if it contains a control character.
    """
    if controls.holds_any(text):
        raise _refused(field)


def trimmed(text: str) -> str:
    """Return a text without the blanks and invisible characters around it; those inside stay."""
    seen = [place for place, character in enumerate(text) if not _is_unseen(character)]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN or character in _BLANK


def _check(value: Struct, is_found: Callable[[str], object]) -> None:
    for field in _unprintable(value, type(value), "", is_found):
        raise _refused(field)


def _refused(field: str) -> InvalidEvent:
    return InvalidEvent("schema_invalid", f"An identifier holds a control character at {field}", field)


def _unprintable(value: object, hint: Any, path: str, is_found: Callable[[str], object]) -> Iterator[str]:
    """Yield the path of every identifier in `value` for which `is_found` is true."""
    if isinstance(value, Struct):
        for name, of in _hints(type(value)).items():
            yield from _unprintable(getattr(value, name), of, f"{path}.{name}" if path else name, is_found)
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _unprintable(item, hint, f"{path}[{place}]", is_found)
    elif isinstance(value, str) and _PRINTABLE & {hint, *get_args(hint)} and is_found(value):
        yield path


@functools.cache
def _hints(kind: type[Struct]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)
