r"""Characters that a terminal obeys, or that show a text as another one; shown as escapes wherever people read.

Controls (C0, DEL, C1), marks of direction, ends of lines and paragraphs, and halves of characters, which no terminal can be
sent at all.
"""

import re

_LINES = "\t\n"
OBEYED = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff"
_OBEYED = re.compile(f"[{OBEYED}]")
# The same, as UTF-8 has them; or as a backslash begins them in JSON.
_WRITTEN = re.compile(rb"[\\\x7f]|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xaf]")


def holds_any(text: str) -> bool:
    """Say whether a text holds such a character."""
    return _OBEYED.search(text) is not None


def json_may_hold_any(written: bytes) -> bool:
    """Say whether JSON in UTF-8 may hold such a character; where it may not, its texts need no look."""
    if written.isascii():
        return b"\\" in written or b"\x7f" in written
    return _WRITTEN.search(written) is not None


def shown(text: str, *, lines: bool = True) -> str:
    r"""Return a text as a terminal may be sent it, with escapes such as `\x1b` and `\u202e`.

    `lines` keeps tabs and line feeds, which are escaped where a text is part of a line.
    """
    return _OBEYED.sub(_kept_or_escaped if lines else _escaped, text)


def shown_in_json(written: str) -> str:
    """Return a JSON text that says the same, in which no string holds such a character as it is."""
    return written if written.isascii() and "\x7f" not in written else _OBEYED.sub(_escaped_in_json, written)


def _kept_or_escaped(found: re.Match[str]) -> str:
    return found[0] if found[0] in _LINES else _escaped(found)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return {"\t": r"\t", "\n": r"\n"}.get(found[0]) or (
        f"\\x{number:02x}" if number <= 0xFF else f"\\u{number:04x}"  # noqa: PLR2004 - two digits
    )


def _escaped_in_json(found: re.Match[str]) -> str:
    return found[0] if found[0] < " " else f"\\u{ord(found[0]):04x}"  # blanks between its parts are C0
