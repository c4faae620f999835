"""Split a JSON text, given in pieces, into its events, each with its line number.

Events follow each other, on one line each or over many lines, or are in an array. In JSON Lines, a line with invalid JSON
does not affect the other lines.
"""

import json
import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from events.contract.envelope import EVENT_BYTES_MAX

CHARACTERS_MAX = EVENT_BYTES_MAX + 1024  # a longer text is truncated, and is still too long for an event
_BLANKS = " \t\n\ufeff"  # concatenated files keep their byte order marks
_VISIBLE = re.compile(f"[^{_BLANKS}]")
# Only the end of each value is needed, so the scanner builds no objects.
_DECODER = json.JSONDecoder(strict=False, parse_float=str, parse_int=str, parse_constant=str)

Place = Literal["outside", "first", "next", "after"]


class Broken(Exception):
    """The text has another form than expected, from a line on."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"Line {line}: {problem}")


def values(pieces: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yield consecutive objects, and the elements of arrays, each with its line number.

    Raises:
        Broken: The text has anything else.
    """
    text = _Text(pieces)
    place: Place = "outside"
    while seen := text.visible():
        if place == "outside" and seen == "{":
            yield text.value()
        elif place == "outside" and seen == "[":
            text.step()
            place = "first"
        elif place in {"first", "after"} and seen == "]":
            text.step()
            place = "outside"
        elif place == "after" and seen == ",":
            text.step()
            place = "next"
        elif place in {"first", "next"}:
            yield text.value()
            place = "after"
        else:
            raise Broken(text.line, f"Expected {_EXPECTED[place]}, got {text.glimpse()!r}")
    if place != "outside":
        raise Broken(text.line, "The file ends within an array")


def lines(pieces: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yield each line with its number; skip empty lines, and truncate lines that are too long."""
    number, rest = 1, ""
    for piece in pieces:
        first, *others = piece.split("\n")
        rest = (rest + first)[:CHARACTERS_MAX]
        for other in others:
            if rest.strip(_BLANKS):
                yield number, rest
            number, rest = number + 1, other[:CHARACTERS_MAX]
    if rest.strip(_BLANKS):
        yield number, rest


def is_in_lines(pieces: Iterator[str]) -> bool:
    """Return whether a text is JSON Lines with some invalid lines: at least half of the lines are objects."""
    whole = broken = 0
    for _, text in lines(pieces):
        if not whole + broken and text.strip(_BLANKS).startswith("["):
            return False  # a broken array may have a line for each event
        is_object = _is_object(text)
        whole, broken = whole + is_object, broken + (not is_object)
    return whole > 0 and whole >= broken


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text.strip(_BLANKS)), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


class _Text:
    """A window on a text that is large enough for one value."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self.line = 1
        self._pieces = pieces
        self._buffer = ""
        self._at = 0

    def visible(self) -> str:
        """Move to the next character that is no blank, and return it; an empty text at the end."""
        while True:
            found = _VISIBLE.search(self._buffer, self._at)
            self._pass(found.start() if found else len(self._buffer))
            if found or not self._more():
                return found[0] if found else ""

    def step(self) -> None:
        """Skip one character."""
        self._pass(self._at + 1)

    def value(self) -> tuple[int, str]:
        """Skip one value; return its line number and its text."""
        while True:
            try:
                _, end = _DECODER.raw_decode(self._buffer, self._at)
            except RecursionError as error:
                raise Broken(self.line, "Too many levels of nesting") from error
            except ValueError as error:
                problem = f"Invalid JSON: {getattr(error, 'msg', error)}"
                end = len(self._buffer) + 1
            if end < len(self._buffer) or not self._has_more():
                break
        if end > len(self._buffer):
            too_long = len(self._buffer) - self._at > CHARACTERS_MAX
            raise Broken(self.line, "The event does not end, or has more than 1 MiB" if too_long else problem)
        found = self.line, self._buffer[self._at : end]
        self._pass(end)
        return found

    def glimpse(self) -> str:
        """Return the next characters, for an error message."""
        return self._buffer[self._at : self._at + 20].partition("\n")[0]

    def _has_more(self) -> bool:
        return len(self._buffer) - self._at <= CHARACTERS_MAX and self._more()

    def _more(self) -> bool:
        piece = next(self._pieces, None)
        if piece is not None:
            self._buffer, self._at = self._buffer[self._at :] + piece, 0
        return piece is not None

    def _pass(self, to: int) -> None:
        self.line += self._buffer.count("\n", self._at, to)
        self._at = to


_EXPECTED: dict[Place, str] = {
    "outside": "an event",
    "first": "an event",
    "next": "an event",
    "after": "a comma or the end of the array",
}
