"""Compare two values of a field in meaning: both sides write the same name, number or address in their own way."""

import re
from collections.abc import Callable
from itertools import zip_longest
from unicodedata import normalize

from events.contract.crm import Address
from events.contract.in_step import FieldName, FieldValue
from worker.geography.countries import country_code, folded
from worker.matching import identifiers, names

# A text of at least so many characters with which a longer one begins may be the longer one, cut by the CRM.
CUT_CHARACTERS_MIN = 20
PHONE_DIGITS_MIN = 7
COUNTRY_CODE_DIGITS_MAX = 3
_EXTENSION = re.compile(r"\s*(?:ext|x|#|;)[a-z.:=]*\s*\d+\s*$")
_NO_LETTERS = re.compile(r"[\W_]+")


def same(field: FieldName, some: FieldValue, other: FieldValue) -> bool:
    """Return whether two values of a field say the same."""
    if some == other:
        return True
    if isinstance(some, Address) and isinstance(other, Address):
        return _same_address(some, other)
    if isinstance(some, str) and isinstance(other, str):
        return _SAME.get(field, _same_text)(some, other)
    return False


def is_cut(value: FieldValue, whole: FieldValue) -> bool:
    """Return whether a value is the beginning of another one, cut by a side that stores less of it."""
    if isinstance(value, Address) and isinstance(whole, Address):
        parts = zip_longest(_lines(value), _lines(whole), fillvalue="")
        return all(part == of or _is_beginning(part, of) for part, of in parts)
    if isinstance(value, str) and isinstance(whole, str):
        return _is_beginning(_plain(value), _plain(whole))
    return False


def _same_name(some: str, other: str) -> bool:
    """Compare names by case, spaces, punctuation and the spelling of the legal form."""
    first, second = ([each.identity for each in names.read(text)] for text in (some, other))
    return first == second if first else _same_text(some, other)


def _same_email(some: str, other: str) -> bool:
    first, second = identifiers.emails(some), identifiers.emails(other)
    return first == second if first else _same_text(some, other)


def _same_phone(some: str, other: str) -> bool:
    """Compare numbers by their digits; a country code and an extension may be left out."""
    short, long = sorted((_digits(some), _digits(other)), key=len)
    if not short or _letters(some) != _letters(other):
        return _same_text(some, other)
    more = len(long) - len(short)
    return long.endswith(short) and (
        more == 0 or (more <= COUNTRY_CODE_DIGITS_MAX and len(short) >= PHONE_DIGITS_MIN)
    )


def _digits(phone: str) -> str:
    return "".join(filter(str.isdecimal, _without_extension(phone))).lstrip("0")


def _letters(phone: str) -> str:
    return "".join(filter(str.isalpha, _without_extension(phone)))


def _without_extension(phone: str) -> str:
    return _EXTENSION.sub("", phone.casefold())


def _same_address(some: Address, other: Address) -> bool:
    """Compare addresses by case, spaces and punctuation; a country that only one of them names is no difference."""
    countries = {_country(address.country) for address in (some, other) if address.country}
    return _lines(some)[:-1] == _lines(other)[:-1] and len(countries) <= 1


def _lines(address: Address) -> tuple[str, ...]:
    street = f"{address.line1 or ''} {address.line2 or ''}"
    return (
        _plain(street),
        _plain(address.city),
        _plain(address.region),
        _plain(address.postal_code).replace(" ", ""),
        _country(address.country),
    )


def _country(written: str | None) -> str:
    return country_code(written) or folded(written)


def _same_text(some: str, other: str) -> bool:
    return _plain(some) == _plain(other)


def _plain(text: str | None) -> str:
    """Return a text without case, punctuation and double spaces; one of signs alone as it is."""
    whole = normalize("NFKC", text or "").casefold()
    return " ".join(_NO_LETTERS.sub(" ", whole).split()) or " ".join(whole.split())


def _is_beginning(part: str, whole: str) -> bool:
    return len(part) >= CUT_CHARACTERS_MIN and whole.startswith(part)


_SAME: dict[str, Callable[[str, str], bool]] = {
    "name": _same_name,
    "email": _same_email,
    "phone": _same_phone,
}
