"""DocuSign Connect messages (JSON, one per event), read as contract events."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from events import catalog, identifiers, json
from events.contracts import ContractChanged
from events.envelope import Event, in_utc, own_event
from events.errors import Unusable
from events.values import Fact, Identifier

# Which Connect events concern a deal, and the instant in the envelope that says when.
_EVENTS = {
    "envelope-sent": (catalog.CONTRACT_SENT, "sentDateTime"),
    "envelope-delivered": (catalog.CONTRACT_DELIVERED, "deliveredDateTime"),
    "envelope-completed": (catalog.CONTRACT_SIGNED, "completedDateTime"),
    "envelope-declined": (catalog.CONTRACT_DECLINED, "declinedDateTime"),
    "envelope-voided": (catalog.CONTRACT_VOIDED, "voidedDateTime"),
}


class CustomField(Fact, frozen=True):
    """A custom field of an envelope."""

    name: str
    value: str | None = None


class CustomFields(Fact, frozen=True):
    """The custom fields of an envelope, by kind."""

    textCustomFields: tuple[CustomField, ...] | None = None  # noqa: N815 - DocuSign's spelling
    listCustomFields: tuple[CustomField, ...] | None = None  # noqa: N815 - DocuSign's spelling


def is_needed(message: Any) -> bool:
    """Say whether a message is about an envelope's own life; those of recipients change no deal."""
    return not isinstance(message, dict) or not str(message.get("event", "")).startswith(
        ("recipient-", "envelope-created", "envelope-resent", "envelope-corrected", "envelope-purge")
    )


def read_message(raw: bytes, *, workspace: str) -> Event:
    """Read a Connect message as a contract event.

    Its identity is the envelope, the event and its status time: a retry of the same message, whose
    `retryCount` and `generatedDateTime` differ, is the same event.

    Raises:
        Unusable: It can't be used; the reason and field say why.
    """
    message = json.parse(raw)
    kind = _text(message, "event")
    if kind not in _EVENTS:
        raise Unusable("type_unknown", f"DocuSign event {kind[:100]!r} is not known here", "event")
    event_type, status_time = _EVENTS[kind]
    data = _object(message, "data")
    summary = _object(data, "envelopeSummary", "data.envelopeSummary")
    envelope_id = _text(data, "envelopeId", "data.envelopeId")
    at = _instant(summary, (status_time, "statusChangedDateTime", "lastModifiedDateTime"))
    fact = ContractChanged(
        contract_id=envelope_id,
        deal_id=_deal_id(summary),
        at=at,
        reason=_reason(kind, summary),
        sent_at=_instant(summary, ("sentDateTime",)) if summary.get("sentDateTime") else None,
    )
    return own_event(
        event_type,
        fact,
        workspace=workspace,
        source=f"urn:docusign:{_account_id(data)}",
        time=at,
        id=f"{envelope_id}:{kind}:{at.isoformat()}",
    )


def _object(parent: Any, name: str, path: str | None = None) -> Mapping[str, Any]:
    value = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(value, dict):
        raise Unusable("schema_invalid", f"Expected an object at {path or name}", path or name)
    return value


def _text(parent: Any, name: str, path: str | None = None) -> str:
    value = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(value, str) or not value:
        raise Unusable("schema_invalid", f"Expected a text at {path or name}", path or name)
    return value


def _instant(summary: Mapping[str, Any], names: Iterable[str]) -> datetime:
    for name in names:
        value = summary.get(name)
        path = f"data.envelopeSummary.{name}"
        if not isinstance(value, str) or not value:
            continue
        try:
            instant = datetime.fromisoformat(value)
        except ValueError as error:
            raise Unusable("schema_invalid", f"Expected an instant at {path}", path) from error
        return in_utc(instant if instant.tzinfo else instant.replace(tzinfo=UTC), path)
    raise Unusable(
        "schema_invalid", "The envelope does not say when", "data.envelopeSummary.statusChangedDateTime"
    )


def _account_id(data: Mapping[str, Any]) -> str:
    given = data.get("accountId") or "unknown"
    try:
        account_id = json.convert(given, Identifier)
    except Unusable as error:
        raise Unusable("schema_invalid", f"{error.detail} at data.accountId", "data.accountId") from error
    identifiers.check_text(account_id, "data.accountId")
    return account_id


def _deal_id(summary: Mapping[str, Any]) -> str:
    path = "data.envelopeSummary.customFields"
    try:
        fields = json.convert(summary.get("customFields") or {}, CustomFields)
    except Unusable as error:
        place = f"{path}.{error.field}" if error.field else path
        raise Unusable("schema_invalid", error.detail, place) from error
    for field in (*(fields.textCustomFields or ()), *(fields.listCustomFields or ())):
        if field.name.strip().lower().replace(" ", "_") in {"deal_id", "dealid"} and field.value:
            return field.value
    raise Unusable(
        "deal_id_missing", "The envelope has no custom field deal_id, so its deal is not known", path
    )


def _reason(kind: str, summary: Mapping[str, Any]) -> str | None:
    if kind == "envelope-voided":
        reason = summary.get("voidedReason")
        return reason if isinstance(reason, str) else None
    if kind == "envelope-declined":
        recipients = summary.get("recipients")
        signers = recipients.get("signers") if isinstance(recipients, dict) else None
        listed = signers if isinstance(signers, list) else ()
        reasons = (signer.get("declinedReason") for signer in listed if isinstance(signer, dict))
        return next((reason for reason in reasons if isinstance(reason, str)), None)
    return None
