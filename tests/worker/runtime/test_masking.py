"""No secret of a URL is ever shown: not by q2c config, not in an error, not in the log."""

import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock
from urllib.parse import quote, unquote

import pytest
import structlog
import typer
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from events.database import postgres
from events.errors import DatabaseRefused, DatabaseUnavailable
from worker.cli import config, failing, output
from worker.runtime import logs
from worker.runtime.environment import ConfigurationError, Environment, environment, secret_replacements
from worker.runtime.masking import masked, replacements, scrubbed

CANARY = "CANARY"
# A secret contains the canary, surrounded by characters with a meaning in a URL.
secrets = st.builds(
    lambda before, after: f"{before}{CANARY}{after}",
    st.text(st.sampled_from("ab1:/@?#&=%+,;[]. !$'*~"), max_size=8),
    st.text(st.sampled_from("ab1:/@?#&=%+,;[]. !$'*~"), max_size=8),
)
encodings = st.sampled_from([str, quote, lambda text: quote(text, safe="")])
PLACES = (
    "postgresql://u:{}@db.example.com:5432/q2c",
    "postgresql://:{}@h/d?sslmode=require",
    "postgresql://u:{}@h:1,h2:2/d",
    "postgresql://h:5432/d?password={}",
    "postgresql://h/d?sslmode=require&sslpassword={}&user=u",
    "postgresql://u:p@h/d?password={}&host=x",
    "postgresql:///d?passfile=/x&secret_of_others={}",
    "postgres://u:{}@[::1]:5432/d",
    "kafka://u:{}@one:9092,kafka://u:{}@two:9092",
    "kafka://u:{}@one:9092,two:9092",
    "https://{}@quickbooks.example.com/x",
    "https://u:{}@quickbooks.example.com",
    "https://quickbooks.example.com/x?token={}",
    "https://quickbooks.example.com/x#{}",
    "http://h:80?sasl_password={}",
)
urls = st.builds(
    lambda place, secret, encode: place.replace("{}", encode(secret)),
    st.sampled_from(PLACES),
    secrets,
    encodings,
)
NAMES = ("database_url", "kafka_url", "public_url", "quickbooks_api_url", "quickbooks_discovery_url")


@given(urls)
@settings(max_examples=600)
@example("postgresql://h:5432/d?password=p@CANARY")
@example("postgresql://u:12?sslmode=CANARY@h/d")
def test_a_masked_url_contains_no_part_of_a_secret(url: str) -> None:
    assert CANARY not in masked(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h:5432/d?sslmode=verify-full", "postgresql://u:***@h:5432/d?sslmode=verify-full"),
        ("postgresql://u@h1:1,h2:2/d", "postgresql://u@h1:1,h2:2/d"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
        ("postgresql://u:p/s@h/d?sslpassword=x", "postgresql://u:***@h/d?sslpassword=***"),
        ("kafka://one:9092,kafka://two:9092", "kafka://one:9092,kafka://two:9092"),
        ("https://token@h/x", "https://***@h/x"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("no url at all", "no url at all"),
    ],
)
def test_parts_without_secrets_are_shown(url: str, shown: str) -> None:
    assert masked(url) == shown


@contextlib.contextmanager
def written_to(file: io.StringIO, *consoles: Console) -> Iterator[None]:
    before = [console._file for console in consoles]  # None if it follows sys.stdout or sys.stderr
    for console in consoles:
        console.file = file
    try:
        yield
    finally:
        for console, known in zip(consoles, before, strict=True):
            console._file = known


def said(variables: dict[str, str]) -> str:
    """Return all output of this process about an environment: q2c config in both forms, its errors, its log."""
    printed = io.StringIO()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("Q2C_")}
    with (
        mock.patch.dict(os.environ, clean | variables, clear=True),
        contextlib.redirect_stdout(printed),
        written_to(printed, output.people, output.errors),
    ):
        for as_json in (True, False):
            with contextlib.suppress(typer.Exit):
                config.config(as_json=as_json)
        with contextlib.suppress(SystemExit), failing.fail_kindly():
            environment()
        for value in variables.values():
            with contextlib.suppress(SystemExit), failing.fail_kindly():
                raise DatabaseUnavailable(f"The driver says of {value} that it can't be")
    return printed.getvalue()


@given(st.sampled_from(NAMES), urls)
@settings(max_examples=80, deadline=None)
def test_config_and_errors_show_no_secret(name: str, url: str) -> None:
    assume("\0" not in url)
    found = said({f"Q2C_{name.upper()}": url})
    assert found
    assert CANARY not in found


@given(secrets)
@settings(max_examples=15, deadline=None)
def test_a_secret_without_a_url_is_never_shown(secret: str) -> None:
    assume(secret == secret.strip())
    for name in ("QUICKBOOKS_CLIENT_SECRET", "KAFKA_PASSWORD", "TOKEN_KEYS", "QUICKBOOKS_VERIFIER_TOKEN"):
        assert CANARY not in said({f"Q2C_{name}": secret, "Q2C_QUICKBOOKS_CLIENT_ID": "abc"})


@pytest.mark.parametrize("terminal", [True, False])
def test_no_log_quotes_a_secret(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    url = f"postgresql://u:{CANARY}%40@h/d?sslpassword=other{CANARY}"
    monkeypatch.setenv("Q2C_DATABASE_URL", url)
    monkeypatch.setenv("Q2C_QUICKBOOKS_CLIENT_SECRET", f"s{CANARY}")
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    monkeypatch.setattr(written, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", written)
    before, root = structlog.get_config(), logging.getLogger()
    handlers = root.handlers[:]
    root.handlers.clear()
    try:
        logs.configure(Environment())
        logger: Any = structlog.get_logger()
        quoting = f"{url} and s{CANARY}"
        try:
            raise ValueError(quoting)  # noqa: TRY301 - what is logged has its traceback
        except ValueError as error:
            logger.exception("failed", problem=str(error), error=error, of=[url, {"deep": url}])
        logging.getLogger("library").warning("could not reach %s", url)
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
    written.seek(0)
    text = written.read()
    assert "failed" in text
    assert "could not reach" in text
    assert CANARY not in text


@given(secrets.map(lambda secret: quote(secret, safe="")), st.sampled_from(PLACES[:8]))
@settings(max_examples=60, deadline=None)
def test_a_driver_that_refuses_a_url_does_not_quote_it(secret: str, place: str) -> None:
    url = place.replace("{}", secret)
    problem = json.dumps([url, url.partition("://")[2], secret, unquote(secret)])
    assert CANARY not in scrubbed(problem, replacements(url))


def test_the_given_secrets_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Q2C_TOKEN_KEYS", "first, second")
    monkeypatch.setenv("Q2C_DATABASE_URL", "postgresql://u:a%40b%2Bc@h/d")
    assert {"first", "second", "a%40b%2Bc", "a@b+c"} <= set(secret_replacements())


async def test_a_url_that_the_driver_refuses_is_refused_without_its_password() -> None:
    with pytest.raises((DatabaseRefused, ConfigurationError)) as caught:
        await postgres.connect(f"postgresql://u:{CANARY}@h:1,h:2,h:3/d?port=1,2&target_session_attrs=odd")
    assert CANARY not in str(caught.value)
