"""A contract out for signature: an envelope with its signers, and the instants that both have so far."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Status = Literal["sent", "delivered", "completed", "declined", "voided"]
EnvelopeStatus = Literal["created"] | Status
SignerStatus = Literal["created", "sent", "delivered", "completed", "declined"]
Form = Literal["sim", "aggregate", "xml"]


class Signer(Struct, frozen=True):
    """A recipient who has to sign; those with the lowest routing order come first."""

    recipient_id: str
    name: str
    email: str
    routing_order: int = 1
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    signed_at: datetime | None = None
    declined_at: datetime | None = None
    declined_reason: str | None = None

    @property
    def status(self) -> SignerStatus:
        """How far the signer is; it stays when the envelope is voided."""
        if self.declined_at:
            return "declined"
        if self.signed_at:
            return "completed"
        if self.delivered_at:
            return "delivered"
        return "sent" if self.sent_at else "created"


class Envelope(Struct, frozen=True):
    """An envelope.

    Attributes:
        envelope_id: Its ID.
        deal_id: The deal, a custom field.
        signer: The signer's e-mail address, if `signers` is empty. The signer then has the envelope's instants.
        sent_at: When it was sent; None for a draft.
        delivered_at: When the last signer opened it.
        completed_at: When the last signer signed it.
        declined_at: When a signer declined it.
        voided_at: When the sender voided it, or it expired.
        reason: Why it was declined or voided.
        document_bytes: The size of its document; 0 if it has none.
        created_at: When it was drafted; by default when it was sent.
        modified_at: When it last changed; by default with its status.
        subject: The subject of its e-mails.
        signers: Its signers.
    """

    envelope_id: str
    deal_id: str
    signer: str
    sent_at: datetime | None
    delivered_at: datetime | None = None
    completed_at: datetime | None = None
    declined_at: datetime | None = None
    voided_at: datetime | None = None
    reason: str | None = None
    document_bytes: int = 0
    created_at: datetime | None = None
    modified_at: datetime | None = None
    subject: str | None = None
    signers: tuple[Signer, ...] = ()

    @property
    def status(self) -> EnvelopeStatus:
        """The status by the instants."""
        if self.voided_at:
            return "voided"
        if self.declined_at:
            return "declined"
        if self.completed_at:
            return "completed"
        if self.delivered_at:
            return "delivered"
        return "sent" if self.sent_at else "created"
