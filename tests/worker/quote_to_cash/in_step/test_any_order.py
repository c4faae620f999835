"""Whatever is edited, refused, late, lost or switched off and on: in the end, both sides agree, or the state says where not."""

from collections import deque
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract import catalog, in_step, json
from events.contract.envelope import Event
from events.contract.in_step import ConflictResolved
from events.contract.quickbooks import CommandRejected, CustomerObserved, CustomerUpdated
from tests import stories
from tests.worker.quote_to_cash.given import (
    REALM,
    Decider,
    chosen,
    connected,
    disconnected,
    fact,
    mapped,
    observed,
)
from worker.commands.table import NewCommand
from worker.quote_to_cash.in_step.meaning import same
from worker.quote_to_cash.in_step.state import Pair

NAMES = ("Acme", "Acme Group", "Beta", "Taken")
EMAILS = (None, "a@x.example", "b@x.example", "c@x.example")
STEPS_MAX = 600
KEY = f"{REALM}/7"


class Town:
    """A CRM, a company in QuickBooks, and a worker between them, whose messages are late and out of order."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.decider = Decider()
        self.decider.reads = False
        self.crm: dict[str, str | None] = {"name": "Acme", "email": "a@x.example"}
        self.books: dict[str, str | None] = {"name": "Acme", "email": "a@x.example"}
        self.revision, self.token = 1, 0
        self.late: list[Event | dict[str, Any]] = []
        self.commands: deque[NewCommand] = deque()
        self.taken = 0
        self.told = 0
        self.is_connected = True
        self.edits = self.writes = 0
        self.hear(
            chosen(customer_sync="both"),
            connected(),
            observed(),
            self.snapshot(),
            mapped(),
            self.version(reading=1),
        )

    def snapshot(self) -> dict[str, Any]:
        filled = {name: value for name, value in self.crm.items() if value is not None}
        return stories.account(revision=self.revision, **filled)

    def version(self, reading: int = 0) -> Event:
        return fact(catalog.CUSTOMER_OBSERVED, self.customer(reading))

    def customer(self, reading: int = 0) -> CustomerObserved:
        return CustomerObserved(
            REALM,
            "7",
            display_name=self.books["name"],
            email=self.books["email"],
            currency="USD",
            taxable=True,
            reading=reading,
            sync_token=self.token,
        )

    def hear(self, *events: Event | dict[str, Any]) -> None:
        self.decider.when(*events)
        new = self.decider.commands[self.taken :]
        self.taken += len(new)
        # Later updates supersede those that were not sent.
        if any(command.key.kind == "update_customer" for command in new):
            self.commands = deque(each for each in self.commands if each.key.kind != "update_customer")
        self.commands += new
        withdrawn = [each.generation for each in self.decider.facts(in_step.CUSTOMER_UPDATE_WITHDRAWN)]
        self.commands = deque(
            each
            for each in self.commands
            if each.key.kind != "update_customer" or each.key.generation > max(withdrawn, default=0)
        )

    def edit(self, side: str, name: str, value: str | None) -> None:
        sides = {"crm": self.crm, "quickbooks": self.books}
        if sides[side][name] == value or (side == "quickbooks" and value == "Taken"):
            return
        self.edits += 1
        sides[side][name] = value
        self.late.append(self._changed_crm() if side == "crm" else self._changed_books())

    def _changed_crm(self) -> dict[str, Any]:
        self.revision += 1
        return self.snapshot()

    def _changed_books(self) -> Event:
        self.token += 1
        return self.version()

    def steps(self) -> list[Any]:
        told = self.decider.facts(in_step.ACCOUNT_CUSTOMER_CHANGED)
        able = [
            (self.late, self.deliver),
            (self.commands and self.is_connected, self.send),
            (len(told) > self.told, self.take_over),
        ]
        return [step for is_able, step in able if is_able]

    def deliver(self) -> None:
        # Snapshots keep their order, as on a topic; QuickBooks' versions arrive in any order.
        chosen_ = self.random.choice(self.late)
        if isinstance(chosen_, dict):
            chosen_ = next(each for each in self.late if isinstance(each, dict))
        self.late.remove(chosen_)
        self.hear(chosen_)

    def take_over(self) -> None:
        message = self.decider.facts(in_step.ACCOUNT_CUSTOMER_CHANGED)[self.told]
        self.told += 1
        before = dict(self.crm)
        self.crm |= {name: value for name, value in message.fields.items() if name in self.crm}
        if self.crm != before:
            self.late.append(self._changed_crm())

    def send(self) -> None:
        command = self.commands.popleft()
        if command.key.kind == "read_customer":
            self.hear(self.version(reading=command.key.generation))
            return
        if command.key.kind == "read_company":
            self.hear(observed())
            return
        body = json.parse(command.body.encode())
        name = body.get("DisplayName")
        if int(body["SyncToken"]) != self.token:
            self.hear(self._refused(command, "customer_changed"))
        elif name == "Taken":
            self.hear(self._refused(command, "rejected_by_quickbooks"))
        else:
            self.writes += 1
            self.books["name"] = name or self.books["name"]
            if "PrimaryEmailAddr" in body:
                self.books["email"] = body["PrimaryEmailAddr"]["Address"] or None
            seen = self._changed_books()
            self.late.append(seen)
            key = command.key
            updated = CustomerUpdated(REALM, "7", key.generation, command.request_id, self.customer())
            self.hear(fact(catalog.CUSTOMER_UPDATED, updated))

    def _refused(self, command: NewCommand, gate: str) -> Event:
        key = command.key
        rejected = CommandRejected(
            key.subject, key.kind, key.part, key.generation, REALM, command.request_id, gate, "no"
        )
        return fact(catalog.COMMAND_REJECTED, rejected)

    def switch(self, what: str) -> None:
        events = {
            "to_crm": [chosen(customer_sync="to_crm")],
            "both": [chosen(customer_sync="both")],
            "off": [chosen(customer_sync="off")],
            "disconnect": [disconnected()],
            "connect": [connected(), observed()],
        }
        self.is_connected = {"disconnect": False, "connect": True}.get(what, self.is_connected)
        self.hear(*events[what])

    def rest(self) -> None:
        for _ in range(STEPS_MAX):
            if not (able := self.steps()):
                return
            self.random.choice(able)()
        raise AssertionError("it never rests")


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["crm", "quickbooks"]), st.just("name"), st.sampled_from(NAMES), st.integers(0, 4)
    )
    | st.tuples(
        st.sampled_from(["crm", "quickbooks"]), st.just("email"), st.sampled_from(EMAILS), st.integers(0, 4)
    )
    | st.tuples(
        st.just("switch"),
        st.sampled_from(["to_crm", "both", "off", "disconnect", "connect"]),
        st.none(),
        st.integers(0, 4),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(st.integers(), ACTIONS)
def test_both_sides_come_to_agree_or_the_state_says_where_not(
    seed: int, actions: list[tuple[str, str, str | None, int]]
) -> None:
    town = Town(Random(seed))
    for side, name, value, steps in actions:
        if side == "switch":
            town.switch(name)
        else:
            town.edit(side, name, value)
        for _ in range(steps):
            if able := town.steps():
                town.random.choice(able)()
    town.switch("both")
    town.switch("connect")
    town.rest()
    fields = town.decider.view.get(Pair, KEY).fields
    for name in ("name", "email"):
        is_same = same("name" if name == "name" else "email", town.crm[name], town.books[name])
        settled = fields[name]
        assert (settled.values.crm, settled.values.quickbooks) == (town.crm[name], town.books[name]), name
        if settled.state == "to_crm":
            # While it was off, the CRM took the value over and a person edited it back: it seems to be on its way still.
            assert any(side == "switch" for side, *_ in actions), name
            continue
        assert settled.state in {"agreed", "conflict", "refused"}, name
        assert is_same == (settled.state == "agreed"), name
        assert settled.state != "refused" or town.crm[name] == "Taken", name
    assert town.writes <= 2 * town.edits
    before = len(town.decider.commands), town.told
    for name, field in fields.items():
        if field.state == "conflict":
            resolved = ConflictResolved("A-1", REALM, "7", field.field, "quickbooks", field.values, "ada")
            town.hear(fact(in_step.CONFLICT_RESOLVED, resolved))
            town.rest()
            assert town.crm[name] == town.books[name] == field.values.quickbooks
    states = {each.state for each in town.decider.view.get(Pair, KEY).fields.values()}
    assert "conflict" not in states
    assert "to_quickbooks" not in states
    assert town.told - before[1] <= sum(each.state == "conflict" for each in fields.values())
