"""Read the name of a company: fold what people write in many ways, and set its legal forms aside.

Reading depends on the text alone, accepts any text, and is idempotent: the text of a name that was read reads the same.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct, structs

from worker.matching.form_table import FORMS, WRITTEN, WRITTEN_APART
from worker.matching.legal_forms import FORM_WORDS, without_forms
from worker.matching.numbers import numbers, read_numbers
from worker.matching.words import FULL, weight

NAME_CHARACTERS_MAX = 500  # as many as QuickBooks stores; of a longer text, the first part counts
REMEMBERED_MAX = (
    4096  # readings, and letters; an account's name is read when it arrives, and again when customers change
)

_ALSO = re.compile(
    r"\b(?:d\s?/\s?b\s?/\s?a|d\.\s?b\.\s?a\.?|dba|doing business as|trading as|operating as|t/a|o/a)(?!\w)"
    r"|(?:(?<=\S\s)|(?<=\())(?:a/k/a|aka|also known as|f/k/a|fka|formerly known as|formerly)(?=\s\S)"
)
# The place of registration, as registers of companies append it: `Acme Corp /DE/`, `Acme Inc. /Cayman`, `Acme Inc. DE`.
_ENCLOSED = re.compile(r"(?:[/\\]\s?([a-z][a-z ]{1,20}?)\s?[/\\]|\((delaware)\))\s*$")
_AFTER_FORM = re.compile(r"\s*[/\\]\s*([a-z]{2,10})$")
_PLACES = frozenset({"de", "new"})  # Delaware, and a company that was registered anew
# What a list of securities appends to a legal form: `Acme Corp. Common Stock`, `Acme Inc. (Class A)`.
_SECURITIES = frozenset(
    {"adr", "ads", "american", "class", "common", "ordinary", "registered", "sponsored", "unsponsored"}
)
_ALONE = (["american"], ["class"], ["ordinary"])  # these are words of a name
_OF_SECURITIES = frozenset(
    {"a", "b", "c", "depositary", "depository", "new", "receipts", "share", "shares", "stock"}
)
_ABOUT_SECURITIES = _SECURITIES | _OF_SECURITIES
# Forms with dots alone: `NA` is North America, `PA` a state, `sac` a word.
_UNDOTTED = {
    "na": "national association",
    "pa": "professional association",
    "dd": "dionicko drustvo",
    "sac": "sociedad anonima cerrada",
    "sau": "sociedad anonima unipersonal",
}
_DOTTED = re.compile(r"\b[a-z](?:\.[a-z])+\b\.?")
_IN_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
# Apostrophes, and the marks of copyrights and trademarks, which are no letters of a name.
_DROPPED = str.maketrans("", "", "'`\u00b4\u02bc\u2018\u2019\u2032\u00a9\u00ae\u2117\u2120\u2122")
# How people write these letters where they have none.
_WRITTEN_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"}
    | {"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa"}
)
# Letters and numbers apart: `A1` is `A-1`. A number between two `n` is one of a product, which stays apart from others.
_WORD = re.compile(r"n[0-9]+n|[0-9]+(?:st|nd|rd|th)\b|[0-9]+|[a-z]+")
_BLANK = re.compile(r"(?<![0-9]) | (?![0-9])")  # not between two numbers
_EMPTY = frozenset({"the", "and"})
_UNITED = re.compile(r"\bunited (kingdom|states)(?: of america)?\b")
_COUNTRIES = {"kingdom": "uk", "states": "us"}
_INNER_AND = frozenset({"und", "et", "och", "og"})
# Letters that are also written without their marks in their own scripts; in Japanese, marks make other letters.
_UNACCENTED = str.maketrans("ёάέήίόύώϊϋΐΰ", "еαεηιουωιυιυ")
_WRITTEN = re.compile("|".join(map(re.escape, WRITTEN)))
_WRITTEN_APART = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, WRITTEN_APART))})(?!\w)")


class Spelling(Struct, frozen=True):
    """One name of a company, read.

    Attributes:
        words: Its words without legal forms, in their order.
        forms: Its legal forms, the last one first.
        place: Its place of registration; empty if the name has none.
        native: Its letters of other scripts than Latin: names that merely sound alike have the same words.
        is_trade: Whether it is the name under which the company trades, or another name beside the first one.
        key: The words without blanks, since people write `SiriusXM` and `Sirius XM`; numbers in digits stay apart.
        ordered: The words in alphabetical order, without blanks.
        weight: How much the words tell together.
        numbers: The numbers among the words.
    """

    words: tuple[str, ...]
    forms: tuple[str, ...] = ()
    place: str = ""
    native: str = ""
    is_trade: bool = False
    # Derived once, since a name is compared many times.
    key: str = ""
    ordered: str = ""
    weight: float = 0.0
    numbers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Derive what follows from the words."""
        key = " ".join(self.words)
        structs.force_setattr(self, "key", _BLANK.sub("", key))
        structs.force_setattr(self, "ordered", "".join(sorted(self.words)))
        structs.force_setattr(self, "weight", sum(map(weight, self.words)))
        structs.force_setattr(self, "numbers", numbers(self.words))

    @property
    def text(self) -> str:
        """The name, folded."""
        place = (f"/{self.place}/",) if self.place else ()
        return " ".join((*self.words, *reversed(self.forms), *place))

    @property
    def identity(self) -> tuple[str, str, bool]:
        """All that tells it from other spellings, in an order."""
        return self.text, self.native, self.is_trade


@lru_cache(maxsize=REMEMBERED_MAX)
def read(name: str) -> tuple[Spelling, ...]:
    """Read a name: first the name itself, then the one after `d/b/a`, if any; nothing if it has no letter or digit."""
    plain = (each for part in _ALSO.split(_folded(name)) for each in _in_ascii(part))
    spellings = [each for text, native in plain if (each := _spelling(text, native)).words or each.forms]
    others = dict.fromkeys(structs.replace(other, is_trade=True) for other in spellings[1:])
    return (*spellings[:1], *others)


def written_ways(name: str) -> tuple[str, ...]:
    """Return a name, and the name with its umlauts written out, if it has some: `Müller` is also `Mueller`."""
    if name.isascii():
        return (name,)
    composed = unicodedata.normalize("NFC", name)
    written_out = composed.translate(_WRITTEN_OUT)
    return (name,) if written_out == composed else (name, written_out)


def normalised(name: str) -> str:
    """Return a name as it is compared: names with the same text are the same to the matcher."""
    return " dba ".join(spelling.text for spelling in read(name))


def _folded(name: str) -> str:
    text = unicodedata.normalize("NFKC", name[:NAME_CHARACTERS_MAX].translate(_DROPPED)).casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_UNACCENTED)
        text = _WRITTEN.sub(lambda found: f" {WRITTEN[found[0]]} ", text)
        text = _WRITTEN_APART.sub(lambda found: f" {WRITTEN_APART[found[0]]} ", text)
    return " ".join(text.split())


def _in_ascii(text: str) -> Iterator[tuple[str, str]]:
    """Yield a text in ASCII, and its letters of other scripts; split again, should it say `d/b/a` only then."""
    if text.isascii():
        yield text, ""
        return
    native = _native(text)
    for part in _ALSO.split(_transliterated(text)):
        yield part, native


def _spelling(text: str, native: str) -> Spelling:
    if "." in text:
        text = _DOTTED.sub(_undotted, text)
    text, place = _without_place(text)
    text, asides = _without_brackets(text)
    words = _without_security(_words(text))
    if not place and words and words[-1] in _PLACES and _end_in_form(words[:-1]):
        place = words.pop()
    inner, forms = without_forms(words)
    if inner[-1:] == ("saint",) and inner[1:]:  # no name of a saint ends with `Saint`
        inner = (*inner[:-1], "street")
    if not asides:
        return Spelling(inner, forms, place, native)
    whole, more = without_forms(_joined(_telling([*inner, *asides])))
    return Spelling(whole, more + forms, place, native)


def _without_brackets(text: str) -> tuple[str, list[str]]:
    """Return a text without its parts in brackets, and their words."""
    if "(" not in text and "[" not in text:
        return text, []
    text = _IN_BRACKETS.sub(_in_place, text)
    asides = (word for found in _IN_BRACKETS.findall(text) for word in _words(" ".join(found)))
    return _IN_BRACKETS.sub(" ", text), [word for word in asides if word != "the"]


def _undotted(found: re.Match[str]) -> str:
    letters = found[0].replace(".", "")
    return f"{_UNDOTTED.get(letters, letters)} "


def _in_place(found: re.Match[str]) -> str:
    """Return a part in brackets without them, if it belongs to a legal form or follows one: `Acme (Pty) Ltd`."""
    words = _WORD.findall(found[0])
    belongs = FORM_WORDS.issuperset(words) or _ABOUT_SECURITIES.issuperset(words)
    return f" {' '.join(words)} " if words and belongs else found[0]


def _native(text: str) -> str:
    """Return the letters of other scripts, without legal forms in them."""
    words = (word for word in text.split() if _transliterated(word.replace(".", "")) not in FORMS)
    return "".join(letter for word in words for letter in word if letter.isalpha() and not _is_latin(letter))


@lru_cache(maxsize=REMEMBERED_MAX)
def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN")


def _transliterated(text: str) -> str:
    from anyascii import anyascii  # noqa: PLC0415 - most names are ASCII: only another costs the 40 ms of its import

    return anyascii(text).casefold().translate(_DROPPED)


def _without_place(text: str) -> tuple[str, str]:
    found = _ENCLOSED.search(text) or _AFTER_FORM.search(text)
    before = text[: found.start()] if found else ""
    if (
        found is None
        or not before
        or (found.re is _AFTER_FORM and not _end_in_form(_without_number(_words(before))))
    ):
        return text, ""
    return before, next(group for group in found.groups() if group)


def _without_number(words: list[str]) -> list[str]:
    return words[:-1] if words and numbers(words[-1:]) else words


def _without_security(words: list[str]) -> list[str]:
    left = len(words)
    while left and words[left - 1] in _ABOUT_SECURITIES:
        left -= 1
        if words[left] not in _SECURITIES or words[left:] in _ALONE:
            continue
        if _end_in_form(words[:left]):
            return words[:left]
    return words


def _end_in_form(words: list[str]) -> bool:
    return len(without_forms(words)[0]) < len(words)


def _words(text: str) -> list[str]:
    found = _WORD.findall(text)
    last = len(found) - 1
    told = (
        each for at, each in enumerate(found) if each != "and" and not (each in _INNER_AND and 0 < at < last)
    )
    return _telling(read_numbers(_whole([FULL.get(word, word) for word in _joined(told)])))


def _whole(words: list[str]) -> list[str]:
    """Return words with countries of several words in short, and the form of national banks in full."""
    if "united" in words:
        words = _UNITED.sub(lambda found: _COUNTRIES[found[1]], " ".join(words)).split()
    if len(words) > 1 and words[-1] == "na" and words[-2].startswith(("bank", "banc")):
        words = [*words[:-1], "national", "association"]
    return words


def _telling(words: list[str]) -> list[str]:
    """Leave out words that tell nothing, unless there are no others."""
    return [word for word in words if word not in _EMPTY] or words


def _joined(words: Iterable[str]) -> list[str]:
    """Join single letters that follow each other: `U. S. Steel` is `us steel`."""
    joined: list[str] = []
    was_letter = False
    for word in words:
        is_letter = len(word) == 1 and word.isalpha()
        if is_letter and was_letter:
            joined[-1] += word
        else:
            joined.append(word)
        was_letter = is_letter
    return joined
