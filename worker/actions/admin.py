"""A person who acts in a workspace. Each action is an event with who did it; nothing else changes."""

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
    """An action does not fit; nothing was recorded.

    Attributes:
        reason: A stable code, such as `schema_invalid`.
        detail: One sentence for a person.
        field: What does not fit, such as `account_id`, if it is one thing.
    """

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.field = field


class Admin(Struct, frozen=True):
    """One person in one workspace, as whom every action is done.

    Attributes:
        database: The log.
        clock: What time it is.
        entropy: What ids are made of.
        workspace: Where the person acts.
        by: Who it is, such as `cli:ada`, as events name it.
    """

    database: Database
    clock: Clock
    entropy: Entropy
    workspace: str
    by: str

    @classmethod
    def of(cls, services: Services, workspace: str, by: str) -> Self:
        """Act through services that are open."""
        return cls(services.database, services.clock, services.entropy, workspace, by)

    async def say(
        self, event_type: str, fact: Fact, check: Callable[[sa.Connection, Event], None] | None = None
    ) -> int:
        """Append an event of what was done, unless `check` raises; return its position.

        Raises:
            ActionRefused: The event would break its contract.
        """
        event = self._event(event_type, fact)

        def append(connection: sa.Connection) -> int:
            if check is not None:
                check(connection, event)
            return log.append(connection, [event], event.time)[0].position

        return await self.database.transaction(append)

    def tell(self, connection: sa.Connection, event_type: str, fact: Fact) -> None:
        """Append an event of what was done, in the transaction that does it.

        Raises:
            ActionRefused: The event would break its contract.
        """
        event = self._event(event_type, fact)
        log.append(connection, [event], event.time)

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
    """Name the field whose text no database keeps."""
    return next((name for name, value in asdict(fact).items() if r"\u0000" in json.encode(value)), None)
