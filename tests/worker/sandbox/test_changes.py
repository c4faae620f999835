"""Change data capture: changed and deleted objects of the last 30 days, 1,000 at most, no pages."""

from datetime import timedelta
from typing import Any

from tests.worker.sandbox.app import App, decoded, fault, invoice
from worker.sandbox import accountant


def changes(app: App, entities: str, ago: timedelta) -> list[dict[str, Any]]:
    since = (app.clock.now() - ago).isoformat()
    reply = app.call("GET", "cdc", entities=entities, changedSince=since)
    assert reply.status == 200, reply.body
    [answer] = decoded(reply)["CDCResponse"]
    found: list[dict[str, Any]] = answer["QueryResponse"]
    return found


def test_changes_are_whole_objects_and_quiet_entities_are_empty(app: App) -> None:
    app.later(86_400)
    made = app.made("Invoice", invoice())
    app.made("Customer", {"Id": "2", "SyncToken": "0", "sparse": True, "DisplayName": "Cooler Cars"})
    invoices, items, customers = changes(app, "Invoice,Item,customer", timedelta(minutes=1))
    assert invoices == {"Invoice": [made], "startPosition": 1, "maxResults": 1, "totalCount": 1}
    assert items == {}
    assert customers["Customer"] == app.rows("SELECT * FROM Customer WHERE DisplayName = 'Cooler Cars'")


def test_a_deleted_invoice_is_shown_as_deleted(app: App) -> None:
    made = app.made("Invoice", invoice())
    app.made("Invoice", {"Id": made["Id"], "SyncToken": "0"}, operation="delete")
    [found] = changes(app, "Invoice", timedelta(minutes=1))
    [gone] = found["Invoice"]
    assert (gone["Id"], gone["status"], gone["domain"]) == (made["Id"], "Deleted", "QBO")
    assert gone["MetaData"]["LastUpdatedTime"]


def test_a_merged_customer_is_gone_though_nothing_else_happened_to_it_of_late(app: App) -> None:
    made = app.made("Customer", {"DisplayName": "Cool Cars Inc."})
    app.later(86_400)
    accountant.merge(app.company, "Customer", made["Id"], "2", app.clock.now())
    [found] = changes(app, "Customer", timedelta(minutes=1))
    seen = {each["Id"]: each.get("status") for each in found["Customer"]}
    assert seen == {"2": None, made["Id"]: "Deleted"}


def test_changes_before_the_instant_or_the_last_30_days_are_not_shown(app: App) -> None:
    app.made("Invoice", invoice())
    app.later(2)
    later = app.made("Invoice", invoice())
    [found] = changes(app, "Invoice", timedelta(seconds=1))
    assert [each["Id"] for each in found["Invoice"]] == [later["Id"]]
    app.later(31 * 86_400)
    assert changes(app, "Invoice", timedelta(days=40)) == [{}]


def test_a_thousand_objects_at_most_over_all_entities(app: App) -> None:
    for number in range(1100):
        accountant.create(app.company, "Customer", {"DisplayName": f"C {number}"}, app.clock.now())
    app.made("Invoice", invoice())
    invoices, customers = changes(app, "Invoice,Customer", timedelta(minutes=1))
    assert len(invoices["Invoice"]) + len(customers["Customer"]) == 1000


def test_unusable_requests_are_refused(app: App) -> None:
    since = app.clock.now().isoformat()
    assert fault(app.call("GET", "cdc", entities="Spaceship", changedSince=since)) == "500"
    assert fault(app.call("GET", "cdc", entities="TaxCode", changedSince=since)) == "500"
    assert fault(app.call("GET", "cdc", entities="Invoice", changedSince="yesterday")) == "2010"
    assert fault(app.call("GET", "cdc", changedSince=since)) == "2020"
    assert fault(app.call("GET", "cdc", entities="Invoice")) == "2020"
