"""The demo, as a newcomer runs it: real processes, real sockets, faults on, kills included."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from worker.demo import story

Q2C = Path(sys.executable).with_name("q2c")


def test_every_won_deal_gets_its_one_invoice() -> None:
    finished = subprocess.run(
        [Q2C, "demo", "--json", "--deals", "18", "--faults", "0.4"],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    [line] = finished.stdout.splitlines()
    shown = json.loads(line)
    assert {"deals", "won", "invoices", "duplicates", "held", "faults", "restarts", "seconds"} <= shown.keys()
    assert (shown["deals"], shown["duplicates"], shown["restarts"]) == (18, 0, 2)
    assert shown["invoices"] == 13
    assert all(set(held) == {"deal", "gate"} for held in shown["held"])
    assert sum(shown["faults"].values()) > 5


def test_every_deal_is_won_after_the_cut_over_even_at_midnight() -> None:
    tales = story.tales(30, Random(1), datetime(2026, 11, 25, 0, 5, tzinfo=UTC))
    days = {tale.sent_at.day for tale in tales}
    assert days == {24, 25}
    assert all(tale.sent_at >= story.day_of_the_first(tales) for tale in tales)
