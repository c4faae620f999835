"""`python -m tests.chaos`: the long form, some ten minutes; exit status 1 if anything is wrong."""

import argparse
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop

from tests.chaos import report, run
from tests.chaos.ground import running_servers
from tests.chaos.run import Options

MESSAGES = 300_000
KILLS = 20
SETTLE_SECONDS_MAX = 600.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES, help="good ones, each counted once")
    parser.add_argument("--kills", type=int, default=KILLS, help="SIGKILLs; other faults in proportion")
    parser.add_argument("--tales", type=int, default=150, help="deals of each company told to their end")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="repeats a run, but for its timing"
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else there")
    given = parser.parse_args()
    options = Options(
        given.seed, given.messages, given.tales, run.amounts_of(given.kills), SETTLE_SECONDS_MAX
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that a broker is down is no news here
    directory = Path(tempfile.mkdtemp(prefix="q2c-chaos-"))
    say(f"Seed {options.seed}; logs in {directory}")
    with running_servers() as servers:
        try:
            found = uvloop.run(run.run(options, servers, directory, say))
        except Exception as error:  # noqa: BLE001 - a run that breaks says its seed, too
            sys.stderr.write(run.failed(options, directory, error) + "\n")
            return 1
    shown = msgspec.json.encode(found).decode() if given.json else report.text(found)
    sys.stdout.write(shown + "\n")
    if found.good:
        shutil.rmtree(directory)
    return 0 if found.good else 1


def say(sentence: str) -> None:
    sys.stderr.write(f"· {sentence}\n")
    sys.stderr.flush()


sys.exit(main())
