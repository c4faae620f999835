"""Two sides that are edited behind each other's back, and a worker between them that sees and tells everything late."""

from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from events.contract.in_step import FieldSettlement, FieldValue, Side
from worker.quote_to_cash.in_step.settle import Now, Rule, UpdateAnswer, settle

Form = Callable[[FieldValue], FieldValue]
STEPS_MAX = 400


def as_it_is(value: FieldValue) -> FieldValue:
    return value


class Edit(Struct, frozen=True):
    """An edit of a side, and how many steps happen before the next one."""

    side: Side
    value: FieldValue
    steps: int


class Update(Struct):
    """A sparse update on its way: QuickBooks takes it only for the version that it was made for."""

    token: int
    crm: FieldValue
    sent: FieldValue


class Sides(Struct):
    """A field in the CRM and in QuickBooks, the worker's view of it, and everything that is on its way."""

    random: Random
    crm: FieldValue
    quickbooks: FieldValue
    rule: Rule = "both"
    crm_form: Form = as_it_is
    quickbooks_form: Form = as_it_is
    takes_over: bool = True
    may_write: bool = True
    may_tell: bool = True
    retries: int = 0
    in_order: bool = False

    revision: int = 0
    token: int = 0
    snapshots: list[tuple[int, FieldValue]] = field(default_factory=list)
    versions: list[tuple[int, FieldValue]] = field(default_factory=list)
    told: list[FieldValue] = field(default_factory=list)
    update: Update | None = None
    outcome: tuple[Update, tuple[int, FieldValue] | None] | None = None

    seen_crm: tuple[int, FieldValue] = (-1, None)
    seen_quickbooks: tuple[int, FieldValue] = (-1, None)
    wants_reading: bool = False
    known: FieldSettlement | None = None
    missed: list[FieldValue] = field(default_factory=list)
    writes: int = 0
    tells: int = 0
    edits: int = 0

    def __post_init__(self) -> None:
        self.snapshots.append((0, self.crm))
        self.versions.append((0, self.quickbooks))

    def edit(self, side: Side, value: FieldValue) -> None:
        """Edit a value as a person does; an unchanged value is no edit."""
        if getattr(self, side) == value:
            return
        self.edits += 1
        if side == "crm":
            self._put_crm(value)
        else:
            self._put_quickbooks(value)

    def say_again(self) -> None:
        """Send a snapshot with the same values and the next revision."""
        self._put_crm(self.crm)

    def _put_crm(self, value: FieldValue) -> None:
        self.crm, self.revision = value, self.revision + 1
        self.snapshots.append((self.revision, value))

    def _put_quickbooks(self, value: FieldValue) -> None:
        self.quickbooks, self.token = value, self.token + 1
        self.versions.append((self.token, value))

    def steps(self) -> list[Callable[[], None]]:
        """Return the things that can happen next."""
        able = [
            (self.snapshots, self.deliver_snapshot),
            (self.versions, self.deliver_version),
            (self.told, self.take_over),
            (self.update, self.send),
            (self.outcome, self.hear),
            (self.wants_reading, self.read),
        ]
        return [step for is_able, step in able if is_able]

    def deliver_snapshot(self) -> None:
        snapshot = self.snapshots.pop(0 if self.in_order else self.random.randrange(len(self.snapshots)))
        if snapshot[0] > self.seen_crm[0]:
            self.seen_crm = snapshot
            self.consider()
        else:
            self.missed.append(snapshot[1])

    def deliver_version(self) -> None:
        version = self.versions.pop(self.random.randrange(len(self.versions)))
        if version[0] > self.seen_quickbooks[0]:
            self.seen_quickbooks = version
            self.consider()

    def take_over(self) -> None:
        value = self.told.pop(0)
        if self.takes_over and (form := self.crm_form(value)) != self.crm:
            self._put_crm(form)

    def send(self) -> None:
        update = self.update
        assert update is not None
        self.update = None
        if update.token != self.token:
            self.outcome = (update, None)
            return
        self.writes += 1
        self._put_quickbooks(self.quickbooks_form(update.sent))
        self.outcome = (update, (self.token, self.quickbooks))

    def hear(self) -> None:
        assert self.outcome is not None
        update, answer = self.outcome
        self.outcome = None
        if answer is None:
            self.wants_reading = True
            return
        if answer[0] > self.seen_quickbooks[0]:
            self.seen_quickbooks = answer
        self.consider(outcome=UpdateAnswer(update.crm, update.sent, answer[1]))

    def read(self) -> None:
        self.wants_reading = False
        self.seen_quickbooks = (self.token, self.quickbooks)
        self.consider()

    def consider(self, **more: Any) -> None:
        """Settle the field by what the worker has seen, and do what follows from that."""
        if -1 in {self.seen_crm[0], self.seen_quickbooks[0]} or self.wants_reading:
            return
        if self.update is None and self.outcome is not None and not more:
            return  # an update is on its way: its outcome tells whether this is its own effect
        crm, quickbooks = self.seen_crm[1], self.seen_quickbooks[1]
        now = Now(
            "email",
            crm,
            crm,
            quickbooks,
            self.rule,
            self.may_write,
            self.may_tell,
            retries=self.retries,
            **more,
        )
        settled = settle(self.known, now)
        again = settle(settled.field, replace(now, outcome=None, take=None))
        assert again.field == settled.field, "settling twice is settling once"
        assert not again.is_told
        self.known = settled.field
        if settled.is_told:
            self.tells += 1
            self.told.append(quickbooks)
        self.update = None
        if settled.field.state == "to_quickbooks":
            self.update = Update(self.seen_quickbooks[0], crm, crm)

    def played(self, edits: list[Edit]) -> FieldSettlement:
        """Edit the sides, with some steps in between, and let everything arrive; return the settled field."""
        for edit in edits:
            self.edit(edit.side, edit.value)
            for _ in range(edit.steps):
                if able := self.steps():
                    self.random.choice(able)()
        self.rest()
        assert self.known is not None
        return self.known

    def rest(self) -> None:
        """Let everything arrive, in any order."""
        for _ in range(STEPS_MAX):
            if not (steps := self.steps()):
                return
            self.random.choice(steps)()
        raise AssertionError(f"it never rests: {self}")
