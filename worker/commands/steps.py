"""What attempts come to, as data, and how it is stored: for many commands at once, each by its own lease.

Commands are changed before companies, then tokens are looked at, and the log comes last, each in one order:
who stores an outcome and who decides about new commands wait for each other, and never deadlock.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from events.contract.envelope import Event
from events.database import bulk
from events.database.statements import Row
from events.log import log
from worker.commands import companies, outcomes
from worker.commands.claims import Claimed, Timing
from worker.commands.companies import Company
from worker.commands.table import commands
from worker.quickbooks import tokens


class Step(Struct, frozen=True):
    """What is to be stored of a command, if its lease still holds.

    Attributes:
        command: As it was claimed.
        now: When this was decided.
        changes: Columns of the command.
        company: What it means for the company; None if nothing.
        event: What the log is to say.
        company_event: What the log is to say if the company is changed by it.
        is_over: Whether the attempt ends with it.
        leaves_alone: Whether nothing is claimed of the company for a while.
        cuts_off: Whether it ends the connection, unless somebody has connected anew since.
    """

    command: Claimed
    now: datetime
    changes: Row
    company: Callable[[Company], Company] | None = None
    event: Event | None = None
    company_event: Event | None = None
    is_over: bool = True
    leaves_alone: bool = False
    cuts_off: bool = False


def sending(command: Claimed, timing: Timing, now: datetime) -> Step:
    """Write down that the command is about to be sent, and renew the lease for it."""
    changes = {
        "first_sent_at": command.first_sent_at or now,
        "last_sent_at": now,
        "leased_until": now + timing.lease,
        "sends": command.sends + 1,
    }

    def keep(company: Company) -> Company:
        return companies.kept(company, command.holder, now)

    return Step(command, now, changes, keep, is_over=False)


def not_sent(
    command: Claimed,
    due_at: datetime,
    problem: str,
    now: datetime,
    *,
    look_ups: int = 0,
    event: Event | None = None,
) -> Step:
    """Give the command back: this attempt certainly never reached QuickBooks' books.

    `look_ups` is how many times in a row QuickBooks did not say whether it has it.
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
) -> Step:
    """Give the command back with an unknown outcome; nobody sends it before it was looked up."""
    changes = {
        "status": "uncertain",
        "due_at": due_at,
        "waits_since": now,
        "problem": problem,
        "look_ups": look_ups,
    }
    return _give_back(command, changes, now, event)


def finish(command: Claimed, event: Event, now: datetime, *, done: bool) -> Step:
    """Store the outcome and the event that says so, together.

    Whatever it is, QuickBooks serves the company again where it refused all of it before.
    """
    changes = {
        "status": "done" if done else "rejected",
        "problem": None if done else event.payload.message,
        "look_ups": 0,
    }
    step = _give_back(command, changes, now, event)
    if command.gate is None:
        return step

    def serve(company: Company) -> Company:
        return replace(company, gate=None, gate_since=None, refused_since=None)

    return replace(step, company=serve, company_event=outcomes.company_served(command, now))


def hold_realm(
    command: Claimed, problem: str, *, until: datetime, refused_since: datetime | None, now: datetime
) -> Step:
    """Give the command back, and leave its whole realm alone until then.

    Where somebody connected anew since it was claimed, refusals are counted from there on.
    """

    def leave_alone(company: Company) -> Company:
        unchanged = company.refused_since == command.refused_since
        since = refused_since if unchanged else company.refused_since
        return replace(company, not_before=until, waits_since=now, refused_since=since)

    return replace(not_sent(command, until, problem, now), company=leave_alone, leaves_alone=True)


def hold_company(
    command: Claimed, problem: str, event: Event, *, gate: str, until: datetime, now: datetime
) -> Step:
    """Give the command back, and stop at a gate whatever is for its company, until QuickBooks takes it again.

    Only `event`'s gate is news: that it is still refused is none.
    """

    def shut(company: Company) -> Company:
        since = company.gate_since if company.gate == gate else now
        return replace(
            company, not_before=until, waits_since=now, gate=gate, gate_since=since, refused_since=None
        )

    step = not_sent(command, until, problem, now, look_ups=command.look_ups)
    return replace(step, company=shut, company_event=event, leaves_alone=True)


def disconnected(command: Claimed, problem: str, event: Event, now: datetime) -> Step:
    """Give the command back, and serve its realm no more until somebody connects it again.

    Where somebody has done so since it was claimed, the command is just given back.
    """

    def cut_off(company: Company) -> Company:
        return replace(company, connected=False, refused_since=None)

    return replace(not_sent(command, now, problem, now), company=cut_off, event=event, cuts_off=True)


def store(connection: sa.Connection, steps: Sequence[Step]) -> list[bool]:
    """Store steps, at most one a lease; say of each whether its lease still held. If not, it changes nothing."""
    leases = _leases(connection, steps)
    held = [(step.command.request_id, step.command.fence) in leases for step in steps]
    stored = [step for step, holds in zip(steps, held, strict=True) if holds]
    by_columns: dict[tuple[str, ...], list[Row]] = {}
    for step in stored:
        row = {"request_id": step.command.request_id, **step.changes}
        by_columns.setdefault(tuple(row), []).append(row)
    for rows in by_columns.values():
        bulk.update(connection, commands, rows)
    before = companies.lock(connection, {step.command.realm for step in stored if step.company is not None})
    expired = tokens.expired_among(connection, {step.command.realm for step in stored if step.cuts_off})
    after, events = _followed(before, stored, expired)
    companies.change(connection, before, after)
    if events:
        log.append_own(connection, events, max(step.now for step in stored))
    return held


def _leases(connection: sa.Connection, steps: Sequence[Step]) -> set[tuple[str, int]]:
    """Return which leases hold, by request id and fence; they hold until the transaction ends."""
    columns = (commands.c.request_id, commands.c.fence, commands.c.status)
    key = (commands.c.request_id,)
    keys = dict.fromkeys((step.command.request_id,) for step in steps)
    rows = bulk.lock(connection, columns, key, keys, key)
    return {(request_id, fence) for request_id, fence, status in rows if status == "leased"}


def _followed(
    before: dict[str, Company], steps: Sequence[Step], expired: Collection[str]
) -> tuple[dict[str, Company], list[Event]]:
    """Let steps change companies one after the other; return those and what the log is to say."""
    after, events = dict(before), []
    for step in steps:
        company = after.get(step.command.realm)
        if step.cuts_off and not (company and _is_cut_off(company, step.command, expired)):
            continue
        if step.event is not None:
            events.append(step.event)
        if step.company is not None and company is not None:
            after[step.command.realm] = changed = step.company(company)
            if step.company_event is not None and changed.gate != company.gate:
                events.append(step.company_event)
    return after, events


def _is_cut_off(company: Company, command: Claimed, expired: Collection[str]) -> bool:
    """Say whether what a command met still ends the connection: a person may have connected anew since."""
    still_refused = command.refused_since is not None and company.refused_since == command.refused_since
    return company.connected and (company.realm in expired or still_refused)


def _give_back(command: Claimed, changes: Row, now: datetime, event: Event | None = None) -> Step:
    """End the lease. Whatever came of the attempt, if it was not a refused token the count begins anew."""
    company = _not_refused if command.refused_since is not None else None
    return Step(command, now, {**changes, "leased_until": None}, company, event)


def _not_refused(company: Company) -> Company:
    return replace(company, refused_since=None)
