"""DocuSign Connect messages as DocuSign sends them: JSON, one an event, signed over the raw body."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import msgspec
from msgspec import Struct

Status = Literal["sent", "delivered", "completed", "declined", "voided"]
ACCOUNT = str(uuid5(NAMESPACE_URL, "docusign account"))


class Envelope(Struct, frozen=True):
    """A contract out for signature, with the instants that it has so far."""

    envelope_id: str
    deal_id: str
    signer: str
    sent_at: datetime
    delivered_at: datetime | None = None
    completed_at: datetime | None = None
    declined_at: datetime | None = None
    voided_at: datetime | None = None
    reason: str | None = None


def message(envelope: Envelope, status: Status, generated_at: datetime, retry_count: int = 0) -> bytes:
    """Write the message of an envelope's event."""
    instants = {
        "sentDateTime": envelope.sent_at,
        "deliveredDateTime": envelope.delivered_at,
        "completedDateTime": envelope.completed_at,
        "declinedDateTime": envelope.declined_at,
        "voidedDateTime": envelope.voided_at,
    }
    known = {name: _instant(instant) for name, instant in instants.items() if instant is not None}
    signer: dict[str, Any] = {
        "email": envelope.signer,
        "name": envelope.signer.partition("@")[0],
        "status": status,
        "recipientId": "1",
    }
    summary: dict[str, Any] = {
        "status": status,
        "emailSubject": f"Please sign: {envelope.deal_id}",
        "envelopeId": envelope.envelope_id,
        "createdDateTime": _instant(envelope.sent_at),
        **known,
        "statusChangedDateTime": list(known.values())[-1],
        "customFields": {"textCustomFields": [{"name": "deal_id", "value": envelope.deal_id}]},
        "recipients": {"signers": [signer]},
    }
    if status == "voided":
        summary["voidedReason"] = envelope.reason
    if status == "declined":
        signer["declinedReason"] = envelope.reason
    return msgspec.json.encode(
        {
            "event": f"envelope-{status}",
            "apiVersion": "v2.1",
            "uri": f"/restapi/v2.1/accounts/{ACCOUNT}/envelopes/{envelope.envelope_id}",
            "retryCount": retry_count,
            "configurationId": 10418598,
            "generatedDateTime": _instant(generated_at),
            "data": {"accountId": ACCOUNT, "envelopeId": envelope.envelope_id, "envelopeSummary": summary},
        }
    )


def signature_headers(body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """Sign a body under each key."""
    signed = (base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode() for key in keys)
    return {
        "content-type": "application/json",
        **{f"X-DocuSign-Signature-{place}": signature for place, signature in enumerate(signed, start=1)},
    }


def _instant(instant: datetime) -> str:
    instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond:06d}0Z"
