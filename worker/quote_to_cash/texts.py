"""Fit texts to QuickBooks' limits of length and characters, with a note about each text that is cut or left out."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

_ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[,;\s]+")
_WRAPPING = "<>()[]\"'"
_FORBIDDEN_IN_NAMES = str.maketrans({":": " "})
# XML, in which QuickBooks was made, refuses them.
_NO_CHARACTERS = "\ufffe\uffff"
DIGEST_CHARACTERS = 8
NAMED_MAX = 3
NAMED_CHARACTERS_MAX = 60
NAME_CHARACTERS_MAX = 100
DESCRIPTION_CHARACTERS_MAX = 4000


class Composed(Struct, frozen=True):
    """The body of a create request, and notes for people about texts that were cut or left out."""

    body: dict[str, Any]
    notes: tuple[str, ...]


class Fitter:
    """Fits texts to QuickBooks' limits, and collects notes for people about the changes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def cut(self, what: str, text: str, characters_max: int) -> str:
        """Cut a text that is still right without its end; line breaks stay."""
        whole = cleaned(text)
        if length(whole) <= characters_max:
            return whole
        self.notes.append(f"{what} was cut to {characters_max} of {length(whole)} characters.")
        return shortened(whole, characters_max)

    def choose(self, what: str, text: str, characters_max: int) -> str:
        """Leave out a text that is too long and would be wrong without its end, such as a postal code."""
        whole = one_line(text)
        if length(whole) <= characters_max:
            return whole
        self.notes.append(
            f"{what} was left out: it has {length(whole)} characters, and QuickBooks takes {characters_max}."
        )
        return ""

    def name(self, what: str, text: str, characters_max: int, otherwise: str) -> str:
        """Return a name that QuickBooks' lists accept: without colons, tabs and line breaks, and still unique if cut.

        Args:
            what: The subject of a note, such as `The name`.
            text: The name.
            characters_max: Its largest length.
            otherwise: The name if `text` is empty.
        """
        whole = one_line(text.translate(_FORBIDDEN_IN_NAMES))
        if not whole:
            self.notes.append(f"{what} is {otherwise!r}: the CRM gave none.")
            return otherwise
        if length(whole) > characters_max:
            self.notes.append(f"{what} was cut to {characters_max} of {length(whole)} characters.")
            return distinct(whole, characters_max)
        if whole != one_line(text):
            self.notes.append(f"{what} is written {whole!r}: QuickBooks takes no colon in it.")
        return whole

    def emails(self, what: str, text: str, characters_max: int) -> str:
        """Return the e-mail addresses in a text, with any separators: as many as fit, separated by commas."""
        parts = [part.strip(_WRAPPING).removeprefix("mailto:") for part in _SEPARATORS.split(cleaned(text))]
        written: list[str] = []
        left_out: list[str] = []
        for part in dict.fromkeys(part for part in parts if part):
            fits = length(",".join([*written, part])) <= characters_max
            (written if fits and _ADDRESS.fullmatch(part) else left_out).append(part)
        if written:
            left_out = [
                part for part in left_out if "@" in part
            ]  # the others were names beside the addresses
        if left_out:
            self.notes.append(
                f"{what}: {listed(left_out)} was left out: it is no e-mail address, or beyond QuickBooks' limit of"
                f" {characters_max} characters."
            )
        return ",".join(written)

    def phone(self, what: str, text: str, characters_max: int) -> str:
        """Return the first telephone number that fits; it is never cut, since a part of it would be another number."""
        whole = one_line(text)
        if length(whole) <= characters_max:
            return whole
        numbers = [one_line(part) for part in re.split(r"[,;/|\n]", cleaned(text))]
        chosen = next((number for number in numbers if number and length(number) <= characters_max), "")
        kept = f"all but {chosen!r}" if chosen else "it"
        self.notes.append(f"{what}: {kept} was left out, since QuickBooks takes {characters_max} characters.")
        return chosen

    def lines(self, what: str, texts: Sequence[str], characters_max: int, lines_max: int) -> list[str]:
        """Return the lines of an address, at most `lines_max`; a line that is too long continues on the next."""
        spread: list[str] = []
        for text in "\n".join(map(cleaned, texts)).split("\n"):
            rest = one_line(text)
            while rest and len(spread) <= lines_max:  # of a megabyte, only the beginning
                line = shortened(rest[:characters_max], characters_max)
                spread.append(line)
                rest = rest[len(line) :].lstrip()
        if len(spread) > lines_max:
            self.notes.append(
                f"{what}: the text after {lines_max} lines of {characters_max} characters was left out."
            )
        return spread[:lines_max]


def shown(text: str, characters_max: int = NAME_CHARACTERS_MAX) -> str:
    """Return a text for use within a sentence, truncated."""
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"


def listed(things: Sequence[str]) -> str:
    """Return a list for a note: the first few names, and the number of further ones."""
    named = ", ".join(shortened(thing, NAMED_CHARACTERS_MAX) for thing in things[:NAMED_MAX])
    more = len(things) - NAMED_MAX
    return f"{named} and {more} more" if more > 0 else named


def length(text: str) -> int:
    """Return the number of characters as Java counts them: a character beyond U+FFFF, such as an emoji, counts as two."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def shortened(text: str, characters_max: int) -> str:
    """Cut a text between characters, and remove blanks at its new end."""
    return text.encode("utf-16-le")[: 2 * characters_max].decode("utf-16-le", "ignore").rstrip()


def distinct(text: str, characters_max: int) -> str:
    """Shorten a text so that it stays different from other texts with the same beginning, by a hash at its end."""
    if length(text) <= characters_max:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS].upper()
    return f"{shortened(text, characters_max - DIGEST_CHARACTERS - 1)}~{digest}"


def cleaned(text: str) -> str:
    """Replace control characters by blanks, remove single surrogates and non-characters, and end lines in a line feed."""
    if text.isprintable():
        return text.strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(map(_kept, text)).strip()


def one_line(text: str) -> str:
    """Return a text on one line, with single blanks."""
    return " ".join(cleaned(text).split())


def _kept(character: str) -> str:
    if character == "\n":
        return character
    match unicodedata.category(character):
        case "Cc":
            return " "
        case "Cs":
            return ""
        case "Cn":
            return "" if character in _NO_CHARACTERS else character
        case _:
            return character
