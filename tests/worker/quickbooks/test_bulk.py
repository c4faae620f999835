"""Reads for synchronization: changes since an instant, batches of queries, objects by their Ids."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.worker.quickbooks.intuit import REALM, bench, connect, fault
from tests.world import World
from worker.quickbooks import queries, reads
from worker.quickbooks.answers import is_deleted
from worker.quickbooks.errors import (
    CompanyBlocked,
    OutcomeUnknown,
    QuickBooksError,
    Rejected,
    Throttled,
)

COUNT = "SELECT COUNT(*) FROM Customer"


def test_ids_are_queried_in_portions_each_once() -> None:
    ids = [str(number) for number in range(600)]
    statements = list(queries.by_ids("Customer", [*ids, "0"]))
    assert len(statements) == 3
    assert sum(statement.count("'") for statement in statements) == 2 * 600
    assert all("Active IN (true, false)" in statement for statement in statements)
    assert "Active" not in next(queries.by_ids("Invoice", ids))
    assert list(queries.by_ids("Invoice", [])) == []


async def test_objects_are_read_by_their_ids(ready: World) -> None:
    company = ready.sandbox.companies[ready.realm]
    ids = list(company.objects["Customer"])
    inactive = ids[0]
    company.objects["Customer"][inactive]["Active"] = False
    before = ready.sandbox.throttle.reads.total()
    found = await ready.gateway.client.by_ids(ready.realm, "Customer", [*ids, "987654"])
    assert sorted(row["Id"] for row in found) == sorted(ids)
    assert ready.sandbox.throttle.reads.total() - before == 1


async def test_three_hundred_ids_are_sent_as_a_body(tmp_path: Path) -> None:
    async with bench(
        tmp_path, answer=lambda _: httpx.Response(200, json={"QueryResponse": {}, "time": "-"})
    ) as one:
        await connect(one)
        ids = [str(number) for number in range(250)]
        assert await one.client.by_ids(REALM, "Invoice", ids) == []
        (request,) = one.intuit.requests
        assert (request.method, request.headers["content-type"]) == ("POST", "application/text")
        assert request.content.decode() == next(queries.by_ids("Invoice", ids))
        assert len(str(request.url)) < 300
        await one.reads.close()
        assert await one.database.read(reads.reads_of_month, REALM, one.clock.now()) == 1


async def test_changes_are_read_with_deletions_and_the_time_to_go_on_from(ready: World) -> None:
    client, realm, began = ready.gateway.client, ready.realm, ready.clock.now()
    ready.clock.advance(10)
    company = ready.sandbox.companies[realm]
    customer = await client.write(realm, "Customer", b'{"DisplayName":"New one"}', "r-1")
    entities = ("Customer", "Invoice", "Item")
    zone = timezone(timedelta(hours=-7))
    found = await client.cdc(realm, entities, began.astimezone(zone))
    assert set(found.objects) == set(entities)
    assert [row["Id"] for row in found.objects["Customer"]][:1] == [customer["Id"]]
    assert found.answered_at == ready.clock.now()
    assert not found.is_cut
    assert not any(is_deleted(row) for row in found.objects["Customer"])
    assert company.get("Customer", customer["Id"]) is not None


async def test_a_deletion_is_told(tmp_path: Path) -> None:
    body = {
        "CDCResponse": [
            {"QueryResponse": [{"Invoice": [{"Id": "65"}, {"Id": "66", "status": "Deleted"}]}, {}]}
        ],
        "time": "2026-05-05T02:08:54.543-07:00",
    }
    async with bench(tmp_path, answer=lambda _: httpx.Response(200, json=body)) as one:
        await connect(one)
        found = await one.client.cdc(
            REALM, ("Invoice", "Payment"), datetime(2026, 5, 1, 0, 0, 0, 999, tzinfo=UTC)
        )
        assert [is_deleted(row) for row in found.objects["Invoice"]] == [False, True]
        assert found.objects["Payment"] == []
        assert found.answered_at == datetime(2026, 5, 5, 9, 8, 54, 543_000, tzinfo=UTC)
        (request,) = one.intuit.requests
        assert request.url.params["changedSince"] == "2026-05-01T00:00:00+00:00"
        assert request.url.params["entities"] == "Invoice,Payment"


async def test_a_thousand_changes_may_be_cut(tmp_path: Path) -> None:
    rows = [{"Id": str(number)} for number in range(1_000)]
    body = {"CDCResponse": [{"QueryResponse": [{"Invoice": rows}]}], "time": "2026-05-05T02:08:54Z"}
    async with bench(tmp_path, answer=lambda _: httpx.Response(200, json=body)) as one:
        await connect(one)
        assert (await one.client.cdc(REALM, ("Invoice",), one.clock.now())).is_cut


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"CDCResponse": None, "time": "2026-05-05T02:08:54Z"},
        {"CDCResponse": [{}], "time": "2026-05-05T02:08:54Z"},
        {"CDCResponse": [{"QueryResponse": [{"Invoice": [{}]}]}], "time": "2026-05-05T02:08:54Z"},
        {"CDCResponse": [{"QueryResponse": [{}]}]},
        {"CDCResponse": [{"QueryResponse": [{}]}], "time": "2026-05-05T02:08:54"},
    ],
)
async def test_an_answer_that_cannot_be_read_is_not_nothing_changed(tmp_path: Path, body: object) -> None:
    async with bench(tmp_path, answer=lambda _: httpx.Response(200, json=body)) as one:
        await connect(one)
        with pytest.raises(OutcomeUnknown):
            await one.client.cdc(REALM, ("Invoice",), one.clock.now())


async def test_each_query_of_a_batch_is_answered_or_refused_on_its_own(ready: World) -> None:
    statements = {"count": COUNT, "wrong": "SELECT nonsense", "items": "SELECT Id FROM Item MAXRESULTS 1"}
    found = await ready.gateway.client.batch_queries(ready.realm, statements)
    assert list(found) == list(statements)
    refused = found["wrong"]
    assert isinstance(refused, Rejected)
    assert refused.code == "4000"
    assert isinstance(found["count"], dict)
    assert found["count"]["totalCount"] > 0
    await ready.gateway.client.reads.close()


async def test_items_in_any_order_and_of_every_kind(tmp_path: Path) -> None:
    def error(code: str) -> Any:
        return fault(code)["Fault"]

    items = [
        {"bId": "4", "Fault": error("3001")},
        {"bId": "0", "QueryResponse": {"totalCount": 3}},
        {"bId": "2", "Fault": error("10000")},
        {"bId": "3", "Fault": error("6190")},
    ]
    body = {"BatchItemResponse": items, "time": "2026-05-05T02:08:54Z"}
    async with bench(tmp_path, answer=lambda _: httpx.Response(200, json=body)) as one:
        await connect(one)
        found = await one.client.batch_queries(REALM, dict.fromkeys("abcde", COUNT))
        kinds = [type(value) for value in found.values()]
        assert kinds == [dict, OutcomeUnknown, OutcomeUnknown, CompanyBlocked, Throttled]
        await one.reads.close()
        assert await one.database.read(reads.reads_of_month, REALM, one.clock.now()) == 5
        sent = msgspec.json.decode(one.intuit.requests[0].content)
        assert sent["BatchItemRequest"][0] == {"bId": "0", "Query": COUNT}


async def test_a_batch_without_an_answer_is_read_again(tmp_path: Path) -> None:
    bodies: list[Any] = [
        httpx.Response(503),
        httpx.Response(
            200, json={"BatchItemResponse": [{"bId": "0", "QueryResponse": {}}], "time": "2026-05-05"}
        ),
    ]
    async with bench(tmp_path, answer=lambda _: bodies.pop(0)) as one:
        await connect(one)
        assert await one.client.batch_queries(REALM, {"a": COUNT}) == {"a": {}}
        assert "requestid" not in one.intuit.requests[0].url.params


async def test_a_batch_has_at_most_thirty_queries(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        with pytest.raises(ValueError, match="at most 30"):
            await one.client.batch_queries(REALM, {str(number): COUNT for number in range(31)})
        assert await one.client.batch_queries(REALM, {}) == {}
        assert one.intuit.requests == []


async def test_a_whole_batch_may_be_refused(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=lambda _: httpx.Response(400, json=fault("2020"))) as one:
        await connect(one)
        with pytest.raises(QuickBooksError):
            await one.client.batch_queries(REALM, {"a": COUNT})
