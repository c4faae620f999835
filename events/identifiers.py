"""Identifiers hold no control characters: they become keys, streams and lines of a terminal.

JSON can write a control character as an escape only (but for DEL), so most texts need no look at all. Patterns on
every field took more than half of the time that msgspec needs for a snapshot.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from msgspec import Struct

from events.errors import Unusable
from events.values import Identifier

# Blanks, line ends, controls, and what is invisible by its nature: joiners, marks of direction, byte order, soft hyphens.
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
# Others that fill no place or an empty one: joiners among combining marks, fillers of Hangul, blank Braille.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check(value: Struct, written: bytes) -> None:
    """Look through what was decoded from `written`.

    Raises:
        Unusable: With reason `schema_invalid`, and the field of an identifier that holds a control character.
    """
    if b"\\" in written or b"\x7f" in written:
        for field in _unprintable(value, type(value), ""):
            raise Unusable("schema_invalid", f"An identifier holds a control character at {field}", field)


def check_text(text: str, field: str) -> None:
    """Look through one identifier.

    Raises:
        Unusable: With reason `schema_invalid`, where it holds a control character.
    """
    if _CONTROL.search(text):
        raise Unusable("schema_invalid", f"An identifier holds a control character at {field}", field)


def trimmed(text: str) -> str:
    """Return what a person typed without the blanks and invisible characters around it; those inside stay."""
    seen = [place for place, character in enumerate(text) if not _is_unseen(character)]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN or character in _BLANK


def _unprintable(value: object, hint: Any, path: str) -> Iterator[str]:
    """Yield the path of every identifier in `value` that holds a control character."""
    if isinstance(value, Struct):
        for name, of in _hints(type(value)).items():
            yield from _unprintable(getattr(value, name), of, f"{path}.{name}" if path else name)
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _unprintable(item, hint, f"{path}[{place}]")
    elif isinstance(value, str) and Identifier in (hint, *get_args(hint)) and _CONTROL.search(value):
        yield path


@functools.cache
def _hints(kind: type[Struct]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)
