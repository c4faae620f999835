"""The summary of an envelope in a Connect message: as much of it as the configuration includes."""

import base64
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from msgspec import Struct

from worker.sandbox.webhooks.envelope import Envelope, EnvelopeStatus, Form, Signer

ACCOUNT = str(uuid5(NAMESPACE_URL, "docusign account"))
SENDER = {
    "userName": "Sam Sender",
    "userId": str(uuid5(NAMESPACE_URL, "docusign user")),
    "accountId": ACCOUNT,
    "email": "sam@sender.example",
}
FIRST_CONFIGURATION = 10418598
PDF = b"%PDF-1.7 a contract. "


class Configuration(Struct, frozen=True):
    """The choices of a Connect configuration.

    Attributes:
        form: JSON SIM, an envelope as a whole (JSON, aggregated), or XML.
        envelope_data: Whether there is an `envelopeSummary`.
        custom_fields: Whether it has the custom fields.
        documents: Whether it has the documents, as `PDFBytes`, if the envelope has some.
        recipients: Whether it has the recipients.
        identifier: The number of the configuration.
    """

    form: Form = "sim"
    envelope_data: bool = True
    custom_fields: bool = True
    documents: bool = True
    recipients: bool = True
    identifier: int = FIRST_CONFIGURATION


USUAL = Configuration()


def envelope_summary(
    envelope: Envelope, status: EnvelopeStatus, configuration: Configuration = USUAL
) -> dict[str, Any]:
    """Write the summary of an envelope with a status."""
    created = envelope.created_at or envelope.sent_at
    instants = {
        "sentDateTime": envelope.sent_at,
        "deliveredDateTime": envelope.delivered_at,
        "completedDateTime": envelope.completed_at,
        "declinedDateTime": envelope.declined_at,
        "voidedDateTime": envelope.voided_at,
    }
    known = _known({"createdDateTime": created, **instants})
    changed = list(known.values())[-1]
    summary: dict[str, Any] = {
        "status": status,
        "emailSubject": envelope.subject or f"Please sign: {envelope.deal_id}",
        "envelopeId": envelope.envelope_id,
        **known,
        "statusChangedDateTime": changed,
        "lastModifiedDateTime": instant(envelope.modified_at) if envelope.modified_at else changed,
        "sender": SENDER,
        "purgeState": "unpurged",
    }
    if configuration.recipients:
        summary["recipients"] = {"signers": _signers(envelope, status)}
    if status == "voided":
        summary["voidedReason"] = envelope.reason
    if configuration.custom_fields:
        summary["customFields"] = {"textCustomFields": [{"name": "deal_id", "value": envelope.deal_id}]}
    if envelope.document_bytes and configuration.documents:
        summary["envelopeDocuments"] = [_document(envelope.document_bytes)]
    return summary


def instant(at: datetime) -> str:
    """Write an instant as DocuSign does, with seven decimals."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}0Z"


def _known(instants: dict[str, datetime | None]) -> dict[str, str]:
    return {name: instant(at) for name, at in instants.items() if at is not None}


def _signers(envelope: Envelope, status: EnvelopeStatus) -> list[dict[str, Any]]:
    if envelope.signers:
        return [_signer(envelope, signer, signer.status) for signer in envelope.signers]
    # The one signer has the envelope's status, but keeps an earlier one if the envelope is voided.
    reached = "delivered" if envelope.delivered_at else "sent"
    only = Signer(
        recipient_id="1",
        name=envelope.signer.partition("@")[0],
        email=envelope.signer,
        sent_at=envelope.sent_at,
        delivered_at=envelope.delivered_at,
        signed_at=envelope.completed_at,
        declined_at=envelope.declined_at,
        declined_reason=envelope.reason if status == "declined" else None,
    )
    return [_signer(envelope, only, reached if status == "voided" else status)]


def _signer(envelope: Envelope, signer: Signer, status: str) -> dict[str, Any]:
    written: dict[str, Any] = {
        "email": signer.email,
        "name": signer.name,
        "status": status,
        "recipientId": signer.recipient_id,
        "recipientIdGuid": str(
            uuid5(NAMESPACE_URL, f"signer {signer.recipient_id} of {envelope.envelope_id}")
        ),
        "routingOrder": str(signer.routing_order),
        **_known(
            {
                "sentDateTime": signer.sent_at,
                "deliveredDateTime": signer.delivered_at,
                "signedDateTime": signer.signed_at,
                "declinedDateTime": signer.declined_at,
            }
        ),
    }
    if status == "declined":
        written["declinedReason"] = signer.declined_reason
    return written


def _document(size: int) -> dict[str, Any]:
    content = (PDF * (size // len(PDF) + 1))[:size]
    return {
        "documentId": "1",
        "documentIdGuid": str(uuid5(NAMESPACE_URL, "document")),
        "name": "MSA.pdf",
        "type": "content",
        "PDFBytes": base64.b64encode(content).decode(),
    }
