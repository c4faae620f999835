"""The envelopes that the sandbox keeps, and the life of one: each step yields the events that Connect sends."""

from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import replace

from worker.sandbox.webhooks.docusign import ConnectEvent
from worker.sandbox.webhooks.envelope import Envelope, Signer

EXPIRED = "Envelope has expired."
DELETED = "Envelope was deleted."
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Step = Literal["send", "deliver", "complete", "decline", "void", "correct", "resend", "expire", "delete"]
# The names of events, each with the ID of its recipient if it is a recipient's.
Names = list[tuple[str, str | None]]
Stepped = tuple[Envelope, Names]


class StepRefused(Exception):
    """The envelope is not in a status, or has no signer, for this step."""


class SignerWish(Struct, frozen=True, forbid_unknown_fields=True):
    """A signer of a new envelope."""

    name: Text
    email: Text
    routing_order: Annotated[int, Meta(ge=1)] = 1


class EnvelopeWish(Struct, frozen=True, forbid_unknown_fields=True):
    """An envelope to create: as a draft, or sent at once."""

    deal_id: Text
    signers: Annotated[tuple[SignerWish, ...], Meta(min_length=1)] = (
        SignerWish("Sally Signer", "sally@signer.example"),
    )
    status: Literal["created", "sent"] = "sent"
    envelope_id: Text | None = None
    subject: Text | None = None
    document_bytes: Annotated[int, Meta(ge=0, le=64 * 1024 * 1024)] = 0


class StepWish(Struct, frozen=True, forbid_unknown_fields=True):
    """The details of a step.

    Attributes:
        recipient_id: The signer who opens, signs, declines or is corrected; by default the next one who can.
        reason: Why the envelope is declined or voided.
        name: The signer's corrected name.
        email: The signer's corrected address.
    """

    recipient_id: Text | None = None
    reason: Text = "The terms are wrong"
    name: Text | None = None
    email: Text | None = None


class Envelopes:
    """The envelopes of a DocuSign account, by ID."""

    def __init__(self, random: Random) -> None:
        self.all: dict[str, Envelope] = {}
        self._random = random

    def create(self, wish: EnvelopeWish, now: datetime) -> tuple[str, list[ConnectEvent]]:
        """Create an envelope; return its ID and the events.

        Raises:
            StepRefused: There is an envelope with its ID.
        """
        envelope_id = wish.envelope_id or str(UUID(int=self._random.getrandbits(128), version=4))
        if envelope_id in self.all:
            raise StepRefused(f"There is an envelope {envelope_id}")
        signers = tuple(
            Signer(str(place), signer.name, signer.email, signer.routing_order)
            for place, signer in enumerate(wish.signers, start=1)
        )
        draft = Envelope(
            envelope_id,
            wish.deal_id,
            signers[0].email,
            sent_at=None,
            document_bytes=wish.document_bytes,
            created_at=now,
            subject=wish.subject,
            signers=signers,
        )
        self.all[envelope_id] = draft
        created = ConnectEvent("envelope-created", now, draft)
        sent = self.take(envelope_id, "send", StepWish(), now) if wish.status == "sent" else []
        return envelope_id, [created, *sent]

    def take(self, envelope_id: str, step: Step, wish: StepWish, now: datetime) -> list[ConnectEvent]:
        """Let an envelope take a step; return the events.

        Raises:
            StepRefused: It can't.
        """
        stepped, names = _STEPS[step](self.all[envelope_id], wish, now)
        envelope = replace(stepped, modified_at=now)
        if step == "delete":
            del self.all[envelope_id]
        else:
            self.all[envelope_id] = envelope
        return [ConnectEvent(name, now, envelope, recipient_id) for name, recipient_id in names]


def _send(envelope: Envelope, _: StepWish, now: datetime) -> Stepped:
    _check(envelope, "created")
    signers, names = _invited(envelope.signers, now)
    return replace(envelope, sent_at=now, signers=signers), [("envelope-sent", None), *names]


def _deliver(envelope: Envelope, wish: StepWish, now: datetime) -> Stepped:
    """Have a signer open the envelope. It is delivered when all have."""
    _check(envelope, "sent", "delivered")
    signer = _signer(envelope, wish, lambda one: one.status == "sent")
    opened = _with(envelope, replace(signer, delivered_at=now))
    names: Names = [("recipient-delivered", signer.recipient_id)]
    if all(one.delivered_at for one in opened.signers):
        opened = replace(opened, delivered_at=now)
        names.append(("envelope-delivered", None))
    return opened, names


def _complete(envelope: Envelope, wish: StepWish, now: datetime) -> Stepped:
    """Have a signer open the envelope, if that is still to do, and sign it. It is completed when all have."""
    _check(envelope, "sent", "delivered")
    signer = _signer(envelope, wish, lambda one: one.status in {"sent", "delivered"})
    names: Names = []
    if signer.status == "sent":
        envelope, names = _deliver(envelope, replace(wish, recipient_id=signer.recipient_id), now)
    [opened] = (one for one in envelope.signers if one.recipient_id == signer.recipient_id)
    signed = _with(envelope, replace(opened, signed_at=now))
    names = [*names, ("recipient-completed", signer.recipient_id)]
    if all(one.signed_at for one in signed.signers):
        return replace(signed, completed_at=now), [*names, ("envelope-completed", None)]
    if any(one.status in {"sent", "delivered"} for one in signed.signers):
        return signed, names
    signers, invited = _invited(signed.signers, now)
    return replace(signed, signers=signers), [*names, *invited]


def _decline(envelope: Envelope, wish: StepWish, now: datetime) -> Stepped:
    _check(envelope, "sent", "delivered")
    signer = _signer(envelope, wish, lambda one: one.status in {"sent", "delivered"})
    declined = _with(envelope, replace(signer, declined_at=now, declined_reason=wish.reason))
    return replace(declined, declined_at=now, reason=wish.reason), [
        ("recipient-declined", signer.recipient_id),
        ("envelope-declined", None),
    ]


def _void(envelope: Envelope, wish: StepWish, now: datetime) -> Stepped:
    _check(envelope, "sent", "delivered")
    return replace(envelope, voided_at=now, reason=wish.reason), [("envelope-voided", None)]


def _expire(envelope: Envelope, wish: StepWish, now: datetime) -> Stepped:
    return _void(envelope, replace(wish, reason=EXPIRED), now)


def _correct(envelope: Envelope, wish: StepWish, _: datetime) -> Stepped:
    """Correct the name or address of a signer who has not signed."""
    _check(envelope, "sent", "delivered")
    signer = _signer(envelope, wish, lambda one: not one.signed_at)
    corrected = replace(signer, name=wish.name or signer.name, email=wish.email or signer.email)
    return _with(envelope, corrected), [("envelope-corrected", None)]


def _resend(envelope: Envelope, _: StepWish, __: datetime) -> Stepped:
    _check(envelope, "sent", "delivered")
    waiting = (one.recipient_id for one in envelope.signers if one.status in {"sent", "delivered"})
    return envelope, [("envelope-resent", None), *(("recipient-resent", one) for one in waiting)]


def _delete(envelope: Envelope, wish: StepWish, now: datetime) -> Stepped:
    """Delete an envelope: a draft is discarded, and an envelope that could still be signed is voided first."""
    if envelope.status == "created":
        return envelope, [("envelope-discard", None)]
    names: Names = []
    if envelope.status in {"sent", "delivered"}:
        envelope, names = _void(envelope, replace(wish, reason=DELETED), now)
    return envelope, [*names, ("envelope-deleted", None)]


_STEPS: dict[Step, Callable[[Envelope, StepWish, datetime], Stepped]] = {
    "send": _send,
    "deliver": _deliver,
    "complete": _complete,
    "decline": _decline,
    "void": _void,
    "correct": _correct,
    "resend": _resend,
    "expire": _expire,
    "delete": _delete,
}


def _check(envelope: Envelope, *statuses: str) -> None:
    if envelope.status not in statuses:
        raise StepRefused(f"The envelope is {envelope.status}, not {' or '.join(statuses)}")


def _signer(envelope: Envelope, wish: StepWish, able: Callable[[Signer], bool]) -> Signer:
    """Return the chosen signer, or the first who is able."""
    for signer in envelope.signers:
        if able(signer) and wish.recipient_id in {None, signer.recipient_id}:
            return signer
    raise StepRefused("No such signer can do that now")


def _with(envelope: Envelope, changed: Signer) -> Envelope:
    signers = (changed if one.recipient_id == changed.recipient_id else one for one in envelope.signers)
    return replace(envelope, signers=tuple(signers))


def _invited(signers: Iterable[Signer], now: datetime) -> tuple[tuple[Signer, ...], Names]:
    """Send the envelope to the next signers in the routing order."""
    signers = tuple(signers)
    order = min(one.routing_order for one in signers if not one.sent_at)
    invited = tuple(
        replace(one, sent_at=now) if not one.sent_at and one.routing_order == order else one
        for one in signers
    )
    names: Names = [
        ("recipient-sent", after.recipient_id)
        for before, after in zip(signers, invited, strict=True)
        if after != before
    ]
    return invited, names
