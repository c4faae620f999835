"""DocuSign Connect messages as DocuSign sends them: signed over the raw body, in the form that the configuration chose."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

import msgspec
from msgspec import Struct

from worker.sandbox.webhooks.envelope import Envelope, EnvelopeStatus, Form
from worker.sandbox.webhooks.summary import ACCOUNT, SENDER, USUAL, Configuration, envelope_summary, instant

# DocuSign documents no user agent of Connect; receivers can't rely on this one.
USER_AGENT = "DocuSign-Connect"


class ConnectEvent(Struct, frozen=True):
    """An event of an envelope.

    Attributes:
        name: Its name, such as "envelope-sent".
        at: When it happened.
        envelope: The envelope after it.
        recipient_id: The recipient of a `recipient-*` event.
    """

    name: str
    at: datetime
    envelope: Envelope
    recipient_id: str | None = None


def message(
    envelope: Envelope,
    status: EnvelopeStatus,
    generated_at: datetime,
    retry_count: int = 0,
    *,
    event: str | None = None,
    recipient_id: str | None = None,
    configuration: Configuration = USUAL,
) -> bytes:
    """Write the message of an envelope's event, by default the event of its status."""
    summary = envelope_summary(envelope, status, configuration)
    if configuration.form == "xml":
        return _xml(envelope, status, summary)
    uri = f"/restapi/v2.1/accounts/{ACCOUNT}/envelopes/{envelope.envelope_id}"
    if configuration.form == "aggregate":
        return msgspec.json.encode({**summary, "envelopeUri": uri, "documentsUri": f"{uri}/documents"})
    data: dict[str, Any] = {
        "accountId": ACCOUNT,
        "userId": SENDER["userId"],
        "envelopeId": envelope.envelope_id,
    }
    if recipient_id is not None:
        data["recipientId"] = recipient_id
    if configuration.envelope_data:
        data["envelopeSummary"] = summary
    return msgspec.json.encode(
        {
            "event": event or f"envelope-{status}",
            "apiVersion": "v2.1",
            "uri": uri,
            "retryCount": retry_count,
            "configurationId": configuration.identifier,
            "generatedDateTime": instant(generated_at),
            "data": data,
        }
    )


def signature_headers(body: bytes, keys: Sequence[str], form: Form = "sim") -> dict[str, str]:
    """Return the headers of a message, with its signature under each key."""
    signed = (base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode() for key in keys)
    return {
        "content-type": "text/xml; charset=utf-8" if form == "xml" else "application/json",
        "user-agent": USER_AGENT,
        **({"x-authorization-digest": "HMACSHA256"} if keys else {}),
        **{f"X-DocuSign-Signature-{place}": signature for place, signature in enumerate(signed, start=1)},
    }


def _xml(envelope: Envelope, status: EnvelopeStatus, summary: dict[str, Any]) -> bytes:
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
