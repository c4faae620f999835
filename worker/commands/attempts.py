"""One attempt at a command: looked up where it may be in the books, sent if it is not, and what came of it stored.

An outcome belongs to the request that was answered: a refused write is a definite no, a refused read says nothing
about a write.
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
from worker.commands.kinds.all import CREATES, READINGS
from worker.commands.transitions import Transition
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import (
    DUPLICATE_DOC_NUMBER,
    DUPLICATE_NAME,
    NotSent,
    OutcomeUnknown,
    QuickBooksError,
    Rejected,
)

# So often is a command sent with an outcome that is not known, and then looked up and not found, until a person is
# asked: QuickBooks fails at some documents each time.
SENDS_MAX = 10


class Attempts(Struct, frozen=True):
    """What an attempt needs. `store` stores a transition, and raises `LeaseLost` if the command is another's by now."""

    clock: Clock
    client: QuickBooksClient
    timing: Timing
    store: Callable[[Transition], Awaitable[None]]

    async def make(self, command: Claimed) -> str:
        """Make one attempt; return what came of it, in a word.

        Raises:
            LeaseLost: The command is another's by now.
            DatabaseUnavailable: What came of it could not be stored; it is looked up once its lease has run out.
        """
        try:
            if command.key.kind in READINGS:
                return await self._finish(command, await readings.read(self.client, command, self.clock))
            if not self._is_noted(command) and (outcome := await self._looked_up(command)):
                return outcome
        except (Rejected, OutcomeUnknown) as error:
            return await self._unanswered(command, error)
        except QuickBooksError as error:
            return await self._failed(command, error, sent=False)
        return await self._send(command)

    async def _looked_up(self, command: Claimed) -> str | None:
        """Look whether QuickBooks has it, where it may; return what that came to, None if it is to be sent.

        Raises:
            QuickBooksError: It can't be told.
        """
        if not claims.needs_look_up(command, self.timing, self.clock.now()):
            return None
        found = await lookup.find(self.client, command)
        if found is not None:
            return await self._created(command, found, adopted=True)
        now, settled_at = self.clock.now(), self._settled_at(command)
        if command.uncertain and settled_at > now:
            # It may still be applied: not found is not final yet.
            await self.store(transitions.not_sent(command, settled_at, "being looked up", now))
            return "settling"
        return await self._given_up(command) if command.sends >= SENDS_MAX else None

    def _settled_at(self, command: Claimed) -> datetime:
        """Return when what was sent can't be applied any more; what failed often is sent again ever more seldom."""
        pause = timedelta(seconds=retry.pause_seconds(command.sends) if command.sends > 1 else 0)
        return (command.last_sent_at or command.cause_at) + self.timing.settle + pause

    async def _send(self, command: Claimed) -> str:
        try:
            entity = await self.client.create(
                command.realm,
                CREATES[command.key.kind].entity,
                command.body.encode(),
                command.request_id,
                before_sending=functools.partial(self._note, command),
            )
            return await self._created(command, entity, adopted=False)
        except Rejected as error:
            return await self._rejected(command, error)
        except QuickBooksError as error:
            return await self._failed(command, error, sent=True)

    async def _note(self, command: Claimed) -> None:
        """Have it written down that a command is sent now, since its turn may come long after it was claimed.

        Raises:
            LeaseLost: It is another's by now.
            NotSent: Writing it down took so long that it may be another's by now, as where this process was stopped.
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
        """Say whether it was written down just now that it is sent; else its lease has to prove to hold still."""
        if command.noted_at is None:
            return False
        return abs((self.clock.now() - command.noted_at).total_seconds()) < self.timing.request_seconds

    async def _created(self, command: Claimed, entity: Entity, *, adopted: bool) -> str:
        return await self._finish(
            command, outcomes.created(command, entity, self.clock.now(), adopted=adopted)
        )

    async def _finish(self, command: Claimed, event: Event) -> str:
        done = event.type != catalog.COMMAND_REJECTED
        await self.store(transitions.finish(command, event, self.clock.now(), done=done))
        return event.type.removeprefix(catalog.PREFIX)

    async def _rejected(self, command: Claimed, error: Rejected) -> str:
        """A name or number is taken, perhaps by ourselves; anything else waits for a person."""
        message, holder = error.explanation, None
        if error.code in {DUPLICATE_DOC_NUMBER, DUPLICATE_NAME}:
            try:
                found = await lookup.find(self.client, command)
                if found is not None:
                    return await self._created(command, found, adopted=True)
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

    async def _given_up(self, command: Claimed) -> str:
        """Ask a person about what QuickBooks fails at each time; it answered that it has nothing of it."""
        problem = f"{command.problem or 'no answer'}, {command.sends} times"
        event = outcomes.rejected(command, self.clock.now(), gate="quickbooks_fails_at_it", message=problem)
        return await self._finish(command, event)

    async def _unanswered(
        self, command: Claimed, error: Rejected | OutcomeUnknown, *, sent: bool = False
    ) -> str:
        """Ask again later, each time later, and say so: who does not answer says neither that it is there nor not."""
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
        # A hiccup is no news; that QuickBooks refuses is, and so is what goes on.
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
