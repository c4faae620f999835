"""Compressed bodies, as Intuit's Java SDK sends them."""

import gzip

import httpx
import msgspec
import pytest

from tests.worker.sandbox.app import App, decoded, fault, invoice
from tests.worker.sandbox.sockets import served
from worker.sandbox.encoding import BODY_BYTES_MAX
from worker.sandbox.messages import Reply

INVOICE = msgspec.json.encode(invoice())


def posted(app: App, body: bytes, encoding: str) -> Reply:
    return app.request(
        "POST",
        f"/v3/company/{app.company.realm}/invoice",
        body=body,
        authorization=f"Bearer {app.tokens['access_token']}",
        headers={"content-encoding": encoding},
    )


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_a_compressed_body_is_read(app: App, encoding: str) -> None:
    reply = posted(app, gzip.compress(INVOICE), encoding)
    assert reply.status == 200
    assert len(app.company.objects["Invoice"]) == 1


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (INVOICE, "gzip"),
        (gzip.compress(INVOICE)[:-9], "gzip"),
        (gzip.compress(INVOICE) + b"more", "gzip"),
        (gzip.compress(b" " * (BODY_BYTES_MAX + 1)), "gzip"),
        (INVOICE, "br"),
    ],
    ids=["not compressed", "cut", "more behind it", "too large", "in another way"],
)
def test_an_unreadable_body_is_refused(app: App, body: bytes, encoding: str) -> None:
    assert fault(posted(app, body, encoding)) == "2010"
    assert app.company.objects["Invoice"] == {}


async def test_answers_are_compressed_for_clients_that_accept_it(app: App) -> None:
    path = f"/v3/company/{app.company.realm}/preferences"
    async with served(app) as http:
        answers = {
            accepted: await http.get(path, headers={"accept-encoding": accepted})
            for accepted in ("gzip, deflate", "gzip;q=1.0,deflate;q=0.6", "*", "gzip;q=0", "identity", "")
        }
    encodings = [answer.headers.get("content-encoding") for answer in answers.values()]
    assert encodings == ["gzip", "gzip", "gzip", None, None, None]
    assert len({answer.text for answer in map(_without_time, answers.values())}) == 1


def _without_time(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(200, json={name: each for name, each in answer.json().items() if name != "time"})


def test_answers_of_the_api_have_the_headers_of_quickbooks(app: App) -> None:
    for reply in (app.call("GET", "preferences"), app.call("GET", "invoice/999")):
        assert reply.headers["server"] == "istio-envoy"
        assert reply.headers["service-time"].startswith("total=")
        assert reply.headers["cache-control"].startswith("max-age=0, no-cache, no-store")
        assert reply.headers["expires"] == "0"
        assert reply.headers["strict-transport-security"]
        assert decoded(reply)["time"]
