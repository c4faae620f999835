"""A person who acts in a workspace. Each action only appends an event, which names the person."""

from collections.abc import Callable
from typing import Self

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from events.clock import Clock, Entropy
from events.contract import identifiers, json
from events.contract.envelope import Event, own_event
from events.contract.values import Fact
from events.database.port import Database
from events.errors import InvalidEvent, UserError
from events.log import log
from worker.services import Services

SOURCE = "urn:coeffection:administration"


class ActionRefused(UserError):
    """An action was refused; nothing was recorded.

    Attributes:
        reason: A stable code, such as `schema_invalid`.
        detail: One sentence for a person.
        field: The field of the request that is wrong, such as `account_id`, if it is a single one.
    """

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.field = field


class Admin(Struct, frozen=True):
    """One person in one workspace; every action is done in this person's name.

    Attributes:
        database: The database with the log.
        clock: The clock of the events' times.
        entropy: The source of the events' IDs.
        workspace: The workspace in which the person acts.
        by: The person's name in events, such as `cli:ada`.
    """

    database: Database
    clock: Clock
    entropy: Entropy
    workspace: str
    by: str

    @classmethod
    def of(cls, services: Services, workspace: str, by: str) -> Self:
        """Return a person who acts through open services."""
        return cls(services.database, services.clock, services.entropy, workspace, by)

    async def say(
        self, event_type: str, fact: Fact, check: Callable[[sa.Connection, Event], None] | None = None
    ) -> int:
        """Append the event of an action, unless `check` raises; return its position.

        Raises:
            ActionRefused: The event would break its contract.
        """
        event = self._event(event_type, fact)

        def append(connection: sa.Connection) -> int:
            if check is not None:
                check(connection, event)
            return log.append(connection, [event], event.time)[0].position

        return await self.database.transaction(append)

    def tell(self, connection: sa.Connection, event_type: str, fact: Fact) -> int:
        """Append the event of an action, in the same transaction as the action; return its position.

        Raises:
            ActionRefused: The event would break its contract.
        """
        event = self._event(event_type, fact)
        return log.append(connection, [event], event.time)[0].position

    def _event(self, event_type: str, fact: Fact) -> Event:
        now = self.clock.now()
        try:
            event = own_event(
                event_type,
                fact,
                workspace=self.workspace,
                source=SOURCE,
                time=now,
                id=str(self.entropy.uuid7(now)),
            )
            identifiers.check(event.payload, event.data.encode())
        except InvalidEvent as error:
            raise ActionRefused(error.reason, error.detail, error.field or _unstorable(fact)) from error
        return event


def _unstorable(fact: Fact) -> str | None:
    """Return the field with a NUL character, which PostgreSQL can't store; None if there is none."""
    return next((name for name, value in asdict(fact).items() if r"\u0000" in json.encode(value)), None)
