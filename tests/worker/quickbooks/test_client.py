import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from tests.worker.quickbooks.intuit import CLIENT_SECRET, REALM, TOKEN_EXPIRED, bench, connect, fault
from worker.quickbooks import calls as calls_module
from worker.quickbooks import queries
from worker.quickbooks.errors import (
    CompanyBlocked,
    NotSent,
    OutcomeUnknown,
    ReconnectRequired,
    Rejected,
    Throttled,
    Unauthorized,
)

BODY = b'{"CustomerRef":{"value":"8"},  "Line":[{"Amount":1861.08}]}'
CREATED = b'{"Invoice":{"Id":"130","SyncToken":"0","TotalAmt":46.6,"Balance":100},"time":"2026-05-05"}'
HEADERS = {"intuit_tid": "1-69f9b317-5a3d", "content-type": "application/json"}


def says(status: int, body: object, headers: dict[str, str] | None = None) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return httpx.Response(status, content=content, headers={**HEADERS, **(headers or {})})


async def create_with(path: Path, answer: Callable[[httpx.Request], Any], **options: Any) -> dict[str, Any]:
    async with bench(path, answer=answer, **options) as one:
        await connect(one)
        return await one.client.write(REALM, "Invoice", BODY, "request-1")


async def test_a_create_sends_the_bytes_as_they_are(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=lambda _: says(200, CREATED)) as one:
        await connect(one)
        created = await one.client.write(REALM, "Invoice", BODY, "request-1")
        (request,) = one.intuit.requests
    assert request.content == BODY
    assert request.method == "POST"
    assert request.url.path == f"/v3/company/{REALM}/invoice"
    assert parse_qs(request.url.query.decode()) == {"minorversion": ["75"], "requestid": ["request-1"]}
    assert request.headers["authorization"] == "Bearer CANARY-access-0"
    assert request.headers["accept"] == "application/json"
    assert request.headers["content-type"] == "application/json"
    assert created["TotalAmt"] == Decimal("46.6")
    assert isinstance(created["TotalAmt"], Decimal)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, fault("10000"), OutcomeUnknown),
        (500, fault("6000"), OutcomeUnknown),
        (400, fault("10000"), OutcomeUnknown),
        (408, b"", OutcomeUnknown),
        (500, b"", OutcomeUnknown),
        (502, b"<html>bad gateway</html>", OutcomeUnknown),
        (503, b"", OutcomeUnknown),
        (504, b"", OutcomeUnknown),
        (200, b"", OutcomeUnknown),
        (200, CREATED[:40], OutcomeUnknown),
        (200, b"\xff\xfe", OutcomeUnknown),
        (200, b"[" * 100_000, OutcomeUnknown),
        (200, b"[]", OutcomeUnknown),
        (200, b"{}", OutcomeUnknown),
        (200, {"Invoice": None}, OutcomeUnknown),
        (200, {"Invoice": {"SyncToken": "0"}}, OutcomeUnknown),
        (200, {"Customer": {"Id": "1"}}, OutcomeUnknown),
        (302, b"", OutcomeUnknown),
        (204, b"", OutcomeUnknown),
        (429, b"", Throttled),
        (403, fault("3001"), Throttled),
        (400, fault("003001"), Throttled),
        (400, fault("6240"), Rejected),
        (200, fault("6240"), Rejected),
        (400, fault("610"), Rejected),
        (403, fault("3100"), CompanyBlocked),
        (401, fault("120"), CompanyBlocked),
        (403, fault("120"), CompanyBlocked),
        (400, fault("6190"), CompanyBlocked),
        (200, fault("6190"), CompanyBlocked),
        (413, b"<html>too large</html>", OutcomeUnknown),
        (403, b"<html>blocked by the proxy</html>", OutcomeUnknown),
        (404, b"", OutcomeUnknown),
        (400, {"Fault": {"Error": [], "type": "ValidationFault"}}, OutcomeUnknown),
        (401, TOKEN_EXPIRED, Unauthorized),
        (401, b'<Fault type="AuthenticationFault"><Error code="100"/></Fault>', Unauthorized),
        (401, b"", Unauthorized),
    ],
)
async def test_the_meaning_of_each_answer_to_a_write(
    tmp_path: Path, status: int, body: object, expected: type[Exception]
) -> None:
    with pytest.raises(expected) as caught:
        await create_with(tmp_path, lambda _: says(status, body))
    assert type(caught.value) is expected


async def test_a_rejection_has_all_details(tmp_path: Path) -> None:
    body = {
        "Fault": {
            "Error": [
                {"Message": "Duplicate", "Detail": "Taken by\n another", "code": "6240", "element": "Name"},
                {"Message": "Second", "code": "2020"},
            ]
        }
    }
    with pytest.raises(Rejected) as caught:
        await create_with(tmp_path, lambda _: says(400, body))
    error = caught.value
    assert (error.code, error.status, error.intuit_tid) == ("6240", 400, "1-69f9b317-5a3d")
    assert [one.code for one in error.errors] == ["6240", "2020"]
    assert error.explanation == "Taken by another; Second (code 6240)"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (httpx.ConnectError, NotSent),
        (httpx.ConnectTimeout, NotSent),
        (httpx.PoolTimeout, NotSent),
        (httpx.WriteTimeout, OutcomeUnknown),
        (httpx.WriteError, OutcomeUnknown),
        (httpx.ReadTimeout, OutcomeUnknown),
        (httpx.ReadError, OutcomeUnknown),
        (httpx.RemoteProtocolError, OutcomeUnknown),
        (httpx.CloseError, OutcomeUnknown),
    ],
)
async def test_each_phase_of_a_failing_request(
    tmp_path: Path, failure: type[httpx.TransportError], expected: type[Exception]
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise failure("CANARY")

    with pytest.raises(expected) as caught:
        await create_with(tmp_path, fail)
    assert type(caught.value) is expected
    assert "CANARY" not in str(caught.value)


async def test_an_answer_cut_off_in_its_body(tmp_path: Path) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield CREATED[:20]
        raise httpx.ReadError("cut")

    with pytest.raises(OutcomeUnknown):
        await create_with(tmp_path, lambda _: httpx.Response(200, content=cut()))


async def test_an_answer_that_trickles_is_given_up_on(tmp_path: Path) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    with pytest.raises(OutcomeUnknown):
        await create_with(tmp_path, lambda _: httpx.Response(200, content=trickle()), timeout_seconds=0.1)


async def test_no_more_is_read_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "ANSWER_BYTES_MAX", 10_000)
    produced = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal produced
        while True:
            produced += 1_000
            yield b" " * 1_000

    with pytest.raises(OutcomeUnknown, match="10000 bytes"):
        await create_with(tmp_path, lambda _: httpx.Response(200, content=endless()))
    assert produced <= 12_000


async def test_a_refused_token_is_renewed_once_and_the_same_bytes_resent(tmp_path: Path) -> None:
    answers = [says(401, TOKEN_EXPIRED), says(200, CREATED)]
    async with bench(tmp_path, answer=lambda _: answers.pop(0)) as one:
        await connect(one)
        await one.client.write(REALM, "Invoice", BODY, "request-1")
        first, refresh, second = one.intuit.requests
    assert refresh.url.path == "/tokens/bearer"
    assert first.content == second.content == BODY
    assert first.url == second.url
    assert second.headers["authorization"] == "Bearer CANARY-access-1"


async def test_a_token_refused_twice_is_not_tried_a_third_time(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=lambda _: says(401, TOKEN_EXPIRED)) as one:
        await connect(one)
        with pytest.raises(Unauthorized):
            await one.client.write(REALM, "Invoice", BODY, "request-1")
        assert [request.url.host for request in one.intuit.requests] == [
            "quickbooks.test",
            "oauth.test",
            "quickbooks.test",
        ]


async def test_an_error_before_sending_prevents_the_request(tmp_path: Path) -> None:
    async def too_late() -> None:
        raise NotSent("too late")

    async with bench(tmp_path, answer=lambda _: says(200, CREATED)) as one:
        await connect(one)
        with pytest.raises(NotSent):
            await one.client.write(REALM, "Invoice", BODY, "request-1", before_sending=too_late)
        assert one.intuit.requests == []


@pytest.mark.parametrize("code", ["3100", "120"])
@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_that_no_token_could_cure_is_not_retried(
    tmp_path: Path, status: int, code: str
) -> None:
    async with bench(tmp_path, answer=lambda _: says(status, fault(code))) as one:
        await connect(one)
        with pytest.raises(CompanyBlocked) as caught:
            await one.client.write(REALM, "Invoice", BODY, "request-1")
        assert caught.value.code == code
        assert len(one.intuit.requests) == 1


async def test_fifty_refused_tokens_at_once_make_one_refresh(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        fresh = request.headers["authorization"] == "Bearer CANARY-access-1"
        return says(200, CREATED) if fresh else says(401, TOKEN_EXPIRED)

    async with bench(tmp_path, answer=answer) as one:
        await connect(one)
        sends = (one.client.write(REALM, "Invoice", BODY, f"request-{n}") for n in range(50))
        assert len(await asyncio.gather(*sends)) == 50
        assert one.intuit.refreshes == 1


async def test_intuit_out_of_reach_while_renewing_means_not_sent(tmp_path: Path) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("lost")

    async with bench(tmp_path, answer=lambda _: says(401, TOKEN_EXPIRED)) as one:
        await connect(one)
        one.intuit.on_refresh = fail
        with pytest.raises(NotSent):
            await one.client.write(REALM, "Invoice", BODY, "request-1")


async def test_a_connection_that_expired_is_not_sent_for(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        with pytest.raises(ReconnectRequired):
            await one.client.write("nobody", "Invoice", BODY, "request-1")
        assert one.intuit.requests == []


@pytest.mark.parametrize("seconds", [60, 2])
async def test_after_a_429_the_realm_is_quiet_and_no_other(tmp_path: Path, seconds: float) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        throttled = "/company/1/" in request.url.path and len(one.intuit.requests) == 1
        return says(429, b"", {"retry-after": "1"}) if throttled else says(200, CREATED)

    async with bench(tmp_path, answer=answer, throttled_seconds=seconds) as one:
        await connect(one, "1")
        await connect(one, "2")
        for _ in range(20):
            with pytest.raises(Throttled):
                await one.client.write("1", "Invoice", BODY, "a")
        assert len(one.intuit.requests) == 1
        await one.client.write("2", "Invoice", BODY, "b")
        one.clock.advance(seconds - 1)
        with pytest.raises(Throttled):
            await one.client.write("1", "Invoice", BODY, "a")
        one.clock.advance(1)
        await one.client.write("1", "Invoice", BODY, "a")
        assert len(one.intuit.requests) == 3


def book(*ids: int) -> list[dict[str, str]]:
    return [{"Id": str(number)} for number in ids]


def answering_pages(rows: list[dict[str, str]], *, on_page: Callable[[int], None] = lambda _: None) -> Any:
    pages = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal pages
        words = request.url.params["query"].split()
        start, count = int(words[words.index("STARTPOSITION") + 1]), int(words[-1])
        found = rows[start - 1 : start - 1 + count]
        pages += 1
        on_page(pages)
        return says(200, {"QueryResponse": {"Customer": found} if found else {}})

    return answer


async def read_all(path: Path, answer: Any) -> list[str]:
    async with bench(path, answer=answer) as one:
        await connect(one)
        return [row["Id"] async for page in one.client.query_pages(REALM, "Customer", []) for row in page]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 19, 20, 37])
async def test_every_row_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS_MAX", 10)
    ids = [str(number) for number in range(count)]
    assert await read_all(tmp_path, answering_pages(book(*range(count)))) == ids


async def test_a_row_deleted_while_paging_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS_MAX", 10)
    rows = book(*range(25))

    def delete_early(page: int) -> None:
        if page == 1:
            del rows[3]

    got = await read_all(tmp_path, answering_pages(rows, on_page=delete_early))
    assert len(got) == len(set(got))
    assert set(got) == {str(number) for number in range(25)}


async def test_a_row_added_before_while_paging_repeats_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS_MAX", 10)
    rows = book(*range(25))

    def add_early(page: int) -> None:
        if page == 1:
            rows.insert(0, {"Id": "new"})

    got = await read_all(tmp_path, answering_pages(rows, on_page=add_early))
    assert len(got) == len(set(got))
    assert set(got) >= {str(number) for number in range(25)}


async def test_a_list_that_never_holds_still_is_given_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS_MAX", 10)
    rows = book(*range(200))

    def delete_first(_: int) -> None:
        del rows[:15]

    with pytest.raises(OutcomeUnknown, match="kept changing"):
        await read_all(tmp_path, answering_pages(rows, on_page=delete_first))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"time": "2026-05-05"},
        {"QueryResponse": None},
        {"QueryResponse": []},
        {"QueryResponse": {"Customer": None}},
        {"QueryResponse": {"Customer": {"Id": "1"}}},
        {"QueryResponse": {"Customer": ["1"]}},
        {"QueryResponse": {"Customer": [{}]}},
    ],
)
async def test_an_answer_without_rows_to_speak_of_is_not_nothing_found(tmp_path: Path, body: object) -> None:
    with pytest.raises(OutcomeUnknown):
        await read_all(tmp_path, lambda _: says(200, body))


async def test_reads_and_queries_return_the_answered_objects(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/query"):
            return says(200, {"QueryResponse": {"totalCount": 12}})
        if request.url.path.endswith("/preferences"):
            return says(200, {"Preferences": {"Id": "1"}})
        if "/companyinfo/" in request.url.path:
            return says(200, {"CompanyInfo": {"CompanyName": "Acme"}})
        return says(200, CREATED)

    async with bench(tmp_path, answer=answer) as one:
        await connect(one)
        assert (await one.client.read(REALM, "Invoice", "130"))["Id"] == "130"
        assert await one.client.query(REALM, "SELECT COUNT(*) FROM Invoice") == {"totalCount": 12}
        assert (await one.client.company_info(REALM))["CompanyName"] == "Acme"
        assert await one.client.preferences(REALM) == {"Id": "1"}
        paths = [request.url.path.removeprefix(f"/v3/company/{REALM}") for request in one.intuit.requests]
        assert paths == ["/invoice/130", "/query", f"/companyinfo/{REALM}", "/preferences"]
        assert {request.url.params["minorversion"] for request in one.intuit.requests} == {"75"}


@pytest.mark.parametrize("entity_id", ["../../9/invoice/1", "1?x=1", "1#x", "a/b"])
async def test_an_id_stays_within_its_path(tmp_path: Path, entity_id: str) -> None:
    async with bench(tmp_path, answer=lambda _: says(200, CREATED)) as one:
        await connect(one)
        await one.client.read(REALM, "Invoice", entity_id)
        (request,) = one.intuit.requests
        raw = request.url.raw_path.decode().partition("?")[0]
        assert raw.startswith(f"/v3/company/{REALM}/invoice/")
        assert raw.count("/") == 5
        assert dict(request.url.params) == {"minorversion": "75"}


async def test_one_line_is_logged_for_each_call(tmp_path: Path) -> None:
    async with bench(tmp_path, answer=lambda _: says(400, fault("6240"))) as one:
        await connect(one)
        with capture_logs() as logs, pytest.raises(Rejected):
            await one.client.write(REALM, "Invoice", BODY, "request-1")
    (line,) = [entry for entry in logs if entry["event"] == "quickbooks.call"]
    assert line["realm"] == REALM
    assert line["method"] == "POST"
    assert line["entity"] == "invoice"
    assert line["status"] == "400"
    assert line["fault"] == "6240"
    assert line["intuit_tid"] == "1-69f9b317-5a3d"
    assert line["request_id"] == "request-1"
    assert "seconds" in line


async def test_canaries_show_nowhere(tmp_path: Path) -> None:
    """No log line, error or repr contains tokens, the secret or bodies, whatever fails."""

    def lost(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("lost")

    def cut(_: httpx.Request) -> httpx.Response:
        return says(200, b'{"access_token":"CANARY-ha')

    def revoked(_: httpx.Request) -> httpx.Response:
        return says(400, {"error": "invalid_grant"})

    def answering(status: int, _: httpx.Request) -> httpx.Response:
        return says(status, body)

    body = b'{"PrivateNote":"CANARY"}'
    shown: list[str] = []
    with capture_logs() as logs:
        for number, refreshing in enumerate((None, lost, cut, revoked)):
            for status in (200, 400, 401, 429, 500):
                path = tmp_path / f"{number}-{status}"
                path.mkdir()
                async with bench(path, answer=partial(answering, status)) as one:
                    await connect(one)
                    one.intuit.on_refresh = refreshing
                    try:
                        await one.client.write(REALM, "Invoice", body, "request-1")
                    except (NotSent, OutcomeUnknown, Rejected, Unauthorized, ReconnectRequired) as error:
                        shown += [str(error), repr(error), repr(error.args), repr(error.__cause__)]
                    shown += [repr(one.client), repr(one.tokens), repr(one.oauth), repr(one.vault)]
    shown.append(repr(logs))
    assert {"quickbooks.call", "oauth.token", "connection.expired"} <= {entry["event"] for entry in logs}
    assert not [text for text in shown if "CANARY" in text or CLIENT_SECRET in text]
