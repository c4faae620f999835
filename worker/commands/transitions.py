"""The outcomes of attempts, as data, and storing them: for many commands at once, each by its own lease.

Commands are changed before companies, then tokens are read, and the log comes last, each in one order: so a dispatcher that
stores outcomes and the process manager that adds commands wait for each other, and never deadlock.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract.envelope import Event
from events.database import bulk
from events.database.bulk import Row
from events.log import log
from worker.commands import companies, effects, outcomes
from worker.commands.claimed import Claimed
from worker.commands.claims import Timing
from worker.commands.companies import CompanyRow
from worker.commands.effects import (
    CompanyPaused,
    Disconnected,
    Effect,
    Kept,
    PauseOver,
    RateLimited,
    Served,
    TokenAccepted,
)
from worker.commands.table import commands
from worker.quickbooks import tokens


class Transition(Struct, frozen=True):
    """A change of a command, stored if the command's lease still holds.

    Attributes:
        command: The command as it was claimed.
        now: When this was decided.
        changes: Columns of the command.
        effect: The effect on the company, if there is one.
        event: The event to record.
        company_event: The event to record if the company stands at another gate, or at none, by the effect.
    """

    command: Claimed
    now: datetime
    changes: Row
    effect: Effect | None = None
    event: Event | None = None
    company_event: Event | None = None

    @property
    def is_over(self) -> bool:
        """Whether this transition ends the attempt."""
        return not isinstance(self.effect, Kept)


def sending(command: Claimed, timing: Timing, now: datetime) -> Transition:
    """Record that the command is sent now, and renew its lease."""
    changes = {
        "first_sent_at": command.first_sent_at or now,
        "last_sent_at": now,
        "leased_until": now + timing.lease,
        "sends": command.sends + 1,
    }
    return Transition(command, now, changes, Kept(command.holder, now))


def not_sent(
    command: Claimed,
    due_at: datetime,
    problem: str,
    now: datetime,
    *,
    look_ups: int = 0,
    event: Event | None = None,
) -> Transition:
    """Release the command: QuickBooks certainly did not apply a request of this attempt.

    `look_ups` is how many look-ups or readings in a row had no answer.
    """
    changes = {
        "status": "uncertain" if command.uncertain else "ready",
        "first_sent_at": command.first_sent_at,
        "last_sent_at": command.last_sent_at,
        "sends": command.sends,
        "look_ups": look_ups,
        "due_at": due_at,
        "waits_since": now,
        "problem": problem,
    }
    return _give_back(command, changes, now, event)


def uncertain(
    command: Claimed, *, due_at: datetime, problem: str, event: Event | None, now: datetime, look_ups: int = 0
) -> Transition:
    """Release the command with an unknown outcome; it is looked up before it is sent again."""
    changes = {
        "status": "uncertain",
        "due_at": due_at,
        "waits_since": now,
        "problem": problem,
        "look_ups": look_ups,
    }
    return _give_back(command, changes, now, event)


def finish(command: Claimed, event: Event, now: datetime, *, done: bool) -> Transition:
    """Record the outcome of the command, together with its event.

    Any outcome also shows that QuickBooks serves the company again, if it refused every request before.
    """
    changes = {
        "status": "done" if done else "rejected",
        "problem": None if done else event.payload.message,
        "look_ups": 0,
    }
    transition = _give_back(command, changes, now, event)
    if command.gate is None:
        over = command.paused_until
        return transition if over is None else replace(transition, effect=PauseOver(over))
    return replace(transition, effect=Served(), company_event=outcomes.company_served(command, now))


def hold_realm(
    command: Claimed, problem: str, *, until: datetime, refused_since: datetime | None, now: datetime
) -> Transition:
    """Release the command, and pause its whole realm until `until`."""
    effect = RateLimited(until, now, command.refused_since, refused_since)
    return replace(not_sent(command, until, problem, now), effect=effect)


def hold_company(
    command: Claimed, problem: str, event: Event, *, gate: str, until: datetime, now: datetime
) -> Transition:
    """Release the command, and stop all commands of its company at a gate until QuickBooks serves it again.

    `event` is recorded only if the company was not at this gate before.
    """
    transition = not_sent(command, until, problem, now, look_ups=command.look_ups)
    return replace(transition, effect=CompanyPaused(gate, until, now), company_event=event)


def disconnected(command: Claimed, problem: str, event: Event, now: datetime) -> Transition:
    """Release the command, and disconnect its realm until a person connects it again.

    If a person has done so since the claim, the command is only released.
    """
    return replace(not_sent(command, now, problem, now), effect=Disconnected(), event=event)


def store(connection: sa.Connection, transitions: Sequence[Transition]) -> list[bool]:
    """Store transitions, at most one for each lease.

    Returns:
        For each transition, whether its lease still held; if not, nothing of it is stored.
    """
    leases = _leases(connection, transitions)
    held = [(each.command.request_id, each.command.fence) in leases for each in transitions]
    stored = [each for each, holds in zip(transitions, held, strict=True) if holds]
    by_columns: dict[tuple[str, ...], list[Row]] = {}
    for each in stored:
        row = {"request_id": each.command.request_id, **each.changes}
        by_columns.setdefault(tuple(row), []).append(row)
    for rows in by_columns.values():
        bulk.update(connection, commands, rows)
    before = companies.lock(connection, {each.command.realm for each in stored if each.effect is not None})
    ended = {each.command.realm for each in stored if isinstance(each.effect, Disconnected)}
    expired, told = tokens.ended_among(connection, ended)
    after, events = _followed(before, stored, expired, told)
    companies.change(connection, before, after)
    tokens.mark_told(
        connection, {name for name in ended & before.keys() if after[name] != before[name]} - told
    )
    if events:
        log.append_own(connection, events, max(each.now for each in stored))
    return held


def _leases(connection: sa.Connection, transitions: Sequence[Transition]) -> set[tuple[str, int]]:
    """Lock the commands, and return the leases that hold, by request ID and fence."""
    columns = (commands.c.request_id, commands.c.fence, commands.c.status)
    key = (commands.c.request_id,)
    keys = dict.fromkeys((each.command.request_id,) for each in transitions)
    rows = bulk.lock(connection, columns, key, keys, key)
    return {(request_id, fence) for request_id, fence, status in rows if status == "leased"}


def _followed(
    before: dict[str, CompanyRow],
    transitions: Sequence[Transition],
    expired: Collection[str],
    told: Collection[str],
) -> tuple[dict[str, CompanyRow], list[Event]]:
    """Apply the effects to the companies in turn; return the companies and the events to record."""
    after, events = dict(before), []
    for each in transitions:
        company = after.get(each.command.realm)
        ends = isinstance(each.effect, Disconnected)
        if ends and not (company and _is_cut_off(company, each.command, expired)):
            continue
        if each.event is not None and not (ends and each.command.realm in told):
            events.append(each.event)
        if each.effect is not None and company is not None:
            after[each.command.realm] = changed = effects.applied(each.effect, company)
            if each.company_event is not None and changed.gate != company.gate:
                events.append(each.company_event)
    return after, events


def _is_cut_off(company: CompanyRow, command: Claimed, expired: Collection[str]) -> bool:
    """Return whether the error of a command still ends the connection: a person may have connected again since."""
    still_refused = command.refused_since is not None and company.refused_since == command.refused_since
    return company.connected and (company.realm in expired or still_refused)


def _give_back(command: Claimed, changes: Row, now: datetime, event: Event | None = None) -> Transition:
    """Release the lease. Unless the caller replaces the effect, the access token was accepted: refusals are counted anew."""
    effect = TokenAccepted() if command.refused_since is not None else None
    return Transition(command, now, {**changes, "leased_until": None}, effect, event)
