"""Read DocuSign Connect's messages (JSON SIM: one message for each event) as contract events.

Messages often contain the signed documents, even if that was switched off. The documents are never decoded: only the needed
fields are read, and a stored message has no documents.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from events.contract import catalog, identifiers, json
from events.contract.contracts import ContractChanged
from events.contract.envelope import Event, in_utc, own_event
from events.contract.values import Fact, Identifier
from events.errors import InvalidEvent

COMPLETED = "envelope-completed"
# The Connect events that concern a deal, with the envelope's fields for their instant.
_EVENTS = {
    "envelope-sent": (catalog.CONTRACT_SENT, "sentDateTime"),
    "envelope-delivered": (catalog.CONTRACT_DELIVERED, "deliveredDateTime"),
    COMPLETED: (catalog.CONTRACT_SIGNED, "completedDateTime"),
    "envelope-declined": (catalog.CONTRACT_DECLINED, "declinedDateTime"),
    "envelope-voided": (catalog.CONTRACT_VOIDED, "voidedDateTime"),
}
# Documented events that change no deal. An envelope that its sender deleted or removed from a folder keeps its status: if
# it can no longer be signed, DocuSign also reports that it was voided.
_MEANINGLESS = frozenset(
    f"envelope-{name}"
    for name in (
        *("created", "resent", "corrected", "purge", "deleted", "discard", "removed", "reminder-sent"),
        *("expiration-reminder-sent", "documents-updated", "modified", "locked", "unlocked", "transferred"),
    )
)
_OF_OTHERS = ("recipient-", "template-", "click-", "clickwrap-", "account-", "user-", "document-", "tab-")
_ALSO_BEFORE_JSON = b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n"
_CHOOSE = "in DocuSign's Connect configuration, choose JSON SIM (send individual messages)"

TEXT_BYTES_KEPT_MAX = 4096
REST_OBJECTS_MAX = 250_000  # without the documents; a tab is one, of some forty values
REST_VALUES_MAX = 1_000_000
_DOCUMENTS = (
    (re.compile(rb'("PDFBytes"\s*:\s*")[^"]+'), rb"\1"),
    (re.compile(rb"(<PDFBytes[^<>]*>)[^<]+"), rb"\1"),
)
_OF_EACH_SENDING = (
    (re.compile(rb'("retryCount"\s*:\s*)"?[0-9]+"?'), rb"\g<1>0"),
    (re.compile(rb'("generatedDateTime"\s*:\s*")[^"]*'), rb"\1"),
)
# A document, whatever its field: no other text is that long without a blank. Lines of base64 are wrapped, in JSON by escapes.
_UNBROKEN = b"x" * TEXT_BYTES_KEPT_MAX
_SHAPE = bytes(
    ord("x") if chr(code).isascii() and (chr(code).isalnum() or chr(code) in "+/=_-\\\r\n") else ord(" ")
    for code in range(256)
)


class CustomField(Fact, frozen=True):
    """A custom field of an envelope."""

    name: str | None = None
    value: str | None = None


class CustomFields(Fact, frozen=True):
    """The custom fields of an envelope, by kind."""

    textCustomFields: tuple[CustomField, ...] | None = None  # noqa: N815 - DocuSign's spelling
    listCustomFields: tuple[CustomField, ...] | None = None  # noqa: N815 - DocuSign's spelling


class Summary(Struct, frozen=True):
    """The fields of an envelope that are read; others, including documents, are skipped."""

    status: Any = None
    sentDateTime: Any = None  # noqa: N815 - DocuSign's spelling
    deliveredDateTime: Any = None  # noqa: N815 - as above
    completedDateTime: Any = None  # noqa: N815 - as above
    declinedDateTime: Any = None  # noqa: N815 - as above
    voidedDateTime: Any = None  # noqa: N815 - as above
    statusChangedDateTime: Any = None  # noqa: N815 - as above
    lastModifiedDateTime: Any = None  # noqa: N815 - as above
    customFields: Any = None  # noqa: N815 - as above
    voidedReason: Any = None  # noqa: N815 - as above
    recipients: Raw = Raw(b"null")


class Data(Struct, frozen=True):
    """The data of a message: its envelope."""

    accountId: Any = None  # noqa: N815 - DocuSign's spelling
    envelopeId: Any = None  # noqa: N815 - as above
    envelopeSummary: Summary | None = None  # noqa: N815 - as above


class ConnectMessage(Struct, frozen=True):
    """The fields of a Connect message that are read."""

    event: Any = None
    data: Data | None = None

    @property
    def is_needed(self) -> bool:
        """Whether the message can change a deal; documented events that can't are skipped."""
        event = str(self.event)
        return event not in _MEANINGLESS and not event.startswith(_OF_OTHERS)

    @property
    def is_completed(self) -> bool:
        """Whether the message says that an envelope is completed."""
        return bool(self.event == COMPLETED)

    @property
    def tells_of_a_completion(self) -> bool:
        """Whether a recipient's message shows a completed envelope, so that the envelope's own message has to follow."""
        summary = self.data.envelopeSummary if self.data else None
        completed = summary is not None and summary.status == "completed"
        return completed and bool(self.event == "recipient-completed")


class _OtherForm(Struct, frozen=True):
    """The top-level fields of a message that is an envelope instead of an event."""

    envelopeId: Any = None  # noqa: N815 - DocuSign's spelling
    envelopeUri: Any = None  # noqa: N815 - as above
    documentsUri: Any = None  # noqa: N815 - as above
    statusChangedDateTime: Any = None  # noqa: N815 - as above
    DocuSignEnvelopeInformation: Any = None
    envelopes: Any = None


def parse(raw: bytes) -> ConnectMessage:
    """Decode a message.

    Raises:
        InvalidEvent: With reason `format_unsupported` if it has another of DocuSign's formats, or as `json.decode` does.
    """
    start = raw[: len(raw) - len(raw.lstrip(_ALSO_BEFORE_JSON)) + 1]
    if start.endswith(b"<"):
        raise InvalidEvent("format_unsupported", f"The message is XML, which is unsupported: {_CHOOSE}")
    if start.endswith(b"["):
        raise InvalidEvent("format_unsupported", f"The message is a list of messages: {_CHOOSE}")
    text = raw.removeprefix(b"\xef\xbb\xbf")
    message = json.decode(text, ConnectMessage)
    if message.event is None and any(msgspec.structs.astuple(json.decode(text, _OtherForm))):
        raise InvalidEvent(
            "format_unsupported",
            f"The message is a whole envelope without an event: {_CHOOSE}",
        )
    return message


def read_message(raw: bytes, *, workspace: str) -> Event:
    """Read a Connect message as a contract event.

    Its identity is the envelope, the event and its status time: a retry of the same message, with another
    `retryCount` and `generatedDateTime`, is the same event.

    Raises:
        InvalidEvent: The message can't become an event; the reason and field say why.
    """
    return contract_event(parse(raw), workspace=workspace)


def contract_event(message: ConnectMessage, *, workspace: str) -> Event:
    """Return the contract event of a message.

    Raises:
        InvalidEvent: The message can't become an event; the reason and field say why.
    """
    kind = _text(message.event, "event")
    if kind not in _EVENTS:
        raise InvalidEvent("type_unknown", f"Unknown DocuSign event {kind[:100]!r}", "event")
    event_type, status_time = _EVENTS[kind]
    if message.data is None:
        raise InvalidEvent("schema_invalid", "Expected an object at data", "data")
    summary = message.data.envelopeSummary
    if summary is None:
        raise InvalidEvent(
            "envelope_data_missing",
            "The message has no envelope data, so its deal is unknown: include it in DocuSign's Connect"
            " configuration, with Custom Fields",
            "data.envelopeSummary",
        )
    envelope_id = _text(message.data.envelopeId, "data.envelopeId")
    at = _instant(summary, (status_time, "statusChangedDateTime", "lastModifiedDateTime"))
    fact = ContractChanged(
        contract_id=envelope_id,
        deal_id=_deal_id(summary),
        at=at,
        reason=_reason(kind, summary),
        sent_at=_instant(summary, ("sentDateTime",)) if summary.sentDateTime else None,
    )
    return own_event(
        event_type,
        fact,
        workspace=workspace,
        source=f"urn:docusign:{_account_id(message.data)}",
        time=at,
        id=f"{envelope_id}:{kind}:{at.isoformat()}",
    )


def without_documents(raw: bytes) -> bytes:
    """Return a message without its documents, for storing; a message without documents is returned unchanged."""
    for document, emptied in _DOCUMENTS:
        raw = document.sub(emptied, raw)
    shape = raw.translate(_SHAPE)
    kept, place = [], 0
    while (found := shape.find(_UNBROKEN, place)) >= 0:
        kept.append(raw[place:found])
        place = shape.find(b" ", found)
        if place < 0:
            return b"".join(kept)
        while raw[place - 1] == ord("\\"):
            place -= 1  # it escapes the next character
    return b"".join((*kept, raw[place:])) if kept else raw


def check_rest(rest: bytes) -> None:
    """Check the size of a message without its documents, before it is decoded.

    Raises:
        InvalidEvent: With reason `too_large`.
    """
    if rest.count(b"{") + rest.count(b"[") > REST_OBJECTS_MAX or rest.count(b",") > REST_VALUES_MAX:
        raise InvalidEvent(
            "too_large",
            f"Without its documents, a message can have at most {REST_OBJECTS_MAX} objects and lists and"
            f" {REST_VALUES_MAX} values: in DocuSign's Connect configuration, leave out data that no invoice needs, such as"
            " tabs",
        )


def without_repetition(raw: bytes) -> bytes:
    """Return a message without the fields that differ with each retry, so that its dead letter is stored once and counted."""
    for differing, same in _OF_EACH_SENDING:
        raw = differing.sub(same, raw, count=1)
    return raw


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidEvent("schema_invalid", f"Expected a text at {path}", path)
    return value


def _instant(summary: Summary, names: Iterable[str]) -> datetime:
    for name in names:
        value = getattr(summary, name)
        path = f"data.envelopeSummary.{name}"
        if not isinstance(value, str) or not value:
            continue
        try:
            instant = datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidEvent("schema_invalid", f"Expected an instant at {path}", path) from error
        return in_utc(instant if instant.tzinfo else instant.replace(tzinfo=UTC), path)
    raise InvalidEvent(
        "schema_invalid", "The envelope has no instant", "data.envelopeSummary.statusChangedDateTime"
    )


def _account_id(data: Data) -> str:
    given = data.accountId or "unknown"
    try:
        account_id = json.convert(given, Identifier)
    except InvalidEvent as error:
        raise InvalidEvent("schema_invalid", f"{error.detail} at data.accountId", "data.accountId") from error
    identifiers.check_text(account_id, "data.accountId")
    return account_id


def _deal_id(summary: Summary) -> str:
    path = "data.envelopeSummary.customFields"
    if summary.customFields is None:
        raise InvalidEvent(
            "deal_id_missing",
            "The message has no custom fields, so its deal is unknown: include them in DocuSign's Connect configuration",
            path,
        )
    try:
        fields = json.convert(summary.customFields, CustomFields)
    except InvalidEvent as error:
        place = f"{path}.{error.field}" if error.field else path
        raise InvalidEvent("schema_invalid", error.detail, place) from error
    for field in (*(fields.textCustomFields or ()), *(fields.listCustomFields or ())):
        name = identifiers.trimmed(field.name or "").lower().replace(" ", "_")
        deal_id = identifiers.trimmed(
            field.value or ""
        )  # people type it, or paste it with surrounding blanks
        if name in {"deal_id", "dealid"} and deal_id:
            return deal_id
    raise InvalidEvent(
        "deal_id_missing", "The envelope has no custom field deal_id, so its deal is unknown", path
    )


def _reason(kind: str, summary: Summary) -> str | None:
    """Return why an envelope was voided or declined; an invalid reason does not invalidate the message."""
    given: Any = None
    if kind == "envelope-voided":
        given = summary.voidedReason
    elif kind == "envelope-declined":
        recipients = json.decode(bytes(summary.recipients), Any)
        signers = recipients.get("signers") if isinstance(recipients, Mapping) else None
        listed = signers if isinstance(signers, list) else ()
        reasons = (signer.get("declinedReason") for signer in listed if isinstance(signer, Mapping))
        given = next((reason for reason in reasons if isinstance(reason, str)), None)
    return given.replace("\0", "") if isinstance(given, str) else None
