"""The demo as a user runs it: with real processes and sockets, faults and kills."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from worker.demo import story

KEPT = "Stop with Ctrl-C. To look around, in another shell:\n"
Q2C = Path(sys.executable).with_name("q2c")


def test_every_won_deal_gets_its_one_invoice() -> None:
    finished = subprocess.run(
        [Q2C, "demo", "--json", "--deals", "18", "--faults", "0.3"],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    [line] = finished.stdout.splitlines()
    shown = json.loads(line)
    assert {"deals", "won", "invoices", "duplicates", "held", "faults", "restarts", "seconds"} <= shown.keys()
    assert (shown["deals"], shown["duplicates"], shown["restarts"]) == (18, 0, 2)
    assert shown["waiting_for"] is None
    assert shown["invoices"] == 13
    assert all(set(held) == {"deal", "gate"} for held in shown["held"])
    assert sum(shown["faults"].values()) > 5
    assert shown["notices"] > shown["invoices"], "of the customers and items too"


def test_a_kept_demo_can_be_used_by_its_printed_commands() -> None:
    command = [str(Q2C), "demo", "--keep", "--deals", "6", "--faults", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
        assert demo.stdout is not None
        try:
            shown = "".join(iter(demo.stdout.readline, KEPT))
            exports = dict(_exports(demo.stdout))
            looked = [
                subprocess.run(
                    [Q2C, *words.split()],
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=60,
                    env=os.environ | exports,
                )
                for words in ("deals", "explain D-006", "verify", "connect")
            ]
        finally:
            demo.send_signal(signal.SIGINT)
    assert demo.returncode == 0, shown
    assert [answer.returncode for answer in looked] == [0, 1, 0, 0], [answer.stderr for answer in looked]


def _exports(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Return the variables that the demo exports for a shell, up to its last line."""
    for line in lines:
        (_, assignment) = shlex.split(line)
        name, _, value = assignment.partition("=")
        yield name, value
        if name == "Q2C_WORKSPACE":
            return


def test_every_deal_is_won_after_the_cut_over_even_at_midnight() -> None:
    tales = story.tales(30, Random(1), datetime(2026, 11, 25, 0, 5, tzinfo=UTC))
    days = {tale.begins_at.day for tale in tales}
    assert days == {24, 25}
    assert all(tale.begins_at >= story.day_of_the_first(tales) for tale in tales)
