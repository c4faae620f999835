"""Convert data that do not fit their type into the form that the log stores, where their meaning is certain.

Data that fit are never changed. An optional field with an empty value (null, empty text) is left out, a number becomes
text or text a number with the same digits, and blanks around a value are removed. Nothing is rounded, truncated or
guessed: data that still do not fit are refused with the field's name.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec.inspect as declared

from events.contract.crm import Discount
from events.contract.json import EXACT
from events.contract.values import PLAIN_DECIMAL, Amount, Fact

INTEGER_MAX = 2**53 - 1  # beyond it many programs lose digits before they write a number
DIGITS_MAX = 40

_DECIMAL = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})")
_WHOLE = re.compile(r"[0-9]{1,16}")
_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]00:00(:00(\.0+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?")
_NO_DATE = re.compile(r"0000-00-00.*")  # some databases write a missing date like this


def forgive(data: Any, kind: type[Fact]) -> Any:
    """Return the result of `json.parse` with the values converted that do not fit `kind`."""
    return _repaired(data, declared.type_info(kind))


def _repaired(value: Any, info: Any) -> Any:
    info = _something(info)
    if isinstance(info, declared.Metadata):
        return _identifier(value)
    repair = _REPAIRS.get(type(info))
    return value if repair is None else repair(value, info)


def _something(info: Any) -> Any:
    """Return a field's type without None and without annotations, except an identifier's."""
    if isinstance(info, declared.UnionType):  # every union is of one type and None
        return _something(next(one for one in info.types if not isinstance(one, declared.NoneType)))
    if isinstance(info, declared.Metadata) and not info.extra:
        return _something(info.type)
    return info


def _struct(value: Any, info: declared.StructType) -> Any:
    if not isinstance(value, dict):
        return value
    kept = dict(value)
    for field in info.fields:
        if field.encode_name in kept:
            given = _repaired(kept[field.encode_name], field.type)
            kept[field.encode_name] = given
            if not field.required and _is_empty(given, _something(field.type)):
                del kept[field.encode_name]
    return _one_discount(kept) if info.cls is Discount else kept


def _one_discount(discount: dict[str, Any]) -> dict[str, Any]:
    """Remove the percent or the amount of a discount if it has both and one is zero."""
    if {"percent", "amount"} <= discount.keys():
        zeros = [name for name in ("amount", "percent") if _is_zero(discount[name])]
        return {name: value for name, value in discount.items() if name not in zeros[:1]}
    return discount


def _is_zero(value: Any) -> bool:
    return isinstance(value, str) and PLAIN_DECIMAL.fullmatch(value) is not None and not Decimal(value)


def _is_empty(value: Any, info: Any) -> bool:
    """Return whether a value means that there is none; a text may be empty."""
    if isinstance(value, str):
        bare = value.strip()
        is_text = isinstance(info, declared.StrType) and info.pattern is None
        return not is_text and (not bare or _NO_DATE.fullmatch(bare) is not None)
    if isinstance(value, dict):
        return all(_is_blank(item) for item in value.values())
    return value in (None, []) or (value is False and not isinstance(info, declared.BoolType))


def _is_blank(value: Any) -> bool:
    return value in (None, [], {}) or (isinstance(value, str) and not value.strip())


def _list(value: Any, info: declared.VarTupleType) -> Any:
    if value is None:
        return []
    if not isinstance(value, list):
        return value
    return [_repaired(item, info.item_type) for item in value if item is not None]


def _text(value: Any, info: declared.StrType) -> Any:
    if info.pattern is None:
        return _written(value) if isinstance(value, int | Decimal) else value
    if isinstance(value, str) and value.isascii():
        bare = _day(value)
        fitting = (one for one in (bare, bare.upper(), bare.lower()) if re.search(info.pattern, one))
        return next(fitting, value)
    return value


def _identifier(value: Any) -> Any:
    """Write a whole number as text; an identifier that is text stays as it is."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number and 0 <= value <= INTEGER_MAX else value


def _integer(value: Any, _: declared.IntType) -> Any:
    bare = value.strip() if isinstance(value, str) else ""
    return int(bare) if _WHOLE.fullmatch(bare) else value


def _amount(value: Any, info: declared.CustomType) -> Any:
    if not issubclass(info.cls, Amount):
        return value
    if isinstance(value, int | Decimal):
        return _written(value)
    bare = value.strip() if isinstance(value, str) else ""
    if PLAIN_DECIMAL.fullmatch(bare):
        return bare
    return _written(Decimal(bare)) if _DECIMAL.fullmatch(bare) else value


def _written(value: int | Decimal) -> Any:
    """Write a number exactly, in plain digits; a number that needs too many stays as it is."""
    if isinstance(value, bool):
        return value
    number = Decimal(value).normalize(EXACT)
    digits = (number.adjusted(), -int(number.as_tuple().exponent))
    return value if max(digits) > DIGITS_MAX else format(number, "f")


def _choice(value: Any, info: declared.LiteralType) -> Any:
    bare = re.sub(r"[\s_-]+", "_", value.strip().lower()) if isinstance(value, str) else value
    return bare if bare in info.values else value


def _boolean(value: Any, _: declared.BoolType) -> Any:
    bare = value.strip().lower() if isinstance(value, str) else ""
    return {"true": True, "false": False}.get(bare, value)


def _date(value: Any, _: declared.DateType) -> Any:
    return _day(value) if isinstance(value, str) else value


def _day(text: str) -> str:
    """Return the day of an instant at midnight; any other instant could be either of two days."""
    bare = text.strip()
    midnight = _MIDNIGHT.fullmatch(bare)
    return midnight[1] if midnight else bare


def _instant(value: Any, _: declared.DateTimeType) -> Any:
    return value.strip() if isinstance(value, str) else value


_REPAIRS: dict[type, Callable[[Any, Any], Any]] = {
    declared.StructType: _struct,
    declared.VarTupleType: _list,
    declared.StrType: _text,
    declared.IntType: _integer,
    declared.CustomType: _amount,
    declared.LiteralType: _choice,
    declared.BoolType: _boolean,
    declared.DateType: _date,
    declared.DateTimeType: _instant,
}
