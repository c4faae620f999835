"""The peer's side of the protocol between benchmark and peer."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

Answer = dict[str, Any]


def serve(calls: Mapping[str, Callable[..., Answer]]) -> None:
    """Answer requests until stdin ends. Only answers go to stdout; all other output goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = calls[asked.pop("call")](**asked)
        except Exception:  # noqa: BLE001 - any error is returned to the benchmark
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
