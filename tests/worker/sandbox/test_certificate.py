"""The sandbox over https, with a certificate of its own."""

import logging
import ssl
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from events.clock import SystemClock
from tests.worker.sandbox.app import App, invoice
from tests.worker.sandbox.sockets import PATIENCE_SECONDS, running
from worker.quickbooks.http import http_client
from worker.runtime.environment import Environment
from worker.sandbox import server
from worker.sandbox.certificate import made


async def test_a_client_that_trusts_the_certificate_is_served_by_any_name_of_the_machine(
    app: App, tmp_path: Path
) -> None:
    pair = made(tmp_path, "127.0.0.1", SystemClock().now())
    trusting = ssl.create_default_context(cafile=pair.certificate)
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    async with (
        running(partial(server.run, key_pair=pair), app.sandbox, SystemClock()) as url,
        httpx.AsyncClient(verify=trusting) as http,
        httpx.AsyncClient() as stranger,
    ):
        assert url.startswith("https://")
        for address in (url, url.replace("127.0.0.1", "localhost")):
            found = (await http.get(f"{address}/.well-known/openid_sandbox_configuration")).json()
            assert found["token_endpoint"].startswith(f"{address}/")
        with pytest.raises(httpx.ConnectError):
            await stranger.get(url)


async def test_a_connection_breaks_off_as_without_encryption(
    app: App, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pair = made(tmp_path, "127.0.0.1", SystemClock().now())
    app.control("faults", {"script": ["lost_answer", "half_body"]})
    path = f"/v3/company/{app.company.realm}/invoice"
    headers = {"authorization": f"Bearer {app.tokens['access_token']}"}
    async with (
        running(partial(server.run, key_pair=pair), app.sandbox, SystemClock()) as url,
        httpx.AsyncClient(verify=ssl.create_default_context(cafile=pair.certificate)) as http,
    ):
        for count in (1, 2):
            with pytest.raises(httpx.TransportError):
                await http.post(f"{url}{path}", json=invoice(), headers=headers)
            assert len(app.company.objects["Invoice"]) == count
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_a_worker_trusts_it_in_the_environment_that_is_exported(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = made(tmp_path, "127.0.0.1", SystemClock().now())
    async with running(partial(server.run, key_pair=pair), app.sandbox, SystemClock()) as url:
        for name, value in server.exports(app.sandbox, url, pair).items():
            monkeypatch.setenv(name, value)
        async with http_client(PATIENCE_SECONDS) as http:
            assert (await http.get(str(Environment().quickbooks_discovery_url))).status_code == 200


def test_the_certificate_is_for_its_host_and_its_key_is_in_another_file(tmp_path: Path) -> None:
    pair = made(tmp_path, "sandbox.example", datetime(2026, 1, 1, tzinfo=UTC))
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["sandbox.example", "localhost"]
    assert b"PRIVATE KEY" not in pair.certificate.read_bytes()
    assert b"PRIVATE KEY" in pair.private_key.read_bytes()
