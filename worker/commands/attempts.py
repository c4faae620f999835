"""One attempt at a command: look it up if QuickBooks may already have applied it, send it if not, store the outcome.

An outcome belongs to the request that was answered: a refused write was definitely not applied, while a refused read
leaves open whether an earlier write was.
"""

import functools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from msgspec import Struct

from events.clock import Clock
from events.contract import catalog
from events.contract.envelope import Event
from worker.commands import claims, lookup, namesakes, outcomes, readings, retry, transitions
from worker.commands.claimed import Claimed
from worker.commands.claims import Timing
from worker.commands.entities import Entity
from worker.commands.kinds.all import READINGS, UPDATES, WRITES
from worker.commands.transitions import Transition
from worker.commands.updates import Overtaken
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import (
    DUPLICATE_DOC_NUMBER,
    DUPLICATE_NAME,
    STALE_OBJECT,
    NotSent,
    OutcomeUnknown,
    QuickBooksError,
    Rejected,
)

# After so many sends with an unknown outcome, each followed by a look-up that found nothing, a person is asked:
# QuickBooks fails at some documents each time.
SENDS_MAX = 10
# Refusals that our own request may have caused, which was applied without an answer.
_MAY_BE_OURS = frozenset({DUPLICATE_DOC_NUMBER, DUPLICATE_NAME, STALE_OBJECT})


class Attempts(Struct, frozen=True):
    """Makes attempts at commands.

    `store` stores a transition; it raises `LeaseLost` if another dispatcher has claimed the command since.
    """

    clock: Clock
    client: QuickBooksClient
    timing: Timing
    store: Callable[[Transition], Awaitable[None]]

    async def make(self, command: Claimed) -> str:
        """Make one attempt; return its outcome in one word.

        Raises:
            LeaseLost: Another dispatcher has claimed the command since.
            DatabaseUnavailable: The outcome could not be stored; the command is looked up after its lease has expired.
        """
        try:
            return await self._read_or_looked_up(command) or await self._send(command)
        except Overtaken as error:
            return await self._overtaken(command, error)

    async def _read_or_looked_up(self, command: Claimed) -> str | None:
        try:
            if command.key.kind in READINGS:
                return await self._finish(command, await readings.read(self.client, command, self.clock))
            return None if self._is_noted(command) else await self._looked_up(command)
        except (Rejected, OutcomeUnknown) as error:
            return await self._unanswered(command, error)
        except QuickBooksError as error:
            return await self._failed(command, error, sent=False)

    async def _looked_up(self, command: Claimed) -> str | None:
        """Look the command up if QuickBooks may already have applied it.

        Returns:
            The outcome of the attempt in one word; None if the command still has to be sent.

        Raises:
            Overtaken: It is an update that can't be applied any more.
            QuickBooksError: The look-up has no result.
        """
        if not claims.needs_look_up(command, self.timing, self.clock.now()):
            return None
        found = await lookup.find(self.client, command)
        if found is not None:
            return await self._succeeded(command, found, adopted=True)
        now, settled_at = self.clock.now(), self._settled_at(command)
        if command.uncertain and settled_at > now:
            # QuickBooks may still apply the request: "not found" is not final yet.
            await self.store(transitions.not_sent(command, settled_at, "being looked up", now))
            return "settling"
        return await self._given_up(command) if command.sends >= SENDS_MAX else None

    def _settled_at(self, command: Claimed) -> datetime:
        """Return when QuickBooks can no longer apply the last request, plus a pause that grows with each failed send."""
        pause = timedelta(seconds=retry.pause_seconds(command.sends) if command.sends > 1 else 0)
        return (command.last_sent_at or command.cause_at) + self.timing.settle + pause

    async def _send(self, command: Claimed) -> str:
        try:
            entity = await self.client.write(
                command.realm,
                WRITES[command.key.kind].entity,
                command.body.encode(),
                command.request_id,
                before_sending=functools.partial(self._note, command),
            )
            return await self._succeeded(command, entity, adopted=False)
        except Rejected as error:
            return await self._rejected(command, error)
        except QuickBooksError as error:
            return await self._failed(command, error, sent=True)

    async def _note(self, command: Claimed) -> None:
        """Store, right before the request, that the command is sent now: the claim may be much older.

        Raises:
            LeaseLost: Another dispatcher has claimed the command since.
            NotSent: Storing it took so long that another dispatcher may have claimed the command since, for example
                because this process was stopped for a while.
        """
        if self._is_noted(command):
            return
        began = self.clock.monotonic()
        await self.store(transitions.sending(command, self.timing, self.clock.now()))
        if not self._is_in_time(began):
            raise NotSent("Recording the attempt took too long")

    def _is_in_time(self, began: float) -> bool:
        return self.clock.monotonic() - began < self.timing.request_seconds

    def _is_noted(self, command: Claimed) -> bool:
        """Return whether its claim stored, only just now, that it is sent; if not, its lease has to be checked first."""
        if command.noted_at is None:
            return False
        return abs((self.clock.now() - command.noted_at).total_seconds()) < self.timing.request_seconds

    async def _succeeded(self, command: Claimed, entity: Entity, *, adopted: bool) -> str:
        return await self._finish(
            command, outcomes.succeeded(command, entity, self.clock.now(), adopted=adopted)
        )

    async def _finish(self, command: Claimed, event: Event) -> str:
        done = event.type != catalog.COMMAND_REJECTED
        await self.store(transitions.finish(command, event, self.clock.now(), done=done))
        return event.type.removeprefix(catalog.PREFIX)

    async def _rejected(self, command: Claimed, error: Rejected) -> str:
        """Store a refusal, for a person to act on, unless its cause is that our own request was applied.

        Raises:
            Overtaken: It is an update that can't be applied any more.
        """
        message, holder = error.explanation, None
        if error.code in _MAY_BE_OURS:
            try:
                found = await lookup.find(self.client, command)
                if found is not None:
                    return await self._succeeded(command, found, adopted=True)
                if error.code != STALE_OBJECT:
                    holder = await namesakes.holder(self.client, command)
            except (Rejected, OutcomeUnknown) as refused:
                return await self._unanswered(command, refused, sent=True)
            except QuickBooksError as lookup_error:
                return await self._failed(command, lookup_error, sent=False)
            if holder is not None:
                message = f"{message} ({holder.entity} {holder.id} has it)"
        event = outcomes.rejected(
            command,
            self.clock.now(),
            gate=retry.GATE_OF_CODE.get(error.code, "rejected_by_quickbooks"),
            message=message,
            code=error.code,
            intuit_tid=error.intuit_tid,
            holder=holder,
        )
        return await self._finish(command, event)

    async def _overtaken(self, command: Claimed, error: Overtaken) -> str:
        """Store that an update can't be applied any more: it is decided anew by the version that QuickBooks has."""
        event = outcomes.rejected(
            command,
            self.clock.now(),
            gate=UPDATES[command.key.kind].stale_gate,
            message=error.explanation,
            code=error.code,
        )
        return await self._finish(command, event)

    async def _given_up(self, command: Claimed) -> str:
        """Ask a person about a command that QuickBooks fails at each time, and that a look-up did not find."""
        problem = f"{command.problem or 'no answer'}, {command.sends} times"
        event = outcomes.rejected(command, self.clock.now(), gate="quickbooks_fails_at_it", message=problem)
        return await self._finish(command, event)

    async def _unanswered(
        self, command: Claimed, error: Rejected | OutcomeUnknown, *, sent: bool = False
    ) -> str:
        """Retry a look-up or reading without an answer, after a pause that grows; a refusal or a lasting failure is recorded.

        Without an answer, the object may be in QuickBooks or not.
        """
        now, look_ups = self.clock.now(), command.look_ups + 1
        due_at = now + timedelta(seconds=retry.pause_seconds(look_ups))
        if command.key.kind in READINGS:
            await self.store(readings.again(command, error, due_at, now))
            return "not_read"
        refused = isinstance(error, Rejected)
        problem = (
            f"look-up refused: {error.explanation}"
            if isinstance(error, Rejected)
            else f"look-up failed: {error}"
        )
        # A single failure is not worth an event; a refusal is, and so is a failure that lasts.
        is_news = (refused or look_ups >= lookup.OTHER_FORMS_AFTER) and problem != command.problem
        event = outcomes.uncertain(command, now, problem, look_up_refused=True) if is_news else None
        if sent:
            transition = transitions.uncertain(
                command, due_at=due_at, problem=problem, event=event, now=now, look_ups=look_ups
            )
        else:
            transition = transitions.not_sent(command, due_at, problem, now, look_ups=look_ups, event=event)
        await self.store(transition)
        return "unanswered"

    async def _failed(self, command: Claimed, error: QuickBooksError, *, sent: bool) -> str:
        now = self.clock.now()
        match retry.after(error, command, now, self.timing, sent=sent):
            case retry.LookUp(at):
                event = None if command.uncertain else outcomes.uncertain(command, now, str(error))
                await self.store(
                    transitions.uncertain(command, due_at=at, problem=str(error), event=event, now=now)
                )
                return "uncertain"
            case retry.HoldRealm(until, refused_since):
                await self.store(
                    transitions.hold_realm(
                        command, str(error), until=until, refused_since=refused_since, now=now
                    )
                )
                return "realm_held"
            case retry.HoldCompany(until, gate, message):
                refused = outcomes.company_refused(command, now, gate=gate, message=message)
                await self.store(
                    transitions.hold_company(command, str(error), refused, gate=gate, until=until, now=now)
                )
                return "company_refused"
            case retry.Disconnect(reason):
                expired = outcomes.connection_expired(command, now, reason)
                await self.store(transitions.disconnected(command, str(error), expired, now))
                return "connection_expired"
            case retry.TryAgain(at) if command.key.kind in READINGS:
                await self.store(readings.again(command, error, at, now))
                return "not_read"
            case retry.TryAgain(at):
                await self.store(
                    transitions.not_sent(command, at, str(error), now, look_ups=command.look_ups)
                )
                return "not_sent"
