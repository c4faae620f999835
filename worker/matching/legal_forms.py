"""Set the legal forms of a company's name aside, and tell whether the forms of two names agree."""

from collections.abc import Sequence

from worker.matching.form_table import BEFORE, FORMS
from worker.matching.words import FULL

# Forms that stand in the middle of a longer one.
WEAK = frozenset({"co", "corp"})
# Kinds of a joint stock company, which is often named without its kind.
_JOINT_STOCK = frozenset({"jsc", "ojsc", "cjsc", "pjsc"})


def _full(spelling: str) -> tuple[str, ...]:
    return tuple(FULL.get(word, word) for word in spelling.split())


_SPELLINGS: dict[tuple[str, ...], str] = {
    _full(spelling): form for form, spellings in FORMS.items() for spelling in (form, *spellings)
}
# Words that are, or are part of, a form.
FORM_WORDS = frozenset(word for spelling in FORMS for word in spelling.split())
FORM_WORDS |= {word for spellings in FORMS.values() for spelling in spellings for word in spelling.split()}
_WORDS_MAX = max(len(spelling) for spelling in _SPELLINGS)
_LAST_WORDS = frozenset(spelling[-1] for spelling in _SPELLINGS)
_AT_START = {
    spelling: form
    for spelling, form in _SPELLINGS.items()
    if (len(spelling) > 1 and form in BEFORE) or spelling in {_full(each) for each in BEFORE}
}
_FIRST_WORDS = frozenset(spelling[0] for spelling in _AT_START)


def without_forms(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words of a name without its legal forms, and the forms, the last one first.

    A name that consists of legal forms alone has no other words.
    """
    rest, forms = _stripped(words)
    for _ in forms[1:]:  # two forms may be written as one: `Pty. Ltd. Ltd.` is `Pty. Ltd.`
        rest, forms = _stripped((*rest, *(word for form in reversed(forms) for word in _full(form))))
    return rest, forms


def _stripped(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    rest, forms = tuple(words), []
    while rest and rest[-1] in _LAST_WORDS and (found := _at_end(rest)):
        length, form = found
        rest = rest[:-length]
        forms.append(form)
    while rest and rest[0] in _FIRST_WORDS and (before := _at_start(rest)):
        length, form = before
        rest = rest[length:]
        forms.append(form)
    # Romanian names stand between `S.C.` and `S.R.L.`
    if "srl" in forms and len(rest) > 1 and rest[0] == "sc":
        rest = rest[1:]
    return rest, tuple(forms)


def _at_end(words: tuple[str, ...]) -> tuple[int, str] | None:
    for length in range(min(_WORDS_MAX, len(words)), 0, -1):
        form = _SPELLINGS.get(words[-length:])
        if form is not None:
            return length, form
    return None


def _at_start(words: tuple[str, ...]) -> tuple[int, str] | None:
    """Return the form at the start of a name, with its number of words; other abbreviations begin names, as in `LC Waikiki`."""
    for length in range(min(_WORDS_MAX, len(words)), 0, -1):
        form = _AT_START.get(words[:length])
        if form is not None:
            return length, form
    return None


def agree(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Return whether two names may be of one company by their legal forms: they have the same, or one name has none.

    `Co.` and `Corp.` beside another form say little, and are often left out: `Acme Co. Ltd.` is `Acme Ltd.`, and may be
    `Acme Co.`
    """
    first, second = _telling(some), _telling(others)
    if first == second or not first or not second:
        return True
    if first <= _JOINT_STOCK and second <= _JOINT_STOCK:
        return "jsc" in first | second
    return (first <= WEAK or second <= WEAK) and (first <= set(others) or second <= set(some))


def _telling(forms: tuple[str, ...]) -> set[str]:
    return set(forms) - WEAK or set(forms)
