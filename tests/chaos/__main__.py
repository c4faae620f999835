"""`python -m tests.chaos`: the long form; `… soak`: half load for a long time. Exit status 1 after a finding."""

import argparse
import logging
import sys
import time

import msgspec
import uvloop

from tests.chaos import report, run, soak
from tests.chaos.report import Report
from tests.chaos.run import Options
from tests.chaos.sabotage import SABOTAGES
from tests.chaos.soak import Soaked

MESSAGES = 300_000
KILLS = 20
MINUTES = 30.0
SETTLE_SECONDS_MAX = 600.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["run", "soak"], default="run", help="run, or soak")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of a soak")
    parser.add_argument("--messages", type=int, default=MESSAGES, help="valid messages, each counted once")
    parser.add_argument("--kills", type=int, default=KILLS, help="SIGKILLs; other faults in proportion")
    parser.add_argument("--tales", type=int, default=150, help="complete deals of each company")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="repeats a run, but for its timing"
    )
    parser.add_argument("--without", choices=SABOTAGES, help="a safeguard to remove: the run has to notice")
    parser.add_argument("--keep", action="store_true", help="keep the logs even if every check passes")
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else there")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers are killed on purpose
    found: Report | Soaked
    if given.what == "soak":
        found = uvloop.run(soak.soak(given.minutes, given.seed, say))
        shown = soak.text(found)
    else:
        amounts = run.amounts_of(given.kills)
        options = Options(given.seed, given.messages, given.tales, amounts, SETTLE_SECONDS_MAX, given.without)
        found = uvloop.run(run.run(options, say, kept=given.keep))
        shown = report.text(found)
    sys.stdout.write((msgspec.json.encode(found).decode() if given.json else shown) + "\n")
    return 0 if found.good else 1


def say(sentence: str) -> None:
    sys.stderr.write(f"· {sentence}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
