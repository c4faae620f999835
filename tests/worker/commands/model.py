"""Compare the commands' table with a model, in any order of workers, clocks and people."""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy.exc import IntegrityError

import worker.services  # noqa: F401 - it knows every table
from events.contract.envelope import from_structured
from events.contract.json import encode
from events.contract.quickbooks import CommandKind
from events.log import log
from events.log.tables import metadata
from tests import stories
from tests.worker.commands.given import BODY, START, TIMING, expired, outcome
from worker.commands import candidates, claims, outcomes, table, transitions
from worker.commands.candidates import UPDATES_AT_ONCE
from worker.commands.claimed import Claimed
from worker.commands.companies import REALM_HELD_SECONDS
from worker.commands.identity import CommandKey, request_id
from worker.commands.table import NewCommand, Realm
from worker.commands.transitions import Transition
from worker.quickbooks.oauth import TokenSet
from worker.quickbooks.tokens import forget, put

REALMS = {"1": "acme", "2": "bolt"}
ZONE = "America/Los_Angeles"
HELD = timedelta(seconds=REALM_HELD_SECONDS)
CLOCK_SKEW_MAX = timedelta(minutes=5)


def holds(until: datetime, lasting: timedelta, now: datetime) -> bool:
    """Return whether a lease has neither ended nor began before the clock was set back."""
    return now < until and until - lasting <= now + CLOCK_SKEW_MAX


@dataclass
class Row:
    """The model's state of a command."""

    key: CommandKey
    realm: str
    request_id: str
    created_at: datetime
    due_at: datetime
    waits_since: datetime
    status: str = "ready"
    fence: int = 0
    leased_until: datetime | None = None
    sent_body: str | None = None
    last_sent_at: datetime | None = None

    @property
    def subject(self) -> tuple[str, str]:
        return self.key.workspace, self.key.subject

    @property
    def is_update(self) -> bool:
        return self.key.kind == "update_customer"

    @property
    def age(self) -> tuple[Any, ...]:
        return self.created_at, self.key.generation, self.key.part, self.request_id


@dataclass
class Company:
    """The model's state of a realm."""

    connected: bool = True
    paused: bool = False
    not_before: datetime | None = None
    waits_since: datetime = START
    refused_since: datetime | None = None
    holder: str | None = None
    held_until: datetime = START
    tokens_good: bool = False
    is_end_told: bool = False

    def is_cut_off(self, command: Claimed) -> bool:
        """Pause the realm after a command's answer, unless it was connected again since."""
        still_refused = command.refused_since is not None and self.refused_since == command.refused_since
        return self.connected and (still_refused or not self.tokens_good)

    def is_free(self, holder: str, now: datetime) -> bool:
        return self.holder in {None, holder} or not holds(self.held_until, HELD, now)

    def is_left_alone(self, now: datetime) -> bool:
        return (
            self.not_before is not None and self.not_before > now and self.waits_since <= now + CLOCK_SKEW_MAX
        )

    def at_once(self, per_realm: int) -> int:
        """Send one command after a pause, until it has an outcome."""
        return per_realm if self.not_before is None else 1

    def finish(self, command: Claimed) -> None:
        """Know by the outcome of a command that QuickBooks serves the company after the pause before it."""
        if command.paused_until is None:
            return
        self.refused_since = None
        if self.not_before == command.paused_until:
            self.not_before = None

    def keep(self, holder: str, now: datetime) -> None:
        if self.is_free(holder, now):
            self.holder, self.held_until = holder, now + HELD


@dataclass
class Model:
    """Every command and company."""

    rows: dict[str, Row] = field(default_factory=dict)
    companies: dict[str, Company] = field(default_factory=lambda: {realm: Company() for realm in REALMS})

    def claimable(self, holder: str, now: datetime, slots: int, per_realm: int) -> list[Row]:
        """Claim fairly over realms, the longest due first and updates last, with a limit for each realm, and none beyond its share.

        A realm's share of a claim is that of all realms which could have one more command in flight.
        """
        chosen: list[tuple[bool, int, datetime, str]] = []
        flying_of = {
            realm: sum(self.is_flying(row, now) for row in self.rows.values() if row.realm == realm)
            for realm in REALMS
        }
        serving = {
            realm: due
            for realm in REALMS
            if (due := self.due(realm, holder, now))
            and flying_of[realm] < self.companies[realm].at_once(per_realm)
        }
        for realm, due in serving.items():
            of_realm = [row for row in self.rows.values() if row.realm == realm]
            flying = flying_of[realm]
            updates = sum(self.is_flying(row, now) for row in of_realm if row.is_update)
            first_update = sum(not row.is_update for row in due)
            chosen += [
                (row.is_update, turn, row.due_at, row.request_id)
                for turn, row in enumerate(due, 1)
                if turn <= math.ceil(slots / len(serving))
                and turn + flying <= self.companies[realm].at_once(per_realm)
                and (not row.is_update or turn - first_update + updates <= UPDATES_AT_ONCE)
            ]
        claimed: list[Row] = []
        for _, _, _, chosen_id in sorted(chosen):
            row = self.rows[chosen_id]
            holds = flying_of[row.realm] + sum(other.realm == row.realm for other in claimed)
            if holds < slots - len(claimed):
                claimed.append(row)
        return claimed

    def due(self, realm: str, holder: str, now: datetime) -> list[Row]:
        """Return the commands of a realm that may be claimed, in the order in which they are."""
        if not self.companies[realm].is_free(holder, now):
            return []
        return sorted(
            (row for row in self.rows.values() if row.realm == realm and self.is_free(row, now)),
            key=lambda row: (row.is_update, row.due_at, row.created_at, row.request_id),
        )

    def is_flying(self, row: Row, now: datetime) -> bool:
        return (
            row.status == "leased"
            and row.leased_until is not None
            and holds(row.leased_until, TIMING.lease, now)
        )

    def is_free(self, row: Row, now: datetime) -> bool:
        company = self.companies[row.realm]
        if not company.connected or company.paused or company.is_left_alone(now) or self.is_busy(row):
            return False
        if row.status == "leased":
            return not self.is_flying(row, now)
        return row.status in {"ready", "uncertain"} and (
            row.due_at <= now or row.waits_since > now + CLOCK_SKEW_MAX
        )

    def is_busy(self, row: Row) -> bool:
        others = (o for o in self.rows.values() if o.subject == row.subject and o is not row)
        return any(
            o.status in {"leased", "uncertain"} or (row.status == o.status == "ready" and o.age < row.age)
            for o in others
        )


seconds = st.integers(0, 120)


@cache
def laid_tables() -> sa.Engine:
    """Return empty tables in memory; what a run of the model does to them is never committed."""
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    metadata.create_all(engine)
    return engine


class Commands(RuleBasedStateMachine):
    """Workers that run, die and return late; admins who pause; a company whose connection ends."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = laid_tables().connect()
        self.now = START
        self.model = Model()
        self.given: list[Claimed] = []
        self.told = 0
        self.cause = from_structured(encode(stories.account()).encode(), now=START, workspace="acme")

    def teardown(self) -> None:
        self.connection.close()

    @initialize()
    def connect_both(self) -> None:
        for realm in REALMS:
            self.change_realm(realm, connected=True, paused=False)
            self.change_tokens(realm, good=True)

    @rule(realm=st.sampled_from(list(REALMS)), connected=st.booleans(), paused=st.booleans())
    def change_realm(self, realm: str, *, connected: bool, paused: bool) -> None:
        told = Realm(realm, REALMS[realm], connected, paused, ZONE)
        table.put_realm(self.connection, told)
        company = self.model.companies[realm]
        company.connected = connected
        if connected:
            company.paused = paused

    @rule(realm=st.sampled_from(list(REALMS)), good=st.booleans())
    def change_tokens(self, realm: str, *, good: bool) -> None:
        until = self.now + timedelta(hours=1)
        put(
            self.connection,
            realm=realm,
            workspace=REALMS[realm],
            sealed=b"-",
            of=TokenSet("a", "r", until, until),
            now=self.now,
        )
        if not good:
            forget(self.connection, realm)
        company = self.model.companies[realm]
        company.tokens_good, company.is_end_told = good, False

    @rule(passed=seconds)
    def time_passes(self, passed: int) -> None:
        self.now += timedelta(seconds=passed)

    @rule(hours=st.sampled_from([-24, -1, 1]))
    def clock_is_set(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(
        realm=st.sampled_from(list(REALMS)),
        subject=st.sampled_from(["deal/D-1", "deal/D-2", "deal/D-3", "customer/1/7", "customer/1/8"]),
        part=st.integers(0, 1),
        generation=st.integers(1, 2),
    )
    def add(self, realm: str, subject: str, part: int, generation: int) -> None:
        kind: CommandKind = "create_invoice" if subject.startswith("deal") else "update_customer"
        key = CommandKey(REALMS[realm], subject, kind, part, generation)
        command = NewCommand(key, realm, request_id(realm, key), BODY)
        if command.request_id in self.model.rows:
            with pytest.raises(IntegrityError), self.connection.begin_nested():
                table.add(self.connection, [(command, self.cause)], self.now)
            return
        table.add(self.connection, [(command, self.cause)], self.now)
        self.model.rows[command.request_id] = Row(
            key, realm, command.request_id, self.now, self.now, self.now
        )

    @rule(holder=st.sampled_from("ab"), slots=st.integers(1, 6), per_realm=st.integers(1, 3))
    def claim(self, holder: str, slots: int, per_realm: int) -> None:
        anything = candidates.any_due(self.connection, TIMING.lease, holder, self.now)
        expected = self.model.claimable(holder, self.now, slots, per_realm)
        claimed = claims.claim(self.connection, TIMING, holder, self.now, slots=slots, per_realm=per_realm)
        assert [command.request_id for command in claimed] == [row.request_id for row in expected]
        assert anything or not claimed
        for command, row in zip(claimed, expected, strict=True):
            assert command.uncertain == (row.last_sent_at is not None)
            assert row.sent_body in {None, command.body}, "what was sent once is sent the same again"
            row.status, row.fence, row.sent_body = "leased", row.fence + 1, command.body
            row.leased_until = self.now + TIMING.lease
            is_old = self.now - self.cause.time > timedelta(seconds=TIMING.look_up_after_seconds)
            is_old = is_old and not row.is_update
            is_old = is_old or max(self.cause.time, row.created_at) > self.now + CLOCK_SKEW_MAX
            row.last_sent_at = row.last_sent_at and min(row.last_sent_at, self.now)
            if row.last_sent_at is None and not is_old:
                row.last_sent_at = self.now
                assert command.noted_at == self.now
            else:
                assert command.noted_at is None
            assert (command.fence, command.refused_since) == (
                row.fence,
                self.model.companies[row.realm].refused_since,
            )
            self.model.companies[row.realm].keep(holder, self.now)
        self.given += claimed

    @rule(holder=st.sampled_from("ab"))
    def stop(self, holder: str) -> None:
        claims.release_realms(self.connection, holder)
        for company in self.model.companies.values():
            if company.holder == holder:
                company.holder = None

    @rule(data=st.data(), after=seconds)
    def sending(self, data: st.DataObject, after: int) -> None:
        def change(row: Row, command: Claimed) -> None:
            row.last_sent_at, row.leased_until = self.now, self.now + TIMING.lease
            self.model.companies[row.realm].keep(command.holder, self.now)

        self.attempt(data, after, change, lambda c: transitions.sending(c, TIMING, self.now))

    @rule(data=st.data(), after=seconds, pause=seconds)
    def not_sent(self, data: st.DataObject, after: int, pause: int) -> None:
        self.attempt(
            data,
            after,
            lambda row, command: self.give_back(row, command, pause),
            lambda c: transitions.not_sent(c, self.later(pause), "unreachable", self.now),
        )

    @rule(data=st.data(), after=seconds, pause=seconds)
    def uncertain(self, data: st.DataObject, after: int, pause: int) -> None:
        def change(row: Row, command: Claimed) -> None:
            kept = row.last_sent_at
            self.give_back(row, command, pause)
            row.status, row.last_sent_at = "uncertain", kept
            self.told += not command.uncertain

        def act(command: Claimed) -> Transition:
            event = None if command.uncertain else outcomes.uncertain(command, self.now, "no answer")
            return transitions.uncertain(
                command, due_at=self.later(pause), problem="?", event=event, now=self.now
            )

        self.attempt(data, after, change, act)

    @rule(data=st.data(), after=seconds, done=st.booleans())
    def finish(self, data: st.DataObject, after: int, *, done: bool) -> None:
        def change(row: Row, command: Claimed) -> None:
            kept = row.last_sent_at
            self.give_back(row, command, None)
            row.status, row.last_sent_at = "done" if done else "rejected", kept
            self.model.companies[row.realm].finish(command)
            self.told += 1

        def act(command: Claimed) -> Transition:
            return transitions.finish(command, outcome(command, self.now, done=done), self.now, done=done)

        self.attempt(data, after, change, act)

    @rule(data=st.data(), after=seconds, pause=seconds, refused=st.booleans())
    def hold_realm(self, data: st.DataObject, after: int, pause: int, *, refused: bool) -> None:
        def change(row: Row, command: Claimed) -> None:
            company = self.model.companies[row.realm]
            before = company.refused_since
            self.give_back(row, command, pause)
            company.not_before, company.waits_since = self.later(pause), self.now
            company.refused_since = since(command) if before == command.refused_since else before

        def since(command: Claimed) -> datetime | None:
            return (command.refused_since or self.now) if refused else command.refused_since

        self.attempt(
            data,
            after,
            change,
            lambda c: transitions.hold_realm(
                c, "429", until=self.later(pause), refused_since=since(c), now=self.now
            ),
        )

    @rule(data=st.data(), after=seconds)
    def disconnected(self, data: st.DataObject, after: int) -> None:
        def change(row: Row, command: Claimed) -> None:
            company = self.model.companies[row.realm]
            is_cut_off, refused_since = company.is_cut_off(command), company.refused_since
            self.give_back(row, command, 0)
            company.refused_since = None if is_cut_off else refused_since
            company.connected = company.connected and not is_cut_off
            self.told += is_cut_off and not company.is_end_told
            company.is_end_told |= is_cut_off

        self.attempt(
            data,
            after,
            change,
            lambda c: transitions.disconnected(c, "cut off", expired(c, self.now), self.now),
        )

    def attempt(self, data: st.DataObject, after: int, change: Any, act: Any) -> None:
        """Let a worker, perhaps after a long suspension, store the outcome of a command that it claimed."""
        if not self.given:
            return
        self.now += timedelta(seconds=after)
        command = data.draw(st.sampled_from(self.given))
        row = self.model.rows[command.request_id]
        holds = row.status == "leased" and row.fence == command.fence
        assert transitions.store(self.connection, [act(command)]) == [holds]
        if holds:
            change(row, command)

    def give_back(self, row: Row, command: Claimed, pause: int | None) -> None:
        row.status = "uncertain" if command.uncertain else "ready"
        row.last_sent_at, row.leased_until = command.last_sent_at, None
        if pause is not None:
            row.due_at, row.waits_since = self.later(pause), self.now
        if command.refused_since is not None:
            self.model.companies[row.realm].refused_since = None

    def later(self, pause: int) -> datetime:
        return self.now + timedelta(seconds=pause)

    @invariant()
    def the_table_is_as_the_model_says(self) -> None:
        stored = {
            row["request_id"]: row for row in self.connection.execute(sa.select(table.commands)).mappings()
        }
        names = (
            "realm",
            "status",
            "fence",
            "leased_until",
            "due_at",
            "waits_since",
            "sent_body",
            "last_sent_at",
        )
        assert {request: [row[name] for name in names] for request, row in stored.items()} == {
            request: [getattr(row, name) for name in names] for request, row in self.model.rows.items()
        }

    @invariant()
    def one_of_a_subject_is_in_flight(self) -> None:
        flying = [r.subject for r in self.model.rows.values() if r.status in {"leased", "uncertain"}]
        assert len(flying) == len(set(flying))

    @invariant()
    def every_outcome_is_told_once(self) -> None:
        assert log.head(self.connection) == self.told
