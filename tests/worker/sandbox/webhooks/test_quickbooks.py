"""The form of QuickBooks' webhook messages."""

import json
from datetime import UTC, datetime

import pytest

from worker.sandbox.books.journal import Change, Operation
from worker.sandbox.webhooks import quickbooks
from worker.sandbox.webhooks.quickbooks import ANNOUNCED, Notice

AT = datetime(2025, 9, 10, 21, 31, 25, 179851, UTC)


def notice(
    identifier: str,
    operation: Operation = "Create",
    *,
    realm: str = "310687",
    deleted_id: str | None = None,
) -> Notice:
    change = Change(AT, "Invoice", identifier, operation, "app", deleted_id=deleted_id)
    return Notice(realm, change, f"event of {identifier}", nanoseconds=7)


def test_a_body_is_signed_with_the_verifier_token() -> None:
    signed = "nfPLN16u3vMvv08ghDs+dOkLuirEVDy5wAeG/lmM2OA="
    assert quickbooks.signature(b'{"stuff":"5"}', "verify_me") == signed
    headers = quickbooks.headers(b'{"stuff":"5"}', "verify_me", AT, "trace")
    assert headers["intuit-signature"] == signed
    assert headers["intuit-created-time"] == "2025-09-10T21:31:25.179Z"
    assert headers["intuit-t-id"] == "trace"
    assert headers["intuit-notification-schema-version"] == "1.0"
    assert headers["user-agent"].startswith("intuit_notification_server/")


def test_cloud_events_are_a_list_for_any_companies() -> None:
    [event, other] = json.loads(
        quickbooks.cloud_events([notice("1234"), notice("5", "Void", realm="99")], "app")
    )
    source = event.pop("source")
    assert event == {
        "specversion": "1.0",
        "id": "event of 1234",
        "type": "qbo.invoice.created.v1",
        "datacontenttype": "application/json",
        "time": "2025-09-10T21:31:25.179851007Z",
        "intuitentityid": "1234",
        "intuitaccountid": "310687",
        "data": {},
    }
    assert source.startswith("intuit.")
    assert source == other["source"]
    assert (other["intuitaccountid"], other["type"]) == ("99", "qbo.invoice.voided.v1")


def test_the_classic_form_has_the_changes_by_company() -> None:
    notices = [notice("1"), notice("2", realm="99"), notice("3", "Emailed")]
    message = json.loads(quickbooks.classic(notices, merge_names_deleted=True))
    [first, second] = message["eventNotifications"]
    assert first == {
        "realmId": "310687",
        "dataChangeEvent": {
            "entities": [
                {
                    "id": "1",
                    "operation": "Create",
                    "name": "Invoice",
                    "lastUpdated": "2025-09-10T21:31:25.179Z",
                },
                {
                    "id": "3",
                    "operation": "Emailed",
                    "name": "Invoice",
                    "lastUpdated": "2025-09-10T21:31:25.179Z",
                },
            ]
        },
    }
    assert second["realmId"] == "99"


@pytest.mark.parametrize("names", [True, False])
def test_the_classic_form_names_the_deleted_object_of_a_merge_by_a_switch(names: bool) -> None:
    message = json.loads(
        quickbooks.classic([notice("1", "Merge", deleted_id="2")], merge_names_deleted=names)
    )
    [entity] = message["eventNotifications"][0]["dataChangeEvent"]["entities"]
    assert entity.get("deletedId") == ("2" if names else None)


def test_taxes_and_the_company_itself_are_not_announced() -> None:
    assert len(ANNOUNCED) == 29
    assert ANNOUNCED.isdisjoint({"TaxCode", "TaxRate", "CompanyInfo"})
