"""Needed queries of a company that wait at the same time are sent in one request, each with its own answer."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.worker.quickbooks.intuit import REALM, Bench, bench, connect, fault
from worker.quickbooks import calls, reads
from worker.quickbooks.errors import NotSent, OutcomeUnknown, Rejected, Throttled
from worker.quickbooks.pacing import BATCH_WINDOWS


def answered(request: httpx.Request) -> httpx.Response:
    """Answer each query with its own text; refuse those that say so."""

    def one(statement: str) -> dict[str, Any]:
        return fault("4000") if "refused" in statement else {"QueryResponse": {"text": statement}}

    if request.url.path.endswith("/query"):
        found = one(request.url.params["query"])
        return httpx.Response(400 if "Fault" in found else 200, json=found)
    asked = msgspec.json.decode(request.content)["BatchItemRequest"]
    items = [{"bId": item["bId"], **one(item["Query"])} for item in asked]
    return httpx.Response(200, json={"BatchItemResponse": items[::-1], "time": "2026-05-05"})


async def ask(one: Bench, *statements: str) -> list[Any]:
    return await asyncio.gather(
        *(one.client.query(REALM, statement) for statement in statements), return_exceptions=True
    )


def paths(one: Bench) -> list[str]:
    return [request.url.path.rpartition("/")[2] for request in one.intuit.requests]


async def test_queries_that_wait_together_are_one_request(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=answered) as one:
        await connect(one)
        statements = [f"query {number}" for number in range(70)]
        found = await ask(one, *statements)
        assert [answer["text"] for answer in found] == statements
        assert paths(one) == ["batch", "batch", "batch"]
        await one.reads.close()
        assert await one.database.read(reads.reads_of_month, REALM, one.clock.now()) == 70


async def test_a_query_alone_is_sent_at_once_and_alone(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=answered) as one:
        await connect(one)
        assert await one.client.query(REALM, "alone") == {"text": "alone"}
        assert paths(one) == ["query"]
        assert one.clock.monotonic() == 0


async def test_one_refused_query_leaves_the_others_alone(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=answered) as one:
        await connect(one)
        first, refused, last = await ask(one, "first", "refused", "last")
        assert (first, last) == ({"text": "first"}, {"text": "last"})
        assert isinstance(refused, Rejected)
        assert paths(one) == ["batch"]


@pytest.mark.parametrize("body", [fault("2020"), None], ids=["refused", "too long"])
async def test_queries_go_alone_where_the_batch_is_refused_or_its_answer_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: Any
) -> None:
    monkeypatch.setattr(calls, "ANSWER_BYTES_MAX", 1_000)

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/batch"):
            return answered(request)
        return httpx.Response(400, json=body) if body else httpx.Response(200, content=b" " * 2_000)

    async with bench(tmp_path, answer=answer) as one:
        await connect(one)
        found = await ask(one, "a", "b", "refused")
        assert found[:2] == [{"text": "a"}, {"text": "b"}]
        assert isinstance(found[2], Rejected)
        assert paths(one) == ["batch", "query", "query", "query"]


async def test_where_batches_are_used_up_queries_go_alone(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=answered) as one:
        await connect(one)
        [(most, _)] = BATCH_WINDOWS["needed"]
        for number in range(most + 3):
            found = await ask(one, f"a{number}", f"b{number}")
            assert found == [{"text": f"a{number}"}, {"text": f"b{number}"}]
        assert paths(one).count("batch") == most
        assert paths(one).count("query") == 6


async def test_an_error_before_the_turn_is_that_of_all_who_wait_and_of_no_later_query(tmp_path: Path) -> None:
    answers = [httpx.Response(429, json=fault("3001"))]
    async with bench(tmp_path, answer=lambda request: answers.pop() if answers else answered(request)) as one:
        await connect(one)
        assert all(isinstance(each, Throttled) for each in await ask(one, "a", "b"))
        assert all(isinstance(each, Throttled) for each in await ask(one, "c", "d"))
        one.clock.advance(60)
        assert await ask(one, "e", "f") == [{"text": "e"}, {"text": "f"}]


async def test_a_batch_without_an_answer_is_sent_again_and_then_given_up_on(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=lambda _: httpx.Response(503)) as one:
        await connect(one)
        assert all(isinstance(each, OutcomeUnknown) for each in await ask(one, "a", "b"))
        assert paths(one) == ["batch"] * 3


async def test_who_gives_up_waiting_takes_nobody_along(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=answered) as one:
        await connect(one)
        tasks = [asyncio.create_task(one.client.query(REALM, text)) for text in ("a", "b", "c")]
        await asyncio.sleep(0)
        tasks[1].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert (found[0], found[2]) == ({"text": "a"}, {"text": "c"})
        assert isinstance(found[1], asyncio.CancelledError)


async def test_companies_do_not_share_requests(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=answered) as one:
        await connect(one, "1")
        await connect(one, "2")
        await asyncio.gather(one.client.query("1", "a"), one.client.query("2", "b"))
        assert paths(one) == ["query", "query"]


async def test_no_connection(tmp_path: Path) -> None:
    def none(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    async with bench(tmp_path, answer=none) as one:
        await connect(one)
        assert all(isinstance(each, NotSent) for each in await ask(one, "a", "b"))
