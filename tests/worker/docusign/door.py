"""Send signed messages to the worker's door as DocuSign does, and read their results."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx
import sqlalchemy as sa

from events.log import log
from events.log.tables import dead_letters
from tests.world import World
from worker.demo.doors import Secrets
from worker.docusign import watch
from worker.docusign.watch import Reception
from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.envelope import Envelope, Status
from worker.web.app import create_app

AT = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
DOCUMENT = "JVBERi0xLjcK" * 3


class Connect:
    """DocuSign Connect, configured for a workspace."""

    def __init__(self, world: World, http: httpx.AsyncClient, keys: Sequence[str]) -> None:
        self.world = world
        self.http = http
        self.keys = list(keys)

    async def send(self, body: Any, *keys: str, **headers: str) -> httpx.Response:
        """Send a message unchanged, signed with given keys or its own."""
        return await self.http.post(
            "/webhooks/docusign/acme", content=body, headers={**self.signed(body, *keys), **headers}
        )

    def signed(self, body: bytes, *keys: str) -> dict[str, str]:
        """Return the headers of a message."""
        return docusign.signature_headers(body, keys or self.keys)

    async def shown(self) -> Reception:
        """Return the reception as people see it."""
        return await self.world.services.database.read(watch.shown, "acme", self.world.clock.now())

    async def look(self) -> int:
        """Check the reception once, as the schedule does; return the number of appended events."""
        database, now = self.world.services.database, self.world.clock.now()
        found = await database.read(watch.changes, now)
        await database.transaction(log.append, found, now)
        await self.world.follow()
        return len(found)

    async def stored_letters(self) -> list[bytes]:
        """Return the stored content of dead letters."""
        statement = sa.select(dead_letters.c.raw).order_by(dead_letters.c.number)
        return await self.world.services.database.read(lambda c: list(c.scalars(statement)))


@asynccontextmanager
async def connected(world: World) -> AsyncIterator[Connect]:
    """Open the door of a workspace with the sandbox's keys."""
    secrets: Secrets = await world.add_workspace("acme")
    app: Any = create_app(world.services, world.gateway)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://worker.test",
        headers={"authorization": f"Bearer {secrets.token}"},
    ) as http:
        yield Connect(world, http, secrets.docusign_keys)


def message(status: Status = "completed", deal_id: str = "D-1", **summary: Any) -> dict[str, Any]:
    """Return a message with further parts of the envelope."""
    instants: dict[str, Any] = {} if status == "sent" else {f"{status}_at": AT}
    envelope = Envelope(str(uuid5(NAMESPACE_URL, deal_id)), deal_id, "bo@x.example", AT, **instants)
    written: dict[str, Any] = json.loads(docusign.message(envelope, status, AT))
    written["data"]["envelopeSummary"] |= summary
    return written


def encoded(status: Status = "completed", deal_id: str = "D-1", **summary: Any) -> bytes:
    """Return a message's bytes."""
    return json.dumps(message(status, deal_id, **summary)).encode()


def with_documents(size: int, status: Status = "completed", **changes: Any) -> bytes:
    """Return a message with a document of a number of characters."""
    documents = [
        {"documentId": "1", "name": "MSA.pdf", "type": "content", "PDFBytes": "JVBERi0x" * (size // 8)}
    ]
    return json.dumps({**message(status, envelopeDocuments=documents), **changes}).encode()
