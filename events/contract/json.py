"""Encode and decode the JSON of events: decimals are strings, content has a canonical form, limits are explicit."""

import functools
import hashlib
import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, DecimalException
from typing import Any, TypeVar

import msgspec

from events.contract.values import Amount
from events.errors import InvalidEvent

T = TypeVar("T")

NESTING_LEVELS_MAX = 64
AMOUNTS_REMEMBERED_MAX = 16_384
INTEGER_DIGITS_MAX = 40
VALUES_MAX = 100_000
MISSING = re.compile(r"Object missing required field `(.+)`")
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_UNREADABLE = (UnicodeDecodeError, RecursionError, msgspec.DecodeError)


def _decode_value(kind: type, value: object) -> object:
    if isinstance(value, str):
        return _amount(kind, value)
    raise ValueError("Expected a decimal number written as a string")


@functools.lru_cache(maxsize=AMOUNTS_REMEMBERED_MAX)  # prices repeat, and a quote is read more than once
def _amount(kind: type, text: str) -> Amount:
    if not issubclass(kind, Amount):
        raise NotImplementedError(kind)  # msgspec's protocol for an unknown type
    return kind.parse(text)


def _encode_value(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise NotImplementedError(type(value))


def encode(value: object) -> str:
    """Write a struct, or any plain value, as JSON text.

    Raises:
        InvalidEvent: With reason `text_invalid`, if a text can't be encoded in UTF-8.
    """
    try:
        return _encoder.encode(value).decode()
    except UnicodeEncodeError as error:
        raise InvalidEvent(
            "text_invalid", "A text contains half a character, which is invalid in UTF-8"
        ) from error


def encode_numbers(value: object) -> str:
    """Write plain values as JSON text with decimals as exact JSON numbers, as QuickBooks requires."""
    return _number_encoder.encode(value).decode()


def decode(text: str | bytes, kind: type[T]) -> T:
    """Read JSON text as `kind`.

    Raises:
        InvalidEvent: With reason `schema_invalid`, and the field that does not fit; or as `parse` does.
    """
    try:
        decoded: T = _decoder(kind).decode(text)  # type: ignore[arg-type] # mypy takes the hash of instances for the class's
    except msgspec.ValidationError as error:
        raise _unfit(error) from error
    except _UNREADABLE as error:
        raise _unreadable(error) from error
    return decoded


@functools.cache  # there are as many kinds as the code names
def _decoder(kind: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=_decode_value)


def as_struct(text: bytes, kind: type[T]) -> T | None:
    """Read JSON text as `kind`; None if it does not fit."""
    try:
        decoded: T = _decoder(kind).decode(text)  # type: ignore[arg-type] # as in `decode`
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return decoded


def convert(value: object, kind: type[T]) -> T:
    """Read plain values as `kind`.

    Raises:
        InvalidEvent: With reason `schema_invalid`, and the field that does not fit.
    """
    try:
        return msgspec.convert(value, type=kind, dec_hook=_decode_value)
    except msgspec.ValidationError as error:
        raise _unfit(error) from error


def _unfit(error: msgspec.ValidationError) -> InvalidEvent:
    message, _, path = str(error).partition(" - at `$")
    field = path.rstrip("`")
    missing = MISSING.fullmatch(message)
    if missing is not None:
        field += f".{missing[1]}"
    field = field.lstrip(".")
    return InvalidEvent("schema_invalid", f"{message}{f' at {field}' if field else ''}", field or None)


def parse(raw: bytes) -> Any:
    """Read any JSON with exact numbers; equal numbers are equal values, however they are written.

    Raises:
        InvalidEvent: With reason `undecodable`, `nesting_too_deep`, `text_invalid` or `value_out_of_range`.
    """
    try:
        value = _any_decoder.decode(raw)
    except (DecimalException, msgspec.ValidationError) as error:
        raise _out_of_range() from error
    except _UNREADABLE as error:
        raise _unreadable(error) from error
    if _is_suspect(raw):
        _check(value, 0)
    return value


def parse_around(raw: bytes, field: str) -> tuple[dict[str, Any], bytes | None]:
    """Parse a JSON object, which was checked, but for one field, which is large and will be read as a struct.

    Returns:
        The other fields, and this field as it is written; None without it.

    Raises:
        InvalidEvent: With reason `schema_invalid` if it is no object; or as `parse`.
    """
    try:
        written = _fields_decoder.decode(raw)
        value = written.pop(field, None)
        others = {name: _any_decoder.decode(other) for name, other in written.items()}
    except DecimalException as error:
        raise _out_of_range() from error
    except msgspec.ValidationError as error:
        raise _unfit(error) from error
    except _UNREADABLE as error:
        raise _unreadable(error) from error
    return others, None if value is None else bytes(value)


def check(raw: bytes) -> None:
    """Check the text of any JSON: its encoding, its levels, and the characters of its strings.

    Raises:
        InvalidEvent: With reason `undecodable`, `nesting_too_deep` or `text_invalid`.
    """
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise _unreadable(error) from error
    if _is_suspect(raw):
        parse(raw)


def _is_suspect(raw: bytes) -> bool:
    """Return whether a JSON text can have a U+0000 or too many levels; few can."""
    return (b"\\" in raw and b"\\u" in raw) or raw.count(b"{") + raw.count(b"[") > NESTING_LEVELS_MAX


def check_values(raw: bytes) -> None:
    """Check how many values a JSON text may have, before it is decoded.

    A megabyte has room for half a million, and each takes fifty bytes of memory and its time. The check counts commas
    and brackets, including those within texts: no genuine event has that many.

    Raises:
        InvalidEvent: With reason `too_many_values`.
    """
    if len(raw) > VALUES_MAX and raw.count(b",") + raw.count(b"{") + raw.count(b"[") > VALUES_MAX:
        raise InvalidEvent("too_many_values", f"More than {VALUES_MAX} values, objects and lists")


def elements(raw: bytes, most: int) -> list[bytes]:
    """Split a JSON array of at most `most` elements without decoding them, so that an invalid one does not affect the others.

    Decoding stops at the first element beyond that number.

    Raises:
        InvalidEvent: With reason `too_many_events` if it has more, `schema_invalid` if it is no array; or as `parse` does.
    """
    try:
        found = _elements_decoder(most).decode(raw)
    except msgspec.ValidationError as error:
        if raw.lstrip()[:1] == b"[":
            raise InvalidEvent("too_many_events", f"More than {most} events") from error
        raise _unfit(error) from error
    except _UNREADABLE as error:
        raise _unreadable(error) from error
    return [written for item in msgspec.structs.astuple(found) if (written := bytes(item))]


@functools.cache
def _elements_decoder(most: int) -> msgspec.json.Decoder[Any]:
    # msgspec builds a whole list before it checks the length, but stops early in a struct that is written as an array.
    fields: list[tuple[str, type, Any]] = [
        (f"item_{place}", msgspec.Raw, msgspec.Raw()) for place in range(most)
    ]
    return msgspec.json.Decoder(
        msgspec.defstruct("Elements", fields, array_like=True, forbid_unknown_fields=True)
    )


def _out_of_range() -> InvalidEvent:
    return InvalidEvent("value_out_of_range", "A number is too large or too small")


def _unreadable(error: Exception) -> InvalidEvent:
    if isinstance(error, UnicodeDecodeError):
        return InvalidEvent("undecodable", f"Not UTF-8: {error.reason} at byte {error.start}")
    if isinstance(error, RecursionError):
        return InvalidEvent("nesting_too_deep", f"More than {NESTING_LEVELS_MAX} levels of nesting")
    return InvalidEvent("undecodable", f"Not JSON: {error}")


def digest(value: object) -> str:
    """Hash parsed JSON, or a struct, in canonical form: neither the order of fields nor how numbers are written counts."""
    return hashlib.sha256(_canonical_encoder.encode(value)).hexdigest()


def different_fields(one: str, other: str) -> list[str]:
    """Return the names of the fields whose values differ between two JSON objects; how they are written does not count."""
    first, second = _fields_decoder.decode(one), _fields_decoder.decode(other)
    return sorted(
        name for name in first.keys() | second.keys() if not _is_equal(first.get(name), second.get(name))
    )


def _is_equal(one: msgspec.Raw | None, other: msgspec.Raw | None) -> bool:
    if one is None or other is None or one == other:
        return one == other
    try:
        return digest(parse(bytes(one))) == digest(parse(bytes(other)))
    except InvalidEvent:  # a number that is out of range can be stored in an unknown field, but not be read
        return False


def _check(value: Any, level: int) -> None:
    if level > NESTING_LEVELS_MAX:
        raise InvalidEvent("nesting_too_deep", f"More than {NESTING_LEVELS_MAX} levels of nesting")
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidEvent("text_invalid", "A text contains the character U+0000, which can't be stored")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, level + 1)
            _check(item, level + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, level + 1)


def _number(text: str) -> int | Decimal:
    # 1, 1.0 and 1e0 are one number. Beyond the limit of digits, a number with a point or an exponent is not converted to
    # plain digits: a few bytes could stand for thousands.
    number = Decimal(text).normalize(EXACT)
    if number.adjusted() < INTEGER_DIGITS_MAX and number == number.to_integral_value():
        return int(number)
    return number


_encoder = msgspec.json.Encoder(enc_hook=_encode_value)
_number_encoder = msgspec.json.Encoder(decimal_format="number")
_canonical_encoder = msgspec.json.Encoder(enc_hook=_encode_value, decimal_format="number", order="sorted")
_any_decoder = msgspec.json.Decoder(float_hook=_number)
_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
