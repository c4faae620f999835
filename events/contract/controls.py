r"""Control characters: they change a terminal's state or a text's appearance, so people see them as escapes.

Controls (C0, DEL, C1), marks of direction, line and paragraph separators, and single surrogates, which can't be encoded at all.
"""

import re

_LINES = "\t\n"
CONTROLS = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff"
_CONTROL = re.compile(f"[{CONTROLS}]")
# The same characters in UTF-8, or the backslash that begins an escape in JSON.
_WRITTEN = re.compile(rb"[\\\x7f]|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xaf]")


def holds_any(text: str) -> bool:
    """Return whether a text contains a control character."""
    return _CONTROL.search(text) is not None


def json_may_hold_any(written: bytes) -> bool:
    """Return whether JSON in UTF-8 may contain a control character; if not, its texts need no check."""
    if written.isascii():
        return b"\\" in written or b"\x7f" in written
    return _WRITTEN.search(written) is not None


def shown(text: str, *, lines: bool = True) -> str:
    r"""Return a text that is safe on a terminal, with escapes such as `\x1b` and `\u202e`.

    `lines` keeps tabs and line feeds; without it, they are escaped too, for a text within a line.
    """
    return _CONTROL.sub(_kept_or_escaped if lines else _escaped, text)


def shown_in_json(written: str) -> str:
    """Return an equal JSON text whose strings have every control character escaped."""
    return written if written.isascii() and "\x7f" not in written else _CONTROL.sub(_escaped_in_json, written)


def _kept_or_escaped(found: re.Match[str]) -> str:
    return found[0] if found[0] in _LINES else _escaped(found)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return {"\t": r"\t", "\n": r"\n"}.get(found[0]) or (
        f"\\x{number:02x}" if number <= 0xFF else f"\\u{number:04x}"  # noqa: PLR2004 - two digits
    )


def _escaped_in_json(found: re.Match[str]) -> str:
    return found[0] if found[0] < " " else f"\\u{ord(found[0]):04x}"  # blanks between its parts are C0
