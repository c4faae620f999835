"""The `q2c` command."""

import os
import sys

from worker.cli.failing import Unusable, fail_kindly
from worker.cli.root import app


def main() -> None:
    """Run the command line; an error that a person can correct is one sentence and exit status 2, never a traceback."""
    os.umask(0o077)  # only the user may read the files that a command writes
    with fail_kindly():
        for argument in sys.argv[1:]:
            if not _is_text(argument):
                raise Unusable(f"An argument is not UTF-8: {argument!a}.")
        app(prog_name="q2c")
    sys.exit(0)


def _is_text(argument: str) -> bool:
    # Bytes that are none in UTF-8 arrive as halves of characters, which nothing can write again.
    return not any("\ud800" <= character <= "\udfff" for character in argument)
