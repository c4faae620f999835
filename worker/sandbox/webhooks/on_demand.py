"""Messages on demand: signed, sent once, and the receiver's answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, uuid5

import httpx
import msgspec
from msgspec import Meta, Struct

from worker.sandbox.messages import Delivery, Reply, json_reply
from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.envelope import Envelope, Form, Status
from worker.sandbox.webhooks.receivers import InvalidDelivery, check_url
from worker.sandbox.webhooks.summary import Configuration

RECEIVER_SECONDS_MAX = 10.0
ANSWER_CHARACTERS_SHOWN = 2000
DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, Meta(tz=True)]


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """A message to send.

    Attributes:
        url: The receiver's address.
        kind: The sender.
        deal_id: The deal, a custom field of the envelope.
        status: The envelope's status.
        contract_id: The envelope's ID; by default one that follows from the deal's.
        key: The key that signs it instead of the sandbox's own; none does if it is empty.
        sent_at: When the envelope was sent; by default `at`.
        at: When it got its status; by default now.
        reason: Why it was declined or voided.
        retry_count: The number of earlier tries that the message claims.
        event: The event's name; by default that of the status.
        document_bytes: The size of the document in it; 0 for none.
        form: The form that the configuration chose.
        envelope_data: Whether the configuration includes the envelope's data.
        custom_fields: Whether it includes the custom fields.
        recipients: Whether it includes the recipients.
    """

    url: Name
    kind: Literal["docusign"]
    deal_id: Name
    status: Status
    contract_id: Name | None = None
    key: Annotated[str, Meta(max_length=200)] | None = None
    sent_at: Instant | None = None
    at: Instant | None = None
    reason: str | None = None
    retry_count: Annotated[int, Meta(ge=0)] = 0
    event: Name | None = None
    document_bytes: Annotated[int, Meta(ge=0, le=DOCUMENT_BYTES_MAX)] = 0
    form: Form = "sim"
    envelope_data: bool = True
    custom_fields: bool = True
    recipients: bool = True


def asked(body: bytes, keys: Sequence[str], now: datetime) -> Delivery:
    """Write and sign the message that a request's body asks for.

    Raises:
        InvalidDelivery: Its `url` is no address on the web, or the contract is sent after it is signed.
        msgspec.DecodeError: It is not in the form of `Asked`.
    """
    wanted = msgspec.json.decode(body, type=Asked)
    check_url(wanted.url)
    signing = keys if wanted.key is None else [wanted.key] if wanted.key else []
    message = docusign.message(
        _envelope(wanted, now),
        wanted.status,
        now,
        wanted.retry_count,
        event=wanted.event,
        configuration=Configuration(
            form=wanted.form,
            envelope_data=wanted.envelope_data,
            custom_fields=wanted.custom_fields,
            recipients=wanted.recipients,
        ),
    )
    return Delivery(wanted.url, docusign.signature_headers(message, signing, wanted.form), message)


async def deliver(delivery: Delivery, *, transport: httpx.AsyncBaseTransport | None = None) -> Reply:
    """Send a message once; answer with the receiver's `status` and words, 502 if it gave none."""
    timeout = httpx.Timeout(RECEIVER_SECONDS_MAX)
    async with httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False) as http:
        try:
            answer = await http.post(delivery.url, content=delivery.body, headers=delivery.headers)
        except httpx.HTTPError as error:
            problem = f"{delivery.url} did not answer: {type(error).__name__} {error}".strip()
            return json_reply(502, {"error": problem})
    return json_reply(200, {"status": answer.status_code, "answer": answer.text[:ANSWER_CHARACTERS_SHOWN]})


def _envelope(wanted: Asked, now: datetime) -> Envelope:
    at = wanted.at or now
    sent_at = wanted.sent_at or at
    if sent_at > at:
        raise InvalidDelivery(f"Expected an instant not after {at.isoformat()} - at `$.sent_at`")
    return Envelope(
        envelope_id=wanted.contract_id or str(uuid5(NAMESPACE_URL, f"envelope of {wanted.deal_id}")),
        deal_id=wanted.deal_id,
        signer="signer@customer.example",
        sent_at=at if wanted.status == "sent" else sent_at,
        delivered_at=at if wanted.status in {"delivered", "completed"} else None,
        completed_at=at if wanted.status == "completed" else None,
        declined_at=at if wanted.status == "declined" else None,
        voided_at=at if wanted.status == "voided" else None,
        reason=wanted.reason,
        document_bytes=wanted.document_bytes,
    )
