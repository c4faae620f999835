"""DocuSign Connect messages as DocuSign sends them: signed over the raw body, in the form that its configuration chose."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape

import msgspec
from msgspec import Struct

Status = Literal["sent", "delivered", "completed", "declined", "voided"]
Form = Literal["sim", "aggregate", "xml"]
ACCOUNT = str(uuid5(NAMESPACE_URL, "docusign account"))
PDF = b"%PDF-1.7 a contract. "


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
    document_bytes: int = 0


class Configuration(Struct, frozen=True):
    """What a Connect configuration has messages be.

    Attributes:
        form: JSON SIM, an envelope as a whole (JSON, aggregated), or XML.
        envelope_data: Whether there is an `envelopeSummary`.
        custom_fields: Whether the custom fields are in it.
        documents: Whether the documents are in it, as `PDFBytes`; where an envelope has some.
    """

    form: Form = "sim"
    envelope_data: bool = True
    custom_fields: bool = True
    documents: bool = True


USUAL = Configuration()


def message(
    envelope: Envelope,
    status: Status,
    generated_at: datetime,
    retry_count: int = 0,
    *,
    event: str | None = None,
    configuration: Configuration = USUAL,
) -> bytes:
    """Write the message of an envelope's event; of its status unless another one is named."""
    summary = _summary(envelope, status, configuration)
    if configuration.form == "xml":
        return _xml(envelope, status, summary)
    uri = f"/restapi/v2.1/accounts/{ACCOUNT}/envelopes/{envelope.envelope_id}"
    if configuration.form == "aggregate":
        return msgspec.json.encode({**summary, "envelopeUri": uri, "documentsUri": f"{uri}/documents"})
    data: dict[str, Any] = {"accountId": ACCOUNT, "envelopeId": envelope.envelope_id}
    if configuration.envelope_data:
        data["envelopeSummary"] = summary
    return msgspec.json.encode(
        {
            "event": event or f"envelope-{status}",
            "apiVersion": "v2.1",
            "uri": uri,
            "retryCount": retry_count,
            "configurationId": 10418598,
            "generatedDateTime": _instant(generated_at),
            "data": data,
        }
    )


def signature_headers(
    body: bytes, keys: Sequence[str], content_type: str = "application/json"
) -> dict[str, str]:
    """Sign a body under each key."""
    signed = (base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode() for key in keys)
    return {
        "content-type": content_type,
        **({"x-authorization-digest": "HMACSHA256"} if keys else {}),
        **{f"X-DocuSign-Signature-{place}": signature for place, signature in enumerate(signed, start=1)},
    }


def _summary(envelope: Envelope, status: Status, configuration: Configuration) -> dict[str, Any]:
    instants = {
        "sentDateTime": envelope.sent_at,
        "deliveredDateTime": envelope.delivered_at,
        "completedDateTime": envelope.completed_at,
        "declinedDateTime": envelope.declined_at,
        "voidedDateTime": envelope.voided_at,
    }
    known = {name: _instant(instant) for name, instant in instants.items() if instant is not None}
    summary: dict[str, Any] = {
        "status": status,
        "emailSubject": f"Please sign: {envelope.deal_id}",
        "envelopeId": envelope.envelope_id,
        "createdDateTime": _instant(envelope.sent_at),
        **known,
        "statusChangedDateTime": list(known.values())[-1],
        "recipients": {"signers": [_signer(envelope, status)]},
    }
    if status == "voided":
        summary["voidedReason"] = envelope.reason
    if configuration.custom_fields:
        summary["customFields"] = {"textCustomFields": [{"name": "deal_id", "value": envelope.deal_id}]}
    if envelope.document_bytes and configuration.documents:
        summary["envelopeDocuments"] = [_document(envelope.document_bytes)]
    return summary


def _signer(envelope: Envelope, status: Status) -> dict[str, Any]:
    """Write the signer; one whose envelope was voided keeps the status that it had."""
    reached = "delivered" if envelope.delivered_at else "sent"
    signer: dict[str, Any] = {
        "email": envelope.signer,
        "name": envelope.signer.partition("@")[0],
        "status": reached if status == "voided" else status,
        "recipientId": "1",
        "recipientIdGuid": str(uuid5(NAMESPACE_URL, f"signer of {envelope.envelope_id}")),
        "sentDateTime": _instant(envelope.sent_at),
    }
    for name, instant in (
        ("deliveredDateTime", envelope.delivered_at),
        ("signedDateTime", envelope.completed_at),
        ("declinedDateTime", envelope.declined_at),
    ):
        if instant is not None:
            signer[name] = _instant(instant)
    if status == "declined":
        signer["declinedReason"] = envelope.reason
    return signer


def _document(size: int) -> dict[str, Any]:
    content = (PDF * (size // len(PDF) + 1))[:size]
    return {
        "documentId": "1",
        "documentIdGuid": str(uuid5(NAMESPACE_URL, "document")),
        "name": "MSA.pdf",
        "type": "content",
        "PDFBytes": base64.b64encode(content).decode(),
    }


def _xml(envelope: Envelope, status: Status, summary: dict[str, Any]) -> bytes:
    documents = "".join(
        f"<DocumentPDF><Name>{document['name']}</Name><PDFBytes>{document['PDFBytes']}</PDFBytes></DocumentPDF>"
        for document in summary.get("envelopeDocuments", ())
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<DocuSignEnvelopeInformation xmlns="http://www.docusign.net/API/3.0"><EnvelopeStatus>'
        f"<EnvelopeID>{escape(envelope.envelope_id)}</EnvelopeID><Status>{status.capitalize()}</Status>"
        f"<CustomFields><CustomField><Name>deal_id</Name><Value>{escape(envelope.deal_id)}</Value></CustomField>"
        f"</CustomFields></EnvelopeStatus><DocumentPDFs>{documents}</DocumentPDFs></DocuSignEnvelopeInformation>"
    ).encode()


def _instant(instant: datetime) -> str:
    instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond:06d}0Z"
