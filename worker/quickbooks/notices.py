"""Read Intuit's webhook deliveries: notices that objects in QuickBooks changed, and nothing about the change itself.

A delivery has one of two forms, and in both the changes of any companies: the classic one lists them by company
(`eventNotifications`), the newer one is a bare array of CloudEvents. A part that can't be read does not affect the others.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid5

from msgspec import Meta, Raw, Struct

from events.contract import catalog, identifiers, json, media
from events.contract.envelope import Event, in_utc, own_event
from events.contract.quickbooks import Changed
from events.contract.values import Identifier
from events.errors import InvalidEvent

SOURCE = "urn:intuit:quickbooks"
UNUSABLE = "notice_unusable"
CHANGES_MAX = 5_000

# The entities and operations that Intuit names. Types of CloudEvents write both in lower case, operations in the past tense.
_ENTITIES = {
    name.lower(): name
    for name in (
        *("Account", "Bill", "BillPayment", "Budget", "Class", "CreditMemo", "Currency", "Customer"),
        *("Department", "Deposit", "Employee", "Estimate", "Invoice", "Item", "JournalCode", "JournalEntry"),
        *("Payment", "PaymentMethod", "Preferences", "Purchase", "PurchaseOrder", "RefundReceipt"),
        *("SalesReceipt", "TaxAgency", "Term", "TimeActivity", "Transfer", "Vendor", "VendorCredit"),
    )
}
_OPERATIONS = {
    written: name
    for name, past in (
        *(("Create", "created"), ("Update", "updated"), ("Delete", "deleted")),
        *(("Merge", "merged"), ("Void", "voided"), ("Emailed", "emailed")),
    )
    for written in (name.lower(), past)
}
_TYPE = re.compile(r"qbo\.([^.]+)\.([^.]+)\.v[0-9]+")
_CLASSIC = b'{"eventNotifications":[{"realmId":%b,"dataChangeEvent":{"entities":[%b]}}]}'
_BETWEEN_WORDS = str.maketrans("", "", "_-")
_DERIVED = UUID("0b8c5a43-6f0e-5a55-9a3f-2f6d3c1b7e90")

# Intuit writes IDs as texts; a number has only one meaning too.
WrittenNumber = Annotated[int, Meta(ge=0, le=2**63 - 1)]
WrittenId = Identifier | WrittenNumber


class ClassicDelivery(Struct, frozen=True):
    """A delivery in the classic form."""

    eventNotifications: Raw  # noqa: N815 - Intuit's spelling


class ClassicChanges(Struct, frozen=True):
    """The changes of one company."""

    entities: Raw


class ClassicNotification(Struct, frozen=True):
    """One company with its changes."""

    realmId: WrittenId  # noqa: N815 - Intuit's spelling
    dataChangeEvent: ClassicChanges  # noqa: N815 - as above


class ClassicEntity(Struct, frozen=True):
    """A changed object; a merge may name the object that it deleted."""

    id: WrittenId
    name: Identifier
    operation: Identifier
    lastUpdated: str  # noqa: N815 - Intuit's spelling
    deletedId: str | WrittenNumber | None = None  # noqa: N815 - as above


class IntuitCloudEvent(Struct, frozen=True):
    """A changed object as a CloudEvent."""

    id: Identifier
    type: str
    time: str
    intuitentityid: WrittenId
    intuitaccountid: WrittenId


class _OfRealm(Struct, frozen=True):
    """The company of a part, whatever else is wrong with it."""

    realmId: WrittenId | None = None  # noqa: N815 - Intuit's spelling
    intuitaccountid: WrittenId | None = None


class ChangeNotice(Struct, frozen=True):
    """A notice of one changed object.

    Attributes:
        id: Unique among Intuit's notices, and the same in each copy of a notice.
        changed: What changed.
        written: A delivery with only this notice, for storing.
    """

    id: str
    changed: Changed
    written: bytes


class UnusableNotice(Struct, frozen=True):
    """A part of a delivery that can't be read.

    Attributes:
        realm: Its company, if that can be read.
        problem: Why it can't be read.
        written: A delivery with only this part, for storing.
    """

    realm: str | None
    problem: InvalidEvent
    written: bytes


class TooManyChanges(Exception):
    """A delivery has more changes than are taken at once."""


Part = ChangeNotice | UnusableNotice


class Signature:
    """Computes the signature of a delivery from its bytes in chunks: HMAC-SHA256 under the app's verifier token."""

    def __init__(self, verifier_token: str) -> None:
        self._digest = hmac.new(verifier_token.encode(), digestmod=hashlib.sha256)

    def update(self, chunk: bytes) -> None:
        """Add the next bytes, exactly as they were sent."""
        self._digest.update(chunk)

    def fits(self, given: str) -> bool:
        """Return whether a signature, in base64, is the one of these bytes."""
        return hmac.compare_digest(base64.b64encode(self._digest.digest()), given.strip().encode())


def read_delivery(raw: bytes) -> list[Part]:
    """Read every notice of a delivery, in its order; a merge that names the deleted object gives one for each object.

    Raises:
        TooManyChanges: It has more than `CHANGES_MAX` changes.
    """
    try:
        json.check_values(raw)
        text = raw.removeprefix(media.MARK).lstrip()
        if text.startswith(b"["):
            parts = [part for element in _elements(text) for part in _of_cloud_event(element)]
        else:
            parts = list(_of_classic(text))
    except InvalidEvent as error:
        if error.reason == "too_many_values":
            raise TooManyChanges from error
        return [UnusableNotice(None, _unusable(error), raw)]
    if len(parts) > CHANGES_MAX:
        raise TooManyChanges
    return parts


def event_of(notice: ChangeNotice, workspace: str) -> Event:
    """Return the event of a notice, for the workspace that holds its company."""
    return own_event(
        catalog.QUICKBOOKS_CHANGED,
        notice.changed,
        workspace=workspace,
        source=SOURCE,
        time=notice.changed.at,
        id=notice.id,
    )


def _of_cloud_event(element: bytes) -> Iterator[Part]:
    written = b"[" + element + b"]"
    try:
        event = json.decode(element, IntuitCloudEvent)
        identifiers.check_text(event.id, "id")
        entity, operation = _kind(event.type)
        at = _instant(event.time, "time")
        changed = _changed(event.intuitaccountid, entity, event.intuitentityid, operation, at)
        yield ChangeNotice(event.id, changed, written)
    except InvalidEvent as error:
        yield UnusableNotice(_realm(element), _unusable(error), written)


def _of_classic(text: bytes) -> Iterator[Part]:
    delivery = json.decode(text, ClassicDelivery)
    for notification in _elements(delivery.eventNotifications):
        try:
            company = json.decode(notification, ClassicNotification)
            realm = str(company.realmId)
            identifiers.check_text(realm, "realmId")
            entities = _elements(company.dataChangeEvent.entities)
        except InvalidEvent as error:
            yield UnusableNotice(
                _realm(notification), _unusable(error), b'{"eventNotifications":[' + notification + b"]}"
            )
        else:
            for element in entities:
                yield from _of_entity(realm, element)


def _elements(array: bytes | Raw) -> list[bytes]:
    """Split a JSON array; how many elements it can have is limited by `check_values`."""
    return [bytes(element) for element in json.decode(bytes(array), list[Raw])]


def _of_entity(realm: str, element: bytes) -> Iterator[Part]:
    written = _CLASSIC % (json.encode(realm).encode(), element)
    try:
        entity = json.decode(element, ClassicEntity)
        at = _instant(entity.lastUpdated, "lastUpdated")
        name, operation = _entity(entity.name), _operation(entity.operation)
        deleted = [entity.deletedId] if entity.deletedId not in {None, "", entity.id} else []
        found = [_changed(realm, name, entity.id, operation, at)]
        found += [_changed(realm, name, each, operation, at, survivor=entity.id) for each in deleted]
    except InvalidEvent as error:
        yield UnusableNotice(realm, _unusable(error), written)
    else:
        yield from (ChangeNotice(_derived_id(changed), changed, written) for changed in found)


def _changed(
    realm: str | int,
    entity: str,
    entity_id: str | int,
    operation: str,
    at: datetime,
    *,
    survivor: str | int | None = None,
) -> Changed:
    texts = {"realm": str(realm), "entity": entity, "entity_id": str(entity_id), "operation": operation}
    if survivor is not None:
        texts["survivor"] = str(survivor)
    changed = json.convert({**texts, "at": at}, Changed)
    for name, text in texts.items():
        identifiers.check_text(text, name)
    return changed


def _derived_id(changed: Changed) -> str:
    """Derive the ID of a classic notice, which has none: control characters, such as the line feed, are in no part."""
    parts = (changed.realm, changed.entity, changed.entity_id, changed.operation, changed.at.isoformat())
    return str(uuid5(_DERIVED, "\n".join(parts)))


def _kind(event_type: str) -> tuple[str, str]:
    """Return the entity and the operation of a CloudEvent's type, such as `qbo.invoice.created.v1`."""
    found = _TYPE.fullmatch(event_type)
    if found is None:
        raise InvalidEvent(
            UNUSABLE, f"Unknown type {event_type[:100]!r}; known are qbo.ENTITY.OPERATION.v1", "type"
        )
    return _entity(found[1]), _operation(found[2])


def _entity(written: str) -> str:
    """Return the name that QuickBooks' API has for an entity; an unknown one is kept as it is written."""
    return _ENTITIES.get(written.lower().translate(_BETWEEN_WORDS), written)


def _operation(written: str) -> str:
    """Return the classic word for an operation; an unknown one is kept as it is written."""
    return _OPERATIONS.get(written.lower(), written)


def _instant(written: str, field: str) -> datetime:
    """Read an instant: with nanoseconds, which are cut to microseconds, and with offsets in any form, or none for UTC."""
    try:
        instant = datetime.fromisoformat(written)
    except ValueError as error:
        raise InvalidEvent(UNUSABLE, f"Expected an instant at {field}", field) from error
    return in_utc(instant if instant.tzinfo else instant.replace(tzinfo=UTC), field)


def _realm(part: bytes) -> str | None:
    """Return the company of an unusable part, if it names one."""
    try:
        named = json.decode(part, _OfRealm)
        written = named.realmId if named.intuitaccountid is None else named.intuitaccountid
        if written is None:
            return None
        identifiers.check_text(str(written), "realm")
    except InvalidEvent:
        return None
    return str(written)


def _unusable(error: InvalidEvent) -> InvalidEvent:
    return InvalidEvent(UNUSABLE, error.detail, error.field)
