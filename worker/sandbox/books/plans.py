"""The limits of QuickBooks' plans: entities that a plan does not have, and traits that it cannot switch on."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from worker.sandbox import faults
from worker.sandbox.books.traits import Plan, Traits


class Lacking(Struct, frozen=True):
    """The limits of a plan.

    Attributes:
        entities: Entities that cannot be written or referred to.
        traits: Traits that stay off.
    """

    entities: frozenset[str] = frozenset()
    traits: frozenset[str] = frozenset()


_TRACKING = frozenset({"classes_per_transaction", "classes_per_line", "track_departments"})
_BELOW_PLUS = frozenset({"Class", "Department", "Budget", "PurchaseOrder"})
_LACKING: Mapping[Plan, Lacking] = {
    "Simple Start": Lacking(
        _BELOW_PLUS
        | {"CompanyCurrency", "ExchangeRate", "Bill", "BillPayment", "VendorCredit", "TimeActivity"},
        _TRACKING | {"multicurrency", "custom_transaction_numbers"},
    ),
    "Essentials": Lacking(_BELOW_PLUS, _TRACKING),
    "Plus": Lacking(),
    "Advanced": Lacking(),
}


def within(traits: Traits) -> Traits:
    """Return a company's traits without those that its plan cannot switch on."""
    off: dict[str, Any] = dict.fromkeys(_LACKING[traits.plan].traits, False)
    return replace(traits, **off)


def check_entity(traits: Traits, entity: str) -> None:
    """Refuse an entity that a company's plan lacks.

    Raises:
        Fault: 5020.
    """
    if entity in _LACKING[traits.plan].entities:
        raise faults.not_in_plan(entity)


def check_traits(before: Traits, after: Traits) -> None:
    """Refuse settings that a company's plan lacks, and those that nobody can take back.

    Raises:
        Fault: 5020 for a setting that the plan lacks, 6000 for several currencies that would become one.
    """
    wrong = next((name for name in sorted(_LACKING[after.plan].traits) if getattr(after, name)), None)
    if wrong is not None:
        raise faults.not_in_plan(wrong.replace("_", " "))
    if before.multicurrency and not after.multicurrency:
        raise faults.business("Multicurrency can't be turned off once it is on")
