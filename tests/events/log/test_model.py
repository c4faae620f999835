"""The log and a subscription behave as a few lines of plain Python, wherever they crash."""

import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from events.contract.envelope import Event, Recorded
from events.database.sqlite import InlineDatabase
from events.errors import CheckpointMoved
from events.log import log, subscriptions, tables
from events.log.log import AppendResult
from events.log.subscriptions import LEASE_SECONDS, Subscription, TurnResult
from tests.events.conftest import empty_tables
from tests.events.samples import NOW, Killed, account, effects, effects_of, note_effects, whole_log

T = TypeVar("T")

HOLDERS = ("a", "b")
FOLLOW_UP = 1000

batches = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["Acme", "Bolt"])), max_size=5)
holders = st.sampled_from(HOLDERS)
sizes = st.integers(1, 4)


@cache
def event(number: int, name: str) -> Event:
    return account(number, name=name)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as stopped:
        result: T = stopped.value
        return result
    raise AssertionError("it waits")


class LogAndReader(RuleBasedStateMachine):
    """Compares the log and its reader with a model: a list of events, a position, and the leading holder with its lease."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.database = InlineDatabase(self.directory / "log.db")
        at_once(self.database.transaction(empty_tables))
        self.now = NOW
        self.log: list[Event] = []
        self.handled: list[int] = []
        self.checkpoint: int | None = None
        self.leader: str | None = None
        self.leased_until = NOW

    def teardown(self) -> None:
        at_once(self.database.close())
        shutil.rmtree(self.directory)

    def known(self, newcomer: Event) -> tuple[int, Event] | None:
        return next((held for held in enumerate(self.log, start=1) if held[1].id == newcomer.id), None)

    def appended(self, newcomer: Event) -> AppendResult:
        found = self.known(newcomer)
        if found is None:
            self.log.append(newcomer)
            return AppendResult("appended", len(self.log))
        position, held = found
        if held == newcomer:
            return AppendResult("duplicate", position)
        return AppendResult("conflict", position, ("data.name",))

    def led_by_another(self, holder: str) -> bool:
        return self.leader not in {None, holder} and self.leased_until > self.now

    def due(self, size: int) -> list[int]:
        start = self.checkpoint or 0
        return list(range(start + 1, min(start + size, len(self.log)) + 1))

    def reader(self, size: int, *, follow_up: bool = False, then: Any = None) -> Subscription:
        def handle(connection: sa.Connection, batch: Sequence[Recorded], _: datetime) -> None:
            note_effects(connection, batch)
            if follow_up:
                log.append_own(connection, self.follow_ups([r.position for r in batch]), self.now)
            if then is not None:
                then(connection)

        return Subscription("reader", handle, size)

    def follow_ups(self, positions: list[int]) -> list[Event]:
        """Return the events that the reader appends about others; like a decision, it appends none about its own."""
        said = {event(FOLLOW_UP + n, "Acme").id for n in range(len(self.log) + 1)}
        return [event(FOLLOW_UP + n, "Acme") for n in positions if self.log[n - 1].id not in said]

    def turn(self, subscription: Subscription, holder: str) -> TurnResult:
        return at_once(self.database.transaction(subscriptions.advance, [subscription], holder, self.now))

    @rule(batch=batches)
    def append(self, batch: list[tuple[int, str]]) -> None:
        events = [event(*one) for one in batch]
        results = at_once(self.database.transaction(log.append, events, self.now))
        assert results == [self.appended(one) for one in events]

    @rule(batch=batches)
    def crash_after_an_append(self, batch: list[tuple[int, str]]) -> None:
        def crash(connection: sa.Connection) -> None:
            log.append(connection, [event(*one) for one in batch], self.now)
            raise Killed

        with pytest.raises(Killed):
            at_once(self.database.transaction(crash))

    @rule(holder=holders, size=sizes, follow_up=st.booleans())
    def advance(self, holder: str, size: int, *, follow_up: bool) -> None:
        progress = self.turn(self.reader(size, follow_up=follow_up), holder)
        if self.led_by_another(holder):
            assert progress == TurnResult(0, leads=False)
            return
        due = self.due(size)
        assert progress == TurnResult(len(due))
        self.checkpoint = (self.checkpoint or 0) + len(due)
        if due:
            self.leader, self.leased_until = holder, self.now + timedelta(seconds=LEASE_SECONDS)
        self.handled += due
        for said in self.follow_ups(due) if follow_up else []:
            self.appended(said)

    @rule(holder=holders, size=sizes)
    def crash_in_the_middle_of_a_turn(self, holder: str, size: int) -> None:
        def crash(_: sa.Connection) -> None:
            raise Killed

        if not self.led_by_another(holder) and self.due(size):
            with pytest.raises(Killed):
                self.turn(self.reader(size, follow_up=True, then=crash), holder)

    @rule(holder=holders, size=sizes, to=st.integers(0, 3))
    def lose_against_another_runner(self, holder: str, size: int, to: int) -> None:
        def move(connection: sa.Connection) -> None:
            connection.execute(tables.subscriptions.update().values(position=to))

        if not self.led_by_another(holder) and self.due(size) and to != (self.checkpoint or 0):
            with pytest.raises(CheckpointMoved):
                self.turn(self.reader(size, follow_up=True, then=move), holder)

    @rule()
    def rebuild(self) -> None:
        def start_over(connection: sa.Connection) -> None:
            connection.execute(effects.delete())
            subscriptions.reset(connection, "reader")

        at_once(self.database.transaction(start_over))
        self.handled, self.checkpoint, self.leader = [], None, None

    @rule(holder=holders)
    def release(self, holder: str) -> None:
        at_once(self.database.transaction(subscriptions.release, holder))
        if self.leader == holder:
            self.leader = None

    @rule(seconds=st.sampled_from([1, LEASE_SECONDS - 1, LEASE_SECONDS]))
    def let_time_pass(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def start_the_process_again(self) -> None:
        at_once(self.database.close())
        self.database = InlineDatabase(self.directory / "log.db")

    @rule(after=st.integers(0, 12), limit=sizes)
    def read_a_page(self, after: int, limit: int) -> None:
        page = at_once(self.database.read(log.read, after=after, limit=limit))
        assert [(r.position, r.event) for r in page] == list(enumerate(self.log, start=1))[
            after : after + limit
        ]

    @invariant()
    def the_system_is_as_the_model(self) -> None:
        def look(connection: sa.Connection) -> tuple[Any, ...]:
            pending = [
                holder
                for holder in HOLDERS
                if subscriptions.pending(connection, ["reader"], holder, self.now)
            ]
            return (
                [(r.position, r.event) for r in whole_log(connection)],
                log.head(connection),
                subscriptions.checkpoints(connection).get("reader"),
                effects_of(connection),
                pending,
            )

        more = len(self.log) > (self.checkpoint or 0)
        assert at_once(self.database.read(look)) == (
            list(enumerate(self.log, start=1)),
            len(self.log),
            self.checkpoint,
            self.handled,
            [holder for holder in HOLDERS if more and not self.led_by_another(holder)],
        )


TestLogAndReader = LogAndReader.TestCase
TestLogAndReader.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
