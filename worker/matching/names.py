"""Read the name of a company: fold what people write in many ways, and set its legal forms aside.

Reading depends on the text alone, accepts any text, and is idempotent: the text of a name that was read reads the same.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct, structs

from worker.matching.legal_forms import FORMS, WRITTEN, without_forms
from worker.matching.words import FULL

NAME_CHARACTERS_MAX = 500  # as many as QuickBooks stores; of a longer text, the first part counts
REMEMBERED_MAX = (
    4096  # readings, and letters; an account's name is read when it arrives, and again when customers change
)

_ALSO = re.compile(
    r"\b(?:d\s?/\s?b\s?/\s?a|d\.\s?b\.\s?a\.?|dba|doing business as|trading as|t/a)(?!\w)"
    r"|(?<=\S\s)(?:a/k/a|aka|also known as|f/k/a|fka|formerly known as|formerly)(?=\s\S)"
)
# The place of registration, as registers of companies append it: `Acme Corp /DE/`, `Acme Inc. /Cayman`, `Acme Inc. DE`.
_ENCLOSED = re.compile(r"(?:[/\\]\s?([a-z][a-z ]{1,20}?)\s?[/\\]|\((delaware)\))\s*$")
_AFTER_FORM = re.compile(r"\s*[/\\]\s*([a-z]{2,10})$")
_PLACES = frozenset({"de", "new"})  # Delaware, and a company that was registered anew
# What a list of securities appends to a legal form: `Acme Corp. Common Stock`.
_SECURITIES = tuple(
    tuple(each.split())
    for each in (
        "common",
        "common stock",
        "common shares",
        "ordinary shares",
        "american depositary shares",
        "american depository shares",
        "adr",
    )
)
_UNDOTTED = {"n.a.": "national association"}  # without dots, it is North America
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}")
_IN_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
# Apostrophes, and the marks of copyrights and trademarks, which are no letters of a name.
_DROPPED = str.maketrans("", "", "'`\u00b4\u02bc\u2018\u2019\u2032\u00a9\u00ae\u2117\u2120\u2122")
# How people write these letters where they have none.
_WRITTEN_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"}
    | {"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa"}
)
_WORD = re.compile(r"[a-z0-9]+")
_EMPTY = frozenset({"the", "and"})


class Spelling(Struct, frozen=True):
    """One name of a company, read.

    Attributes:
        words: Its words without legal forms, in their order.
        forms: Its legal forms, the last one first.
        place: Its place of registration; empty if the name has none.
        native: Its letters of other scripts than Latin: names that merely sound alike have the same words.
        is_trade: Whether it is the name under which the company trades, or another name beside the first one.
    """

    words: tuple[str, ...]
    forms: tuple[str, ...] = ()
    place: str = ""
    native: str = ""
    is_trade: bool = False

    @property
    def key(self) -> str:
        """The words without blanks, since people write `SiriusXM` and `Sirius XM`."""
        return "".join(self.words)

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
    text = unicodedata.normalize("NFKC", name[:NAME_CHARACTERS_MAX].translate(_DROPPED))
    if not text.isascii():
        for written, form in WRITTEN.items():
            text = text.replace(written, f" {form} ")
    return " ".join(text.casefold().split())


def _in_ascii(text: str) -> Iterator[tuple[str, str]]:
    """Yield a text in ASCII, and its letters of other scripts; split again, should it say `d/b/a` only then."""
    if text.isascii():
        yield text, ""
        return
    native = _native(text)
    for part in _ALSO.split(_transliterated(text)):
        yield part, native


def _spelling(text: str, native: str) -> Spelling:
    text = _DOTTED.sub(lambda found: f"{_UNDOTTED.get(found[0]) or found[0].replace('.', '')} ", text)
    text, place = _without_place(text)
    asides = [
        word for found in _IN_BRACKETS.findall(text) for word in _words(" ".join(found)) if word != "the"
    ]
    words = _without_security(_words(_IN_BRACKETS.sub(" ", text)))
    if not place and words and words[-1] in _PLACES and _end_in_form(words[:-1]):
        place = words.pop()
    inner, forms = without_forms(words)
    whole, more = without_forms(_joined(_telling([*inner, *asides])))
    return Spelling(whole, more + forms, place, native)


def _native(text: str) -> str:
    """Return the letters of other scripts, without legal forms in them."""
    words = (word for word in text.split() if _transliterated(word) not in FORMS)
    return "".join(letter for word in words for letter in word if letter.isalpha() and not _is_latin(letter))


@lru_cache(maxsize=REMEMBERED_MAX)
def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN")


def _transliterated(text: str) -> str:
    from anyascii import anyascii  # noqa: PLC0415 - most names are ASCII: only another costs the 40 ms of its import

    return anyascii(text).casefold()


def _without_place(text: str) -> tuple[str, str]:
    found = _ENCLOSED.search(text) or _AFTER_FORM.search(text)
    before = text[: found.start()] if found else ""
    if found is None or not before or (found.re is _AFTER_FORM and not _end_in_form(_words(before))):
        return text, ""
    return before, next(group for group in found.groups() if group)


def _without_security(words: list[str]) -> list[str]:
    for security in _SECURITIES:
        before = words[: -len(security)]
        if tuple(words[-len(security) :]) == security and _end_in_form(before):
            return before
    return words


def _end_in_form(words: list[str]) -> bool:
    return len(without_forms(words)[0]) < len(words)


def _words(text: str) -> list[str]:
    joined = _joined(word for word in _WORD.findall(text) if word != "and")
    return _telling([FULL.get(word, word) for word in joined])


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
