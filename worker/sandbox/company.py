"""The books of one company: objects by entity, ids, sync tokens, times. Pure but for what it remembers."""

import copy
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from worker.sandbox import faults

Entity = dict[str, Any]

TRANSACTIONS = frozenset({"Invoice", "Payment", "CreditMemo"})
# Entities that draw on one sequence of ids.
_SEQUENCE = {
    "Invoice": "transactions",
    "Payment": "transactions",
    "CreditMemo": "transactions",
    "Customer": "names",
    "Vendor": "names",
    "Employee": "names",
}
_FIRST_ID = {"Account": 1150040000}
ENTITIES = (
    "Account",
    "CompanyInfo",
    "Customer",
    "Employee",
    "Invoice",
    "Item",
    "Preferences",
    "TaxCode",
    "TaxRate",
    "Term",
    "Vendor",
)
CENT = Decimal("0.01")
AMOUNT_LIMIT = Decimal(10) ** 10


class Traits(Struct, frozen=True, forbid_unknown_fields=True):
    """What kind of company it is; the control API can change each.

    Nobody can read `time_zone`: it shows in the offsets of times only. `address` is where the company says it is.
    With `inactive_names_stay` what is made inactive keeps its name, so that nothing else can have it.
    With `typographic_quotes_in_queries` a query may hold curly quotes and apostrophes, lexical errors for years.
    """

    name: str
    country: str
    home_currency: str
    time_zone: str
    tax: str
    address: dict[str, str] = {}
    custom_transaction_numbers: bool = False
    multicurrency: bool = False
    allow_discount: bool = True
    allow_shipping: bool = True
    books_closed_until: date | None = None
    typographic_quotes_in_queries: bool = False
    inactive_names_stay: bool = False


class Company:
    """One company. Every change goes through `store`, which keeps ids, sync tokens and times right."""

    def __init__(self, realm: str, traits: Traits) -> None:
        self.realm = realm
        self.traits = traits
        self.objects: dict[str, dict[str, Entity]] = {entity: {} for entity in ENTITIES}
        self.replies: dict[str, tuple[int, bytes]] = {}
        self.next_document_number = 1001
        self._sequences: dict[str, int] = {}

    def get(self, entity: str, identifier: str) -> Entity | None:
        """Return an object, not to be changed."""
        return self.objects[entity].get(identifier)

    def active(self, entity: str, identifier: str) -> Entity:
        """Return an object that others may refer to.

        Raises:
            Fault: 2500 if there is none, 610 if it is inactive.
        """
        found = self.get(entity, identifier)
        if found is None:
            raise faults.invalid_reference(f"{entity}s", identifier)
        if found.get("Active") is False:
            raise faults.inactive(entity)
        return found

    def every(self, entity: str) -> Iterator[Entity]:
        """Return the objects of an entity in the order of their ids."""
        return iter(self.objects[entity].values())

    def today(self, now: datetime) -> date:
        """Return the company's date."""
        return now.astimezone(ZoneInfo(self.traits.time_zone)).date()

    def instant(self, now: datetime) -> str:
        """Write an instant as objects carry it: whole seconds, with the company's offset."""
        return now.astimezone(ZoneInfo(self.traits.time_zone)).isoformat(timespec="seconds")

    def store(self, entity: str, fields: Entity, now: datetime, identifier: str | None = None) -> Entity:
        """Store a new object."""
        new_id = identifier or self._next_id(entity)
        created = {
            **copy.deepcopy(fields),
            "domain": "QBO",
            "sparse": False,
            "Id": new_id,
            "SyncToken": "0",
            "MetaData": {"CreateTime": self.instant(now), "LastUpdatedTime": self.instant(now)},
        }
        self.objects[entity][new_id] = created
        return created

    def replace(self, entity: str, before: Entity, fields: Entity, now: datetime) -> Entity:
        """Store a changed object; if nothing changed, its sync token and time stay."""
        after = {**copy.deepcopy(fields), "Id": before["Id"], "domain": "QBO", "sparse": False}
        after["SyncToken"], after["MetaData"] = before["SyncToken"], before["MetaData"]
        if after != before:
            after["SyncToken"] = str(int(before["SyncToken"]) + 1)
            after["MetaData"] = {**before["MetaData"], "LastUpdatedTime": self.instant(now)}
            self.objects[entity][before["Id"]] = after
        return after

    def current(self, entity: str, data: Entity) -> Entity:
        """Return the object that an update means.

        Raises:
            Fault: 610 if it is not there, 5010 if it has changed since.
        """
        found = self.get(entity, str(data.get("Id")))
        if found is None:
            raise faults.inactive(entity)
        if str(data.get("SyncToken")) != found["SyncToken"]:
            raise faults.stale()
        return found

    def books(self) -> dict[str, list[Entity]]:
        """Return every object of the company, by entity."""
        return {entity: list(objects.values()) for entity, objects in self.objects.items()}

    def _next_id(self, entity: str) -> str:
        sequence = _SEQUENCE.get(entity, entity)
        number = self._sequences.get(sequence, _FIRST_ID.get(entity, 0)) + 1
        self._sequences[sequence] = number
        return str(number)


def child(entity: Entity, name: str) -> Entity:
    """Return what a property holds, an empty object if it is not there.

    Raises:
        Fault: 2010 if it is no object.
    """
    value = entity.get(name)
    if value is not None and not isinstance(value, dict):
        raise faults.unsupported_property(name)
    return value or {}


def reference(entity: Entity, name: str) -> str | None:
    """Return the id that a reference holds."""
    value = child(entity, name).get("value")
    return None if value is None else str(value)


def number(value: object, name: str) -> Decimal:
    """Return a number.

    Raises:
        Fault: 2020 if it is missing or no number, 6000 if it has more than ten digits before the point.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise faults.required(name)
    try:
        amount = Decimal(value)
    except ArithmeticError:
        raise faults.required(name) from None
    if not amount.is_finite() or abs(amount) >= AMOUNT_LIMIT:
        raise faults.business(f"{name} is out of range. Supplied value:{value}")
    return amount


def money(value: object, name: str) -> Decimal:
    """Return an amount of whole cents.

    Raises:
        Fault: As `number`, and 6000 if it has parts of a cent.
    """
    amount = number(value, name)
    if amount != amount.quantize(CENT):
        raise faults.business(f"{name} {amount} has more than two decimals")
    return amount


def check_length(fields: Entity, name: str, maximum: int) -> None:
    """Refuse a text that is too long, counted as Java does: a character beyond U+FFFF counts as two."""
    text = str(fields.get(name) or "")
    if len(text) + sum(character > "\uffff" for character in text) > maximum:
        raise faults.too_long(maximum)


def check_properties(fields: Entity, known: frozenset[str]) -> None:
    """Refuse a property that does not exist."""
    for name in fields:
        if name not in known:
            raise faults.unsupported_property(name)
