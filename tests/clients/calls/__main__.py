"""Run the cases of one module on the sandbox that standard input describes; print each result as a JSON line."""

import importlib
import json
import sys
import traceback

from tests.clients.calls.line import Line


def main() -> None:
    """Run the cases in the order in which they are written: they share one company."""
    line = Line(json.load(sys.stdin))
    module = importlib.import_module(f"tests.clients.calls.{sys.argv[1]}")
    for name, call in vars(module).items():
        if not name.startswith("case_"):
            continue
        error = None
        try:
            call(line)
        except Exception:  # noqa: BLE001 - whatever stops a library is a result
            error = traceback.format_exc()
        print(json.dumps({"case": name.removeprefix("case_"), "error": error}))  # noqa: T201 - that is the protocol


main()
