"""Generate any fact of any type from its declaration, with all values that its fields allow."""

from collections.abc import Callable
from datetime import UTC, date
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec.inspect as declared
from hypothesis import strategies as st

from events.contract.crm import Discount, ScheduleEntry
from events.contract.values import Amount, Fact, Percent, PositiveAmount

IDENTIFIER = r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]+(?!\n)$"
KINDS = ("deal", "account", "product", "customer", "item")
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def amounts(kind: type[Amount] = Amount) -> st.SearchStrategy[Amount]:
    low, high = kind.minimum, kind.maximum
    numbers = st.decimals(
        low if low is not None else Decimal(-(10**14)),
        high if high is not None else Decimal(10**14),
        places=10,
    )
    return st.builds(kind, numbers.map(lambda number: format(number, "f")))


DISCOUNTS = st.builds(Discount, percent=amounts(Percent)) | st.builds(
    Discount, amount=amounts(PositiveAmount)
)
SCHEDULE_ENTRIES = st.builds(
    ScheduleEntry,
    entry=st.integers(0, 2**53 - 1),
    on=st.just("signature") | st.dates().map(date.isoformat),
    percent=amounts(Percent),
)


def facts(kind: type[Fact]) -> st.SearchStrategy[Any]:
    return _struct(declared.type_info(kind))


def _struct(info: Any) -> st.SearchStrategy[Any]:
    special = {Discount: DISCOUNTS, ScheduleEntry: SCHEDULE_ENTRIES}
    if info.cls in special:
        return special[info.cls]
    fields = {field.name: field for field in info.fields}
    required = {name: _value(field.type) for name, field in fields.items() if field.required}
    optional = {name: _value(field.type) for name, field in fields.items() if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: info.cls(**values))


def _value(info: Any) -> st.SearchStrategy[Any]:
    return _MAKERS[type(info)](info)


def _annotated(info: declared.Metadata) -> st.SearchStrategy[Any]:
    extra = info.extra or {}
    if "printable" not in extra:
        return _value(info.type)
    of = _matching(1, 128, IDENTIFIER)
    return st.builds("{}/{}".format, st.sampled_from(KINDS), of) if "stream" in extra else of


def _text(info: declared.StrType) -> st.SearchStrategy[str]:
    return _matching(info.min_length or 0, info.max_length or 4000, info.pattern)


@cache
def _matching(low: int, high: int, pattern: str | None) -> st.SearchStrategy[str]:
    if pattern is None:
        return st.text(CHARACTERS, min_size=low, max_size=min(high, 40))
    return st.from_regex(pattern, alphabet=CHARACTERS).filter(lambda text: low <= len(text) <= high)


def _integer(info: declared.IntType) -> st.SearchStrategy[int]:
    return st.integers(info.ge if info.ge is not None else -(2**63), info.le or 2**63 - 1)


_MAKERS: dict[type, Callable[[Any], st.SearchStrategy[Any]]] = {
    declared.StructType: _struct,
    declared.StrType: _text,
    declared.IntType: _integer,
    declared.Metadata: _annotated,
    declared.NoneType: lambda _: st.none(),
    declared.BoolType: lambda _: st.booleans(),
    declared.DateType: lambda _: st.dates(),
    declared.DateTimeType: lambda _: st.datetimes(timezones=st.just(UTC)),
    declared.CustomType: lambda info: amounts(info.cls),
    declared.LiteralType: lambda info: st.sampled_from(info.values),
    declared.UnionType: lambda info: st.one_of([_value(one) for one in info.types]),
    declared.VarTupleType: lambda info: st.lists(_value(info.item_type), max_size=2).map(tuple),
    declared.DictType: lambda info: st.dictionaries(
        _value(info.key_type), _value(info.value_type), max_size=2
    ),
}
