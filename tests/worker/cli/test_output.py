"""The error of a failed command is one line, for logs that are read line by line."""

import pytest

from events.errors import DatabaseUnavailable
from worker.cli.failing import FINDING, fail_kindly


def test_a_reason_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "The database could not do its work: " + "why, " * 100 + "timeout"
    with pytest.raises(SystemExit) as left, fail_kindly():
        raise DatabaseUnavailable(reason)
    assert left.value.code == FINDING
    assert capsys.readouterr().err == f"q2c: {reason}\n"
