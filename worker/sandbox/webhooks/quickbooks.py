"""QuickBooks' webhook messages, in both of their forms, signed over the raw body with the app's verifier token."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from worker.sandbox.books.journal import Change, Operation

# The entities that QuickBooks announces: none of TaxCode, TaxRate, CompanyInfo.
ANNOUNCED = frozenset(
    (
        *("Account", "Bill", "BillPayment", "Budget", "Class", "CreditMemo", "Currency", "Customer"),
        *("Department", "Deposit", "Employee", "Estimate", "Invoice", "Item", "JournalCode", "JournalEntry"),
        *("Payment", "PaymentMethod", "Preferences", "Purchase", "PurchaseOrder", "RefundReceipt"),
        *("SalesReceipt", "TaxAgency", "Term", "TimeActivity", "Transfer", "Vendor", "VendorCredit"),
    )
)
_PAST: dict[Operation, str] = {
    "Create": "created",
    "Update": "updated",
    "Delete": "deleted",
    "Void": "voided",
    "Merge": "merged",
    "Emailed": "emailed",
}


class Notice(Struct, frozen=True):
    """A change in a company, to be announced.

    Attributes:
        realm: The company.
        change: The change.
        event_id: The ID of its CloudEvent, the same in each copy.
        nanoseconds: The digits of its CloudEvent's time after the microseconds.
    """

    realm: str
    change: Change
    event_id: str
    nanoseconds: int


def is_announced(change: Change) -> bool:
    """Return whether QuickBooks announces a change."""
    return change.notified and change.entity in ANNOUNCED


def cloud_events(notices: Sequence[Notice], client_id: str) -> bytes:
    """Write a message as a list of CloudEvents, of any companies."""
    source = f"intuit.{base64.b64encode(hashlib.sha256(client_id.encode()).digest()).decode()}"
    return msgspec.json.encode([_cloud_event(notice, source) for notice in notices])


def classic(notices: Sequence[Notice], *, merge_names_deleted: bool) -> bytes:
    """Write a message in the classic form: the changes by company."""
    companies: dict[str, list[dict[str, str]]] = {}
    for notice in notices:
        companies.setdefault(notice.realm, []).append(
            _entity(notice.change, names_deleted=merge_names_deleted)
        )
    notifications = [
        {"realmId": realm, "dataChangeEvent": {"entities": entities}} for realm, entities in companies.items()
    ]
    return msgspec.json.encode({"eventNotifications": notifications})


def signature(body: bytes, verifier_token: str) -> str:
    """Sign a body."""
    return base64.b64encode(hmac.digest(verifier_token.encode(), body, hashlib.sha256)).decode()


def headers(body: bytes, verifier_token: str, created_at: datetime, trace_id: str) -> dict[str, str]:
    """Return the headers of a message."""
    return {
        "content-type": "application/json; charset=utf-8",
        "accept": "application/json",
        "user-agent": "intuit_notification_server/1.0",
        "intuit-signature": signature(body, verifier_token),
        "intuit-created-time": _milliseconds(created_at),
        "intuit-t-id": trace_id,
        "intuit-notification-schema-version": "1.0",
    }


def _cloud_event(notice: Notice, source: str) -> dict[str, Any]:
    change = notice.change
    at = change.at.astimezone(UTC)
    return {
        "specversion": "1.0",
        "id": notice.event_id,
        "source": source,
        "type": f"qbo.{change.entity.lower()}.{_PAST[change.operation]}.v1",
        "datacontenttype": "application/json",
        "time": f"{at:%Y-%m-%dT%H:%M:%S.%f}{notice.nanoseconds:03d}Z",
        "intuitentityid": change.identifier,
        "intuitaccountid": notice.realm,
        "data": {},
    }


def _entity(change: Change, *, names_deleted: bool) -> dict[str, str]:
    entity = {
        "id": change.identifier,
        "operation": change.operation,
        "name": change.entity,
        "lastUpdated": _milliseconds(change.at),
    }
    if change.deleted_id is not None and names_deleted:
        entity["deletedId"] = change.deleted_id
    return entity


def _milliseconds(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
