"""Every line of the log is one line of JSON, whatever was logged; what is named like a secret is masked."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import structlog

from worker import logs
from worker.settings import Environment

ROOT = Path(__file__).parents[2]
LOGGING = """
from decimal import Decimal
import structlog
from worker import logs, settings
logs.configure(settings.Environment())
logger = structlog.get_logger()
logger.info("plain", realm="913", amount=Decimal("1.50"), access_token="s3cret")
logger.warning("no text", name="half \\ud800 a character\\n", client_secret="s3cret")
try:
    raise ValueError("a defect")
except ValueError:
    logger.exception("failed", of={1, 2})
logger.debug("too much")
"""


def test_what_a_process_logs_is_json_a_line_and_no_secret() -> None:
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


def test_a_terminal_gets_lines_for_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    before = structlog.get_config()
    try:
        logs.configure(Environment())
        structlog.get_logger().info("plain", access_token="s3cret")
    finally:
        structlog.configure(**before)
    said = capsys.readouterr().err
    assert "plain" in said
    assert not said.startswith("{")
    assert "s3cret" not in said
