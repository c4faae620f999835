import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from rich.pretty import pretty_repr

from tests.fakes import FakeClock
from tests.worker.quickbooks.intuit import CLIENT_SECRET, OAUTH, bench, token_answer
from worker.quickbooks import oauth as oauth_module
from worker.quickbooks.errors import NotSent, ReconnectRequired
from worker.quickbooks.http import http_client
from worker.quickbooks.oauth import GrantRefused, GrantUnusable, OAuthClient, RefreshTokenOnly, TokenSet

DISCOVERY = {
    "authorization_endpoint": f"{OAUTH}/authorize",
    "token_endpoint": f"{OAUTH}/tokens/bearer",
    "revocation_endpoint": f"{OAUTH}/tokens/revoke",
}


async def test_the_authorize_url_has_the_parameters_of_a_consent(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        url = urlsplit(await one.oauth.authorize_url("https://us.test/callback", "s&t"))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{OAUTH}/authorize"
    assert parse_qs(url.query) == {
        "client_id": ["app"],
        "response_type": ["code"],
        "scope": ["com.intuit.quickbooks.accounting"],
        "redirect_uri": ["https://us.test/callback"],
        "state": ["s&t"],
    }


async def test_exchange_form_and_basic_authentication(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        granted = await one.oauth.exchange("CANARY-code", "https://us.test/callback")
        (request,) = one.intuit.requests
        assert request.headers["authorization"].startswith("Basic ")
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.headers["accept"] == "application/json"
        assert one.intuit.forms == [
            {
                "grant_type": ["authorization_code"],
                "code": ["CANARY-code"],
                "redirect_uri": ["https://us.test/callback"],
            }
        ]
        assert granted.access_token == "CANARY-access-1"
        assert granted.access_expires_at == one.clock.now() + timedelta(seconds=3600)
        assert granted.refresh_expires_at == one.clock.now() + timedelta(seconds=8726400)


async def test_a_refresh_sends_the_refresh_token_in_a_form(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await one.oauth.refresh("CANARY-old")
        assert one.intuit.forms == [{"grant_type": ["refresh_token"], "refresh_token": ["CANARY-old"]}]


async def test_a_revocation_sends_the_token_as_json(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await one.oauth.revoke("CANARY-old")
        (request,) = one.intuit.requests
        assert request.url == f"{OAUTH}/tokens/revoke"
        assert msgspec.json.decode(request.content) == {"token": "CANARY-old"}
        assert request.headers["authorization"].startswith("Basic ")


async def test_discovery_is_read_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        first = await one.oauth.discovery()
        assert await one.oauth.discovery() is first


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":"invalid_grant"}',
        b'{"error_description":"Token invalid","error":"invalid_grant"}',
    ],
)
async def test_invalid_grant_needs_a_person(tmp_path: Path, body: bytes) -> None:
    async with bench(tmp_path) as one:
        one.intuit.on_refresh = lambda _: httpx.Response(400, content=body)
        with pytest.raises(ReconnectRequired):
            await one.oauth.refresh("CANARY-old")
        with pytest.raises(GrantRefused):
            await one.oauth.exchange("CANARY-code", "https://us.test/callback")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(401, json={"error": "invalid_client"}),
        httpx.Response(400, json={"error": "invalid_client"}),
        httpx.Response(500),
        httpx.Response(503, content=b"<html>"),
        httpx.Response(429),
        httpx.Response(200, content=b'{"access_token":"CANARY-half'),
        httpx.Response(200, json={"access_token": ["CANARY-a"]}),
        httpx.Response(400, content=b"\xff\xfe"),
    ],
)
async def test_any_other_refusal_means_the_request_was_not_sent(
    tmp_path: Path, response: httpx.Response
) -> None:
    async with bench(tmp_path) as one:
        one.intuit.on_refresh = lambda _: response
        with pytest.raises(NotSent) as caught:
            await one.oauth.refresh("CANARY-old")
        assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.WriteError]
)
async def test_a_network_failure_while_refreshing_means_the_request_was_not_sent(
    tmp_path: Path, failure: type[httpx.TransportError]
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise failure("CANARY")

    async with bench(tmp_path) as one:
        one.intuit.on_refresh = fail
        with pytest.raises(NotSent) as caught:
            await one.oauth.refresh("CANARY-old")
        assert "CANARY" not in str(caught.value)


def discovering(document: object, url: str = f"{OAUTH}/discovery") -> OAuthClient:
    return answering(httpx.Response(200, json=document), url)


def answering(response: httpx.Response, url: str = f"{OAUTH}/discovery") -> OAuthClient:
    return OAuthClient(
        http_client(30, httpx.MockTransport(lambda _: response)),
        FakeClock(),
        discovery_url=url,
        client_id="app",
        client_secret=CLIENT_SECRET,
        request_seconds=30,
    )


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {**DISCOVERY, "token_endpoint": 7},
        {**DISCOVERY, "token_endpoint": ""},
        {**DISCOVERY, "token_endpoint": "http://oauth.example/tokens"},
        {**DISCOVERY, "token_endpoint": "//oauth.example/tokens"},
        {**DISCOVERY, "revocation_endpoint": "file:///etc/passwd"},
        {**DISCOVERY, "authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_discovery_document_that_would_send_secrets_astray_is_refused(document: object) -> None:
    with pytest.raises(NotSent, match="discovery"):
        await discovering(document).discovery()


async def test_a_sandbox_with_a_document_over_http_may_use_http() -> None:
    document = {name: f"http://127.0.0.1:8001/{name}" for name in DISCOVERY}
    found = await discovering(document, "http://127.0.0.1:8001/discovery").discovery()
    assert found.token_endpoint == "http://127.0.0.1:8001/token_endpoint"


async def test_a_token_server_that_trickles_is_given_up_on(tmp_path: Path) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with bench(tmp_path, timeout_seconds=0.05) as one:
        one.intuit.on_refresh = never
        with pytest.raises(NotSent):
            await one.oauth.refresh("CANARY-old")


async def test_tokens_show_in_no_representation(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        granted: TokenSet = await one.oauth.exchange("code", "https://us.test/callback")
        for shown in (repr(granted), str(granted), f"{granted}", pretty_repr(granted), repr([granted])):
            assert "CANARY" not in shown
        for answer in (oauth_module._TokenAnswer("CANARY-a", "CANARY-r", 1),):
            assert "CANARY" not in repr(answer)
            assert "CANARY" not in pretty_repr(answer)
        assert "CANARY" not in repr(one.oauth)


async def test_the_hard_end_of_a_refresh_token_is_stored_if_intuit_states_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        body = {**token_answer(1).json(), "x_refresh_token_hard_expires_in": 157680000}
        one.intuit.on_refresh = lambda _: httpx.Response(200, json=body)
        granted = await one.oauth.refresh("CANARY-old")
        assert granted.refresh_hard_expires_at == one.clock.now() + timedelta(seconds=157680000)
        assert one.intuit.requests[0].headers["x-include-refresh-token-hard-expires-in"] == "true"


ABSURD = [
    {"expires_in": 0},
    {"expires_in": -1},
    {"expires_in": 10**12},
    {"expires_in": 10**400},
    {"expires_in": 3600.5},
    {"expires_in": "3600"},
    {"expires_in": None},
    {"x_refresh_token_expires_in": -1},
    {"x_refresh_token_expires_in": 10**15},
    {"x_refresh_token_hard_expires_in": 10**15},
]


@pytest.mark.parametrize("says", ABSURD, ids=str)
async def test_an_absurd_answer_is_no_grant_and_its_tokens_can_be_given_back(
    tmp_path: Path, says: dict[str, object]
) -> None:
    async with bench(tmp_path) as one:
        one.intuit.on_refresh = lambda _: httpx.Response(200, json=token_answer(1).json() | says)
        with pytest.raises(GrantUnusable) as caught:
            await one.oauth.exchange("CANARY-code", "https://us.test/callback")
        assert "CANARY" not in repr(caught.value)
        assert caught.value.granted is not None
        assert caught.value.granted.refresh_token == "CANARY-refresh-1"


@pytest.mark.parametrize("says", ABSURD, ids=str)
async def test_a_good_token_in_an_absurd_answer_is_kept(tmp_path: Path, says: dict[str, object]) -> None:
    async with bench(tmp_path) as one:
        one.intuit.on_refresh = lambda _: httpx.Response(200, json=token_answer(1).json() | says)
        found = await one.oauth.refresh("CANARY-old")
        assert (found.access_token, found.refresh_token) == ("CANARY-access-1", "CANARY-refresh-1")
        assert found.access_expires_at == one.clock.now() + timedelta(hours=1)


async def test_without_a_refresh_token_the_old_one_stays(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.intuit.on_refresh = lambda _: httpx.Response(200, json={"access_token": "CANARY-a"})
        assert (await one.oauth.refresh("CANARY-old")).refresh_token == "CANARY-old"


async def test_a_refresh_token_without_an_access_token_is_to_be_stored(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.intuit.on_refresh = lambda _: httpx.Response(200, json={"refresh_token": "CANARY-new"})
        with pytest.raises(RefreshTokenOnly) as caught:
            await one.oauth.refresh("CANARY-old")
        assert caught.value.refresh_token == "CANARY-new"
        assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("token", ["a\r\nx: y", "ä", "a b", "", "x" * 8193])
async def test_a_token_that_can_stand_in_no_header_is_none(tmp_path: Path, token: str) -> None:
    async with bench(tmp_path) as one:
        body = {**token_answer(1).json(), "access_token": token}
        one.intuit.on_refresh = lambda _: httpx.Response(200, json=body)
        with pytest.raises(GrantUnusable):
            await one.oauth.exchange("CANARY-code", "https://us.test/callback")
        with pytest.raises(RefreshTokenOnly):
            await one.oauth.refresh("CANARY-old")


class Endless(httpx.AsyncByteStream):
    """An endless answer, which counts the bytes that were read."""

    def __init__(self, begins: bytes = b"") -> None:
        self.begins = begins
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.begins
        while True:
            self.read += 4096
            yield b" " * 4096


async def test_no_more_of_an_answer_is_read_than_the_limit(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        stream = Endless(token_answer(1).content)
        one.intuit.on_refresh = lambda _: httpx.Response(200, stream=stream)
        with pytest.raises(GrantUnusable) as caught:
            await one.oauth.exchange("CANARY-code", "https://us.test/callback")
        assert stream.read <= oauth_module.ANSWER_BYTES_MAX + 4096
        assert caught.value.granted is not None


async def test_a_discovery_document_without_an_end_is_given_up_on() -> None:
    stream = Endless(msgspec.json.encode(DISCOVERY))
    client = answering(httpx.Response(200, stream=stream))
    with pytest.raises(NotSent, match="over 65536 bytes"):
        await client.discovery()
    assert stream.read <= oauth_module.ANSWER_BYTES_MAX + 4096


async def test_a_compressed_answer_is_refused() -> None:
    client = answering(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Endless()))
    with pytest.raises(NotSent, match="compressed"):
        await client.discovery()


@pytest.mark.parametrize(
    ("status", "is_final"), [(400, True), (401, True), (408, False), (429, False), (503, False)]
)
async def test_a_code_is_refused_for_good_or_for_now(tmp_path: Path, status: int, *, is_final: bool) -> None:
    async with bench(tmp_path) as one:
        one.intuit.on_refresh = lambda _: httpx.Response(status, json={"error": "CANARY <b>"})
        with pytest.raises(GrantRefused if is_final else NotSent) as caught:
            await one.oauth.exchange("CANARY-code", "https://us.test/callback")
        assert "CANARY" not in str(caught.value)
