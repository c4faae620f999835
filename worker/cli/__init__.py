"""The `q2c` command."""

import sys

from worker.cli.root import app


def main() -> None:
    """Run the command line; what a person did wrong is one sentence and exit status 2, never a traceback."""
    from worker.cli.output import fail_kindly  # noqa: PLC0415 - nothing is imported before it is used

    with fail_kindly():
        app(prog_name="q2c")
    sys.exit(0)
