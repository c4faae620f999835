"""The demo's CRM, DocuSign and admin, which use the worker's real doors."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from random import Random
from typing import Any

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from events.clock import Clock
from worker.demo.story import StoryContract, Tale, Twist
from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.envelope import Envelope, Status
from worker.services import Services
from worker.workspaces import api_tokens, tenants
from worker.workspaces import docusign_keys as keys

RETRY_SECONDS = 0.2
TRIES_MAX = 100
DOCUMENT_BYTES = 100_000
BLANKS = ("", "", "", " ", "\t", "\N{NO-BREAK SPACE}", "\N{ZERO WIDTH SPACE}")
PREFIX = "com.coeffection."


class Secrets(Struct, frozen=True):
    """The secrets of the senders: the CRM's API token, and DocuSign's signing keys."""

    workspace: str
    token: str
    docusign_keys: tuple[str, ...]


async def open_workspace(services: Services, name: str, docusign_keys: Sequence[str]) -> Secrets:
    """Add a workspace with DocuSign's signing keys."""
    now = services.clock.now()
    token = api_tokens.new(services.entropy)
    await services.database.transaction(tenants.add, name, token, now)
    for key in docusign_keys:
        await services.database.transaction(keys.add, services.vault, name, key, now)
    return Secrets(name, token, tuple(docusign_keys))


class Doors:
    """Sends like a well-behaved producer: retries until the worker acknowledges, and sometimes sends twice."""

    def __init__(
        self, http: httpx.AsyncClient, clock: Clock, random: Random, *, url: str, secrets: Secrets
    ) -> None:
        self._http = http
        self._clock = clock
        self._random = random
        self._url = url
        self._workspace = secrets.workspace
        self._token = secrets.token
        self._docusign_keys = secrets.docusign_keys
        self.sent = 0

    async def connect(self, start_url: str, realm: str) -> None:
        """Consent in a browser: open our address, choose the company at Intuit, return with the cookie."""
        # A separate client, since the senders of events have no cookies.
        async with httpx.AsyncClient(timeout=self._http.timeout) as browser:
            start = await browser.get(start_url)
            consent = start.headers["location"]
            await browser.get(consent)
            answer = await browser.post(consent, data={"realm": realm, "decision": "allow"})
            callback = await browser.get(answer.headers["location"])
            callback.raise_for_status()

    async def api(self, path: str, body: dict[str, Any]) -> None:
        """Send a request to the API as an admin's script does."""
        await self._until_acknowledged(
            f"{self._url}/api/v1/{path}", msgspec.json.encode(body), {"content-type": "application/json"}
        )

    async def crm(self, kind: str, data: Sequence[dict[str, Any]]) -> None:
        """Send events of one type as a batch, and sometimes repeat the whole batch."""
        batch = [cloudevent(kind, item, self._workspace) for item in data]
        headers = {"content-type": "application/cloudevents-batch+json"}
        for _ in range(self._random.choice((1, 1, 2))):
            await self._until_acknowledged(f"{self._url}/events", msgspec.json.encode(batch), headers)
            self.sent += len(batch)

    async def contract(self, tale: Tale) -> None:
        """Send an envelope's messages as DocuSign does: with retries, and not always in order."""
        statuses = life(tale)
        if self._random.random() < 0.3:  # noqa: PLR2004 - Connect guarantees no order
            self._random.shuffle(statuses)
        for contract, status in statuses:
            envelope = as_people_make_it(envelope_of(tale, contract, status), self._random)
            for retry in range(self._random.choice((1, 1, 2))):
                body = docusign.message(envelope, status, self._clock.now(), retry)
                headers = docusign.signature_headers(body, self._docusign_keys)
                await self._until_acknowledged(
                    f"{self._url}/webhooks/docusign/{self._workspace}", body, headers
                )
                self.sent += 1

    async def _until_acknowledged(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        """Send until the worker acknowledges; it may be down for a moment, or answer with Retry-After."""
        headers = {"authorization": f"Bearer {self._token}", **headers}
        for _ in range(TRIES_MAX):
            try:
                answer = await self._http.post(url, content=body, headers=headers)
            except httpx.TransportError:
                await self._clock.sleep(RETRY_SECONDS)
                continue
            if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                await self._clock.sleep(float(answer.headers["retry-after"]))
                continue
            if answer.status_code < 500:  # noqa: PLR2004 - a 5xx asks for a retry
                answer.raise_for_status()
                return
            await self._clock.sleep(RETRY_SECONDS)
        raise httpx.ConnectError(f"{url} accepted no request in {TRIES_MAX} tries")


def cloudevent(
    kind: str, data: dict[str, Any], workspace: str, written_at: datetime | None = None
) -> dict[str, Any]:
    """Wrap a deal or an account in a CloudEvent as the CRM does; `written_at` is its time, which not every CRM sends."""
    subject = data.get("deal_id") or data["account_id"]
    return {
        **({"time": written_at.isoformat()} if written_at else {}),
        "specversion": "1.0",
        "id": f"{kind}-{subject}-{data['revision']}",
        "source": "https://crm.coeffection.example",
        "type": f"{PREFIX}{kind}",
        "subject": subject,
        "workspace": workspace,
        "data": data,
    }


def life(tale: Tale) -> list[tuple[StoryContract, Status]]:
    """Return the statuses of a deal's envelopes, in order."""
    return [(contract, status) for contract in tale.contracts for status in _statuses(tale.twist)]


def _statuses(twist: Twist) -> Sequence[Status]:
    if twist in {"draft", "won_by_crm", "edited_since"}:
        return ()
    if twist == "not_signed":
        return ("sent", "delivered")
    if twist == "declined":
        return ("sent", "declined")
    if twist == "voided":
        return ("sent", "voided")
    return ("sent", "delivered", "completed")


def as_people_make_it(envelope: Envelope, random: Random) -> Envelope:
    """Return an envelope with realistic flaws: documents in its messages, blanks around the deal's ID."""
    before, after = random.choice(BLANKS), random.choice(BLANKS)
    return replace(
        envelope,
        deal_id=f"{before}{envelope.deal_id}{after}",
        document_bytes=random.choice((0, 0, DOCUMENT_BYTES)),
    )


def envelope_of(tale: Tale, contract: StoryContract, status: Status) -> Envelope:
    """Return an envelope with a status."""
    return Envelope(
        envelope_id=contract.envelope_id,
        deal_id=tale.deal_id,
        signer="signer@customer.example",
        sent_at=contract.sent_at,
        delivered_at=contract.sent_at + timedelta(minutes=1) if status != "sent" else None,
        completed_at=contract.ended_at if status == "completed" else None,
        declined_at=contract.ended_at if status == "declined" else None,
        voided_at=contract.ended_at if status == "voided" else None,
        reason={"declined": "The price is too high", "voided": "Sent to the wrong person"}.get(status),
    )
