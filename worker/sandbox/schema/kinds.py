"""The types of property values: the values that each accepts in a request, and the form in which it stores them.

Every type has `read(value, name)`, which returns the value to store and raises a `Fault` for one that QuickBooks
refuses: 2010 for a wrong type, 2050 for a text that is too long, 2170 for a value outside an enumeration. A number for
a text and a text that holds a number are taken, as JSON readers of QuickBooks' kind do.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from msgspec import Struct

from worker.sandbox import faults
from worker.sandbox.schema.currencies import CURRENCIES

Fields = dict[str, Any]

CENT = Decimal("0.01")
AMOUNT_LIMIT = Decimal(10) ** 10
# No number of QuickBooks is closer to 0.
_LEAST = Decimal(10) ** -20
# XML cannot hold these characters; QuickBooks refuses them, because they broke other requests later.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class ValueType(Protocol):
    """A type of values."""

    def read(self, value: Any, name: str) -> Any:
        """Return the value to store; raise a `Fault` for a value that QuickBooks refuses."""


class Text(Struct, frozen=True):
    """A text of at most `maximum` characters, without the `forbidden` ones."""

    maximum: int | None = None
    forbidden: str = ""

    def read(self, value: Any, name: str) -> str:
        """Read a text; a number is taken as its digits."""
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise faults.unsupported_property(name)
        text = str(value)
        if _NOT_IN_XML.search(text) or any(character in text for character in self.forbidden):
            raise faults.unsupported_property(name)
        if self.maximum is not None and java_length(text) > self.maximum:
            raise faults.too_long(self.maximum)
        return text

    def with_suffix(self, text: str, suffix: str) -> str:
        """Return a text with a suffix, shortened so that it is not too long."""
        while text and self.maximum is not None and java_length(text + suffix) > self.maximum:
            text = text[:-1]
        return text + suffix


class Email(Struct, frozen=True):
    """One or several e-mail addresses, separated by commas, which count together."""

    maximum: int = 100

    def read(self, value: Any, name: str) -> str:
        """Read addresses."""
        text = Text(self.maximum).read(value, name)
        for address in text.split(","):
            user, at, host = address.strip().partition("@")
            if not (user and at and "." in host) or any(mark in address.strip() for mark in " ;<>"):
                raise faults.invalid_email(text)
        return text


class Number(Struct, frozen=True):
    """A number with at most ten digits before the point, not below `least`."""

    least: int | None = None

    def read(self, value: Any, name: str) -> Decimal:
        """Read a number, also from a text."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise faults.unsupported_property(name)
        try:
            number = Decimal(value)
        except ArithmeticError:
            raise faults.unsupported_property(name) from None
        least = number if self.least is None else self.least
        if not number.is_finite() or (number and not _LEAST <= abs(number) < AMOUNT_LIMIT) or number < least:
            raise faults.business(f"{name} is out of range. Supplied value:{value}")
        return number


class Cents(Struct, frozen=True):
    """An amount of money in whole cents, not below `least`."""

    least: int | None = None

    def read(self, value: Any, name: str) -> Decimal:
        """Read an amount."""
        amount = Number(self.least).read(value, name)
        if amount != amount.quantize(CENT):
            raise faults.business(f"{name} {amount} has more than two decimals")
        return amount


class Whole(Struct, frozen=True):
    """A whole number between two others."""

    least: int = 0
    most: int = 999_999

    def read(self, value: Any, name: str) -> int:
        """Read a whole number."""
        number = Number().read(value, name)
        if number != number.to_integral_value() or not self.least <= number <= self.most:
            raise faults.unsupported_property(name)
        return int(number)


class Flag(Struct, frozen=True):
    """True or false."""

    def read(self, value: Any, name: str) -> bool:
        """Read a truth value, also from a text."""
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise faults.unsupported_property(name)
        return value


class Day(Struct, frozen=True):
    """A date; an instant is taken for its date."""

    def read(self, value: Any, name: str) -> str:
        """Read a date."""
        if not isinstance(value, str):
            raise faults.unsupported_property(name)
        try:
            found = date.fromisoformat(value[:10])
            datetime.fromisoformat(value)
        except ValueError:
            raise faults.invalid_date(value, name) from None
        return found.isoformat()


class Instant(Struct, frozen=True):
    """A date with a time."""

    def read(self, value: Any, name: str) -> str:
        """Read an instant."""
        Day().read(value, name)
        return str(value)


class Choice(Struct, frozen=True):
    """One of several words."""

    words: tuple[str, ...]

    def read(self, value: Any, name: str) -> str:
        """Read a word."""
        if not isinstance(value, str):
            raise faults.unsupported_property(name)
        if value not in self.words:
            raise faults.invalid_enumeration(value, name)
        return value


class Ref(Struct, frozen=True):
    """A reference to another object by its Id.

    Attributes:
        to: The entities that it may refer to.
        words: The kind of object in QuickBooks' words, as fault 2500 says it.
        also: Ids that mean something without an object behind them, such as `SHIPPING_ITEM_ID`.
        named: Whether answers say the name of the object beside its Id.
    """

    to: tuple[str, ...]
    words: str = "Names"
    also: tuple[str, ...] = ()
    named: bool = True

    def read(self, value: Any, name: str) -> Fields:
        """Read a reference; the name in it is QuickBooks' to say, and its type means something only among several."""
        if not isinstance(value, dict) or not value.keys() <= {"value", "name", "type"}:
            raise faults.unsupported_property(name)
        read = {"value": Text().read(value.get("value"), name)}
        kind = Text().read(value.get("type") or "", name)
        return {**read, "type": kind} if kind and len(self.to) > 1 else read


class CurrencyCode(Struct, frozen=True):
    """A reference to a currency by its code."""

    named: bool = True

    def read(self, value: Any, name: str) -> Fields:
        """Read a code of ISO 4217."""
        code = Ref(()).read(value, name)["value"]
        if code not in CURRENCIES:
            raise faults.invalid_reference("Currency", code)
        return {"value": code}


class Property(Struct, frozen=True):
    """A property of an entity.

    Attributes:
        name: Its name, as in JSON.
        kind: The type of its value.
        read_only: Whether QuickBooks sets it and ignores it in requests.
        filterable: Whether a query may filter by it.
        blank: Whether an empty text is a value of its own, instead of none.
        default: The value of a new object whose request lacks it.
        lasting: Whether a sparse update can't empty it.
    """

    name: str
    kind: ValueType
    read_only: bool = False
    filterable: bool = False
    blank: bool = False
    default: Any = None
    lasting: bool = False


class Group(Struct, frozen=True):
    """An object of named properties."""

    by_name: Mapping[str, Property]

    def read(self, value: Any, name: str) -> Fields:
        """Read an object; drop empty values, and ignore properties that QuickBooks sets itself."""
        if not isinstance(value, dict):
            raise faults.unsupported_property(name)
        return self.given(value)[0]

    def given(self, value: Mapping[str, Any]) -> tuple[Fields, frozenset[str]]:
        """Return the values that a request sets, and the names of those that it empties."""
        values: Fields = {}
        emptied = []
        for key, item in value.items():
            found = self.by_name.get(key)
            if found is None:
                raise faults.unsupported_property(key)
            if found.read_only:
                continue
            read = None if item is None or (item == "" and not found.blank) else found.kind.read(item, key)
            if read is None or read == {}:
                emptied.append(key)
            else:
                values[key] = read
        return values, frozenset(emptied)

    def defaults(self) -> Fields:
        """Return the values that properties have unless a request sets them."""
        return {name: each.default for name, each in self.by_name.items() if each.default is not None}


class Several(Struct, frozen=True):
    """A list."""

    of: ValueType
    most: int | None = None

    def read(self, value: Any, name: str) -> list[Any]:
        """Read a list."""
        if not isinstance(value, list):
            raise faults.unsupported_property(name)
        if self.most is not None and len(value) > self.most:
            raise faults.business(f"{name} has at most {self.most} entries")
        return [self.of.read(item, name) for item in value]


class Anything(Struct, frozen=True):
    """An object whose properties are not described, because no rule concerns them; it has few levels."""

    levels: int = 20

    def read(self, value: Any, name: str) -> Fields:
        """Return the object."""
        if not isinstance(value, dict) or not _is_within(value, self.levels):
            raise faults.unsupported_property(name)
        return value


def group(*properties: Property) -> Group:
    """Describe an object by its properties."""
    return Group({each.name: each for each in properties})


def _is_within(value: Any, levels: int) -> bool:
    """Return whether a value of JSON has at most so many levels."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(levels > 0 and _is_within(each, levels - 1) for each in inner)


def java_length(text: str) -> int:
    """Return the length of a text as Java counts: a character beyond U+FFFF counts as two."""
    return len(text) + sum(character > "\uffff" for character in text)
