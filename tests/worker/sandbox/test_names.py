"""Names: whatever people create, rename, deactivate and merge, no two entries ever have one name, and balances add up."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from worker.sandbox import accountant
from worker.sandbox.faults import Fault
from worker.sandbox.openings.seeds import seeded

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
PEOPLE = ("Customer", "Vendor", "Employee")
NAMES = ("Ada", "ADA", " ada", "Kim", "Kim (deleted)", "Cool Cars", "Lee", "Max", "Zoe", "Uma")
names = st.sampled_from(NAMES)
entities = st.sampled_from(PEOPLE)
places = st.integers(0, 3)


class Lists(RuleBasedStateMachine):
    """People change the lists of a company."""

    def __init__(self) -> None:
        super().__init__()
        self.company = seeded("us", Random(1), NOW)
        self.now = NOW

    @rule(entity=entities, name=names)
    def create(self, entity: str, name: str) -> None:
        self.attempt(accountant.create, entity, {"DisplayName": name})

    @rule(name=names, parent=places)
    def create_below(self, name: str, parent: int) -> None:
        below = {"ParentRef": {"value": self.chosen("Customer", parent)}}
        self.attempt(accountant.create, "Customer", {"DisplayName": name, **below})

    @rule(entity=entities, place=places, name=names)
    def rename(self, entity: str, place: int, name: str) -> None:
        self.attempt(accountant.change, entity, self.chosen(entity, place), {"DisplayName": name})

    @rule(entity=entities, place=places, active=st.booleans())
    def switch(self, entity: str, place: int, active: bool) -> None:
        self.attempt(accountant.change, entity, self.chosen(entity, place), {"Active": active})

    @rule(place=places, parent=places)
    def move(self, place: int, parent: int) -> None:
        above = {"ParentRef": {"value": self.chosen("Customer", parent)}}
        self.attempt(accountant.change, "Customer", self.chosen("Customer", place), above)

    @rule(gone=places, stays=places)
    def merge(self, gone: int, stays: int) -> None:
        self.attempt(
            accountant.merge, "Customer", self.chosen("Customer", gone), self.chosen("Customer", stays)
        )

    @rule(place=places)
    def invoice(self, place: int) -> None:
        line = {"DetailType": "SalesItemLineDetail", "Amount": Decimal(10), "SalesItemLineDetail": {}}
        fields = {"CustomerRef": {"value": self.chosen("Customer", place)}, "Line": [line]}
        self.attempt(accountant.create, "Invoice", fields)

    @invariant()
    def each_name_is_one_entrys(self) -> None:
        taken = Counter(
            str(each["DisplayName"]).casefold()
            for entity in PEOPLE
            for each in self.company.objects[entity].values()
        )
        assert [name for name, count in taken.items() if count > 1] == []
        for name in {*taken, *(each.strip().casefold() for each in NAMES)}:
            holder = self.company.names.find("people", name)
            assert (holder is not None) == (name in taken), "a name that nobody has is free"
            if holder is not None:
                assert self.company.objects[holder[0]][holder[1]]["DisplayName"].casefold() == name

    @invariant()
    def balances_add_up(self) -> None:
        customers = list(self.company.every("Customer"))
        total = sum((each["Balance"] for each in self.company.every("Invoice")), Decimal(0))
        assert sum((each["Balance"] for each in customers), Decimal(0)) == total
        assert (
            sum((each["BalanceWithJobs"] for each in customers if not each.get("ParentRef")), Decimal(0))
            == total
        )

    def chosen(self, entity: str, place: int) -> str:
        """Return the Id of an entry, or one that nothing has."""
        return dict(enumerate(self.company.objects[entity])).get(place, "999")

    def attempt(self, hand: Any, *arguments: Any) -> None:
        """Do something that QuickBooks may refuse; a refusal changes nothing."""
        self.now += timedelta(minutes=1)
        before = {name: dict(stored) for name, stored in self.company.objects.items()}
        try:
            hand(self.company, *arguments, self.now)
        except Fault:
            assert self.company.objects == before


Lists.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestLists = Lists.TestCase
