"""Remove safeguards one by one, to check that the simulation notices.

Each is replaced for the length of a run, from outside: the shipped code has no switch for it. `masked_by`
names the safeguards that would hide its absence; they are removed with it.
"""

import functools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events import leases
from events.clock import Clock
from events.contract.envelope import Event
from events.database import bulk
from events.database.port import Database
from events.errors import DatabaseUnavailable
from events.log import intake, log, subscriptions, tables
from events.log.intake import Received
from events.log.subscriptions import Subscription
from worker.actions import recording, reviewed
from worker.commands import candidates, claims, effects, transitions
from worker.commands import table as command_table
from worker.commands.attempts import Attempts
from worker.commands.claimed import Claimed
from worker.commands.claims import Timing
from worker.commands.companies import CompanyRow
from worker.commands.effects import CompanyPaused, Effect, Kept, RateLimited
from worker.commands.kinds import marks
from worker.commands.kinds.all import READINGS
from worker.commands.transitions import Transition
from worker.quickbooks import tokens
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import OutcomeUnknown, Rejected
from worker.quickbooks.pacing import Pacing
from worker.quote_to_cash import decide, reconsiderations
from worker.quote_to_cash.customers import folds as customer_folds
from worker.quote_to_cash.customers import rules as customer_rules
from worker.quote_to_cash.deal import folds as deal_folds
from worker.quote_to_cash.store import StateStore
from worker.roles import runner
from worker.suggesting.entries import Entry
from worker.sync import notices, observing, syncing, versions
from worker.sync import rows as sync_rows
from worker.sync.notices import WaitingNotice
from worker.sync.tables import sync_notices
from worker.sync.versions import Answer, ObjectVersion
from worker.web.doors import events as events_door

LONG_AGO, FAR_OFF = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Safeguard(Struct, frozen=True):
    """A safeguard to remove: attributes and their replacements.

    Its absence must be noticed within `budget` seeds from `first` on, the seed that noticed when it was searched for last.
    """

    name: str
    without: Callable[[], Sequence[tuple[Any, str, Any]]]
    masked_by: tuple[str, ...] = ()
    first: int = 1
    budget: int = 40

    @property
    def seeds(self) -> range:
        """The seeds that are played until one notices."""
        return range(self.first, self.first + self.budget)


def _unique_event_id() -> Sequence[tuple[Any, str, Any]]:
    kept = {rule for rule in tables.log.constraints if getattr(rule, "name", None) != "events_identity"}
    return [(log, "_recorded", lambda *_: {}), (tables.log, "constraints", kept)]


def _stable_request_id() -> Sequence[tuple[Any, str, Any]]:
    write, attempts = QuickBooksClient.write, iter(range(10**9))

    async def write_anew(
        self: QuickBooksClient, realm: str, entity: str, body: bytes, request_id: str, **options: Any
    ) -> dict[str, Any]:
        return await write(self, realm, entity, body, f"{request_id[:30]}{next(attempts)}", **options)

    return [(QuickBooksClient, "write", write_anew)]


def _frozen_body() -> Sequence[tuple[Any, str, Any]]:
    sent_body = claims._sent_body  # noqa: SLF001 - replaced on purpose
    return [
        (
            claims,
            "_sent_body",
            lambda row, today: sent_body({**row, "sent_body": None if today else row["sent_body"]}, today),
        )
    ]


def _in_flight_per_subject() -> Sequence[tuple[Any, str, Any]]:
    with patch.object(candidates, "_subject_busy", sa.false):
        serving, first = candidates._serving(), candidates._first_of_one()  # noqa: SLF001 - as above
    return [(candidates, "_SERVING", serving), (candidates, "_FIRST_OF_ONE", first)]


def _one_dispatcher_per_realm() -> Sequence[tuple[Any, str, Any]]:
    serves = candidates._serves()  # noqa: SLF001 - as above
    with patch.object(candidates, "_serves", lambda: serves[:-1]):
        serving = candidates._serving()  # noqa: SLF001 - as above
    return [(candidates, "_SERVING", serving), (candidates, "any_due", lambda *_: True)]


def _without_effect(kind: type[Effect]) -> Sequence[tuple[Any, str, Any]]:
    applied = effects.applied

    def but_one(effect: Effect, company: CompanyRow) -> CompanyRow:
        return company if isinstance(effect, kind) else applied(effect, company)

    return [(effects, "applied", but_one)]


def _fencing_token() -> Sequence[tuple[Any, str, Any]]:
    def all_hold(_: sa.Connection, group: Sequence[Transition]) -> set[tuple[str, int]]:
        return {(step.command.request_id, step.command.fence) for step in group}

    return [(transitions, "_leases", all_hold)]


def _sending_noted() -> Sequence[tuple[Any, str, Any]]:
    def sending(command: Claimed, _: Timing, now: datetime) -> Transition:
        return Transition(command, now, {"fence": command.fence}, Kept(command.holder, now))

    return [(transitions, "sending", sending), (claims, "_noted", lambda command, *_: command)]


def _one_transaction() -> Sequence[tuple[Any, str, Any]]:
    async def turn(
        database: Database, clock: Clock, following: Sequence[Subscription], holder: str, _: object = None
    ) -> int:
        """Store the results of a batch and its checkpoint in two transactions."""
        names = [subscription.name for subscription in following]
        pending = await database.read(subscriptions.pending, names, holder, clock.now())
        due = [subscription for subscription in following if subscription.name in pending]
        now = clock.now()
        readers = await database.transaction(subscriptions.lock, [subscription.name for subscription in due])
        led = subscriptions._led(readers, due, holder, now)  # noqa: SLF001 - as above
        handled = 0
        for (position, limit), together in led.items():
            batch = await database.read(log.read, after=position, limit=limit)
            if not batch:
                continue
            for subscription in together:
                edition = readers[subscription.name].edition
                await database.transaction(subscription.take, batch, now, edition)
            end = batch[-1].position
            await database.transaction(subscriptions._move, together, position, end, holder, now)  # noqa: SLF001
            handled += len(batch)
        return handled

    return [(runner, "turn", turn)]


def _checkpoint_compare_and_set() -> Sequence[tuple[Any, str, Any]]:
    @functools.cache
    def moving(names: tuple[str, ...]) -> sa.Update:
        wherever = sa.bindparam("before", type_=sa.Integer) >= 0
        return (
            tables.subscriptions.update()
            .where(subscriptions._named(names), wherever)  # noqa: SLF001 - as above
            .values(
                position=sa.bindparam("after"),
                holder=sa.bindparam("holder_"),
                leased_until=sa.bindparam("until"),
            )
        )

    return [(subscriptions, "_moving", moving), (subscriptions, "is_led_by_other", lambda *_: False)]


def _refused_read_counts_not() -> Sequence[tuple[Any, str, Any]]:
    unanswered = Attempts._unanswered  # noqa: SLF001 - as above

    async def refused(
        self: Attempts, command: Claimed, error: Rejected | OutcomeUnknown, *, sent: bool = False
    ) -> str:
        """Treat a rejected look-up as a rejected write."""
        if isinstance(error, Rejected) and command.key.kind not in READINGS:
            return await self._rejected(command, error)
        return await unanswered(self, command, error, sent=sent)

    return [(Attempts, "_unanswered", refused)]


def _earlier_generations() -> Sequence[tuple[Any, str, Any]]:
    return [
        (claims, "_with_earlier", lambda _, claimed: list(claimed)),
        (marks, "is_of_another_generation", lambda *_: False),
    ]


def _earlier_lives() -> Sequence[tuple[Any, str, Any]]:
    needs_look_up = claims.needs_look_up

    def unless_restored(command: Claimed, timing: Timing, now: datetime) -> bool:
        return needs_look_up(command, replace(timing, began_at=None), now)

    return [(claims, "needs_look_up", unless_restored)]


def _stored_before_answered() -> Sequence[tuple[Any, str, Any]]:
    store = events_door.store

    async def answer_first(services: Any, records: Any, door: str) -> list[Received]:
        try:
            received: list[Received] = await store(services, records, door)
        except DatabaseUnavailable:
            return [Received("appended", 0) for _ in records]
        return received

    return [(events_door, "store", answer_first)]


def _version_identity() -> Sequence[tuple[Any, str, Any]]:
    events = observing._events  # noqa: SLF001 - as above

    def of_one_version(answer: Answer, version: ObjectVersion, now: datetime) -> Iterable[Event]:
        return events(answer, replace(version, row=replace(version.row, ordinal=1)), now)

    return [(observing, "_events", of_one_version)]


def _notice_position() -> Sequence[tuple[Any, str, Any]]:
    def remove(connection: sa.Connection, fetched: Collection[WaitingNotice]) -> None:
        """Delete the notices of objects that were fetched, also those that have arrived meanwhile."""
        keys = [(each.realm, each.entity, each.entity_id) for each in fetched]
        bulk.delete(connection, sync_notices, (c.realm, c.entity, c.entity_id), keys)

    c = sync_notices.c
    return [(notices, "remove", remove)]


def _version_of_an_update() -> Sequence[tuple[Any, str, Any]]:
    write = QuickBooksClient.write

    async def over_any_version(
        self: QuickBooksClient, realm: str, entity: str, body: bytes, request_id: str, **options: Any
    ) -> dict[str, Any]:
        """Write with the version that QuickBooks has by then, whatever the decision has seen."""
        fields = json.loads(body)
        if "Id" in fields:
            newest = await self.read(realm, entity, fields["Id"])
            body = json.dumps({**fields, "SyncToken": newest["SyncToken"]}).encode()
        return await write(self, realm, entity, body, request_id, **options)

    return [(QuickBooksClient, "write", over_any_version)]


def _customer_taken() -> Sequence[tuple[Any, str, Any]]:
    return [(target, "holders", lambda *_: iter(())) for target in (reviewed, customer_rules)]


def _newest_state() -> Sequence[tuple[Any, str, Any]]:
    return [(recording, "newest", StateStore)]


SAFEGUARDS: Sequence[Safeguard] = (
    Safeguard("unique_event_id", _unique_event_id),
    Safeguard("stable_request_id", _stable_request_id),
    Safeguard("frozen_body", _frozen_body, first=222, budget=400),
    Safeguard("look_up_before_retry", lambda: [(claims, "needs_look_up", lambda *_: False)]),
    Safeguard(
        "look_up_what_is_old", lambda: [(claims, "needs_look_up", lambda command, *_: command.uncertain)]
    ),
    Safeguard("settling_time", lambda: [(Attempts, "_settled_at", lambda *_: LONG_AGO)]),
    Safeguard("refused_read_is_no_answer", _refused_read_counts_not),
    Safeguard("earlier_generations", _earlier_generations, first=25, budget=200),
    Safeguard("earlier_lives", _earlier_lives, first=26, budget=200),
    Safeguard("company_paused", lambda: _without_effect(CompanyPaused), first=10),
    Safeguard("mark_on_adoption", lambda: [(marks, "is_own", lambda *_: True)]),
    Safeguard("sending_noted", _sending_noted),
    Safeguard("lease", lambda: [(Timing, "lease", timedelta(0))]),
    Safeguard("clocks_set_back", lambda: [(leases, "latest_end", lambda *_: FAR_OFF)], first=23, budget=120),
    Safeguard("fencing_token", _fencing_token, first=7, budget=200),
    Safeguard("in_flight_per_subject", _in_flight_per_subject),
    Safeguard("one_transaction", _one_transaction),
    Safeguard("checkpoint_compare_and_set", _checkpoint_compare_and_set, ("one_transaction",)),
    Safeguard("reconsidered_in_portions", lambda: [(reconsiderations, "queue", lambda *_: None)]),
    Safeguard("own_events_skipped", lambda: [(decide, "is_own", lambda _: False)]),
    Safeguard("revision_guard", lambda: [(deal_folds, "_is_newer", lambda *_: True)]),
    Safeguard("refresh_lock", lambda: [(tokens, "lease", lambda *_: True)], budget=120),
    Safeguard("stored_before_answered", _stored_before_answered),
    Safeguard(
        "dead_letters", lambda: [(intake, "store_letters", lambda _, letters, *__: [True] * len(letters))]
    ),
    Safeguard("one_dispatcher_per_realm", _one_dispatcher_per_realm),
    Safeguard("realm_paused", lambda: _without_effect(RateLimited)),
    Safeguard("pause_after_429", lambda: [(Pacing, "pause", lambda *_: None)]),
    Safeguard("version_identity", _version_identity),
    Safeguard("full_compare", lambda: [(sync_rows, "missed", lambda *_: ())], budget=120),
    Safeguard("older_version", lambda: [(versions, "is_older", lambda *_: False)], first=5, budget=120),
    Safeguard("notices_gathered", lambda: [(notices, "gather", lambda _, other: other)], first=5),
    Safeguard("notice_position", _notice_position, first=47, budget=120),
    Safeguard("lagging_query", lambda: [(notices, "looks_old", lambda *_: False)], first=7),
    Safeguard("customer_taken", _customer_taken),
    Safeguard("newest_decisions", _newest_state),
    Safeguard("rejected_pairs", lambda: [(Entry, "rejected_in", lambda *_: frozenset())], first=46),
    Safeguard(
        "decided_since_request",
        lambda: [(customer_folds, "_was_decided_since", lambda *_: False)],
        first=22,
        budget=120,
    ),
    Safeguard("version_of_an_update", _version_of_an_update),
    Safeguard("updates_superseded", lambda: [(command_table, "_is_unsent", lambda _: False)], first=10),
    Safeguard("changes_overlap", lambda: [(syncing, "OVERLAP", timedelta(0))], first=9),
)
BY_NAME = {safeguard.name: safeguard for safeguard in SAFEGUARDS}


@contextmanager
def without(names: Sequence[str]) -> Iterator[None]:
    """Remove safeguards, with those that mask them.

    Raises:
        KeyError: A safeguard does not exist.
    """
    chosen = dict.fromkeys(names)
    for name in names:
        chosen |= dict.fromkeys(BY_NAME[name].masked_by)
    with ExitStack() as stack:
        for name in chosen:
            for target, attribute, stand_in in BY_NAME[name].without():
                stack.enter_context(patch.object(target, attribute, stand_in))
        yield
