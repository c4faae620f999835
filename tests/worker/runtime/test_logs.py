"""Every log entry is one line of JSON, whatever was logged; values named like secrets are masked."""

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import structlog
from hypothesis import example, given
from hypothesis import strategies as st

from events.contract import controls
from worker.runtime import logs
from worker.runtime.environment import Environment

ROOT = Path(__file__).parents[3]
LOGGING = """
from decimal import Decimal
import structlog
from worker.runtime import environment, logs
logs.configure(environment.Environment())
logger = structlog.get_logger()
logger.info("plain", realm="913", amount=Decimal("1.50"), access_token="s3cret")
logger.warning("no text", name="half \\ud800 a character\\n", client_secret="s3cret")
try:
    raise ValueError("a defect")
except ValueError:
    logger.exception("failed", of={1, 2})
logger.debug("too much")
"""


def test_a_process_logs_lines_of_json_without_secrets() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", LOGGING], env=environment, capture_output=True, check=True, timeout=60
    )
    assert ended.stdout == b""
    assert b"s3cret" not in ended.stderr
    plain, half, failed = [json.loads(line) for line in ended.stderr.splitlines()]
    assert (plain["event"], plain["level"], plain["realm"]) == ("plain", "info", "913")
    assert Decimal(plain["amount"]) == Decimal("1.50")
    assert (plain["access_token"], half["client_secret"]) == ("***", "***")
    assert half["name"] == "half \ud800 a character\n"
    assert "ValueError: a defect" in failed["exception"]


class Terminal(io.StringIO):
    """A terminal that records its output."""

    def isatty(self) -> bool:
        return True

    def said(self) -> str:
        said = self.getvalue()
        self.seek(0)
        self.truncate()
        return said


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Set up logging with a terminal as stderr."""
    root, before, stderr = logging.getLogger(), structlog.get_config(), sys.stderr
    handlers = list(root.handlers)
    sys.stderr = written = Terminal()
    try:
        logs.configure(Environment())
        structlog.configure(cache_logger_on_first_use=False)
        yield written
    finally:
        sys.stderr = stderr
        structlog.configure(**before)
        root.handlers[:] = handlers


def test_a_terminal_gets_lines_for_people() -> None:
    with terminal() as written:
        structlog.get_logger().info("plain", access_token="s3cret")
    said = written.said()
    assert "plain" in said
    assert not said.startswith("{")
    assert "s3cret" not in said


class Odd:
    """An error with any message."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


COLOURS = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\u2066\u061c\x85\u2028\x7f\r\nERROR fake \ud800"


@given(text=st.text(st.characters(exclude_categories=[])))
@example(text=HOSTILE)
def test_a_terminal_obeys_nothing_that_is_logged(text: str) -> None:
    with terminal() as written:
        logger = structlog.get_logger()
        logger.warning(text, realm=text, of=[text], odd=Odd(text), **{f"key{text}": 1})
        assert written.said().count("\n") == 1
        logging.getLogger("library").warning("%s", text)
        logger.error("failed", exc_info=ValueError(text))
        said = COLOURS.sub("", written.said())
    assert not controls.holds_any(said.replace("\n", "").replace("\t", ""))
    assert all(line.startswith("  ") for line in said.splitlines()[2:])


@given(text=st.text(st.characters(exclude_categories=[])))
@example(text=HOSTILE)
def test_an_entry_in_json_is_one_line_with_the_same_content(text: str) -> None:
    line = logs._line({"event": text, f"key{text}": [text]}, default=repr)
    assert not controls.holds_any(line.decode())
    assert json.loads(line) == {"event": text, f"key{text}": [text]}


def test_a_librarys_record_is_an_entry_like_ours() -> None:
    said = """
import logging
from worker.runtime import environment, logs
logs.configure(environment.Environment())
logging.getLogger("asyncio").error("socket.accept() out of system resource")
logging.getLogger("odd").warning("%d", "no number")
logging.getLogger("quiet").info("nothing")
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", said], env=environment, capture_output=True, check=True, timeout=60
    )
    entries = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(entry["event"], entry["level"], entry["of"], entry["said"]) for entry in entries] == [
        ("library.logged", "error", "asyncio", "socket.accept() out of system resource"),
        ("library.logged", "warning", "odd", "%d"),
    ]
