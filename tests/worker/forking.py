"""`python -m tests.worker.forking`: forks a `q2c` for each line on stdin, and answers with its exit status."""

import atexit
import gc
import json
import os
import sys
import threading
import traceback
from importlib import import_module
from typing import Any, NoReturn

import uvicorn  # noqa: F401 - roles import what they use: here it is imported already

from worker.cli import main
from worker.cli.root import SECTIONS


def serve() -> None:
    """Fork for each line, one after the other."""
    for section in SECTIONS.values():
        for lazy in (
            section.values()
        ):  # commands are imported when they are used; here they are imported before the fork
            import_module(f"worker.cli.{lazy.home.partition(':')[0]}")
    gc.freeze()
    for line in sys.stdin.buffer:
        child = os.fork()
        if not child:
            _command(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _command(asked: dict[str, Any]) -> NoReturn:
    """Run the command, and exit as Python does, but without the cleanup of objects that end with the process."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for name, fileno in (("stdout", 1), ("stderr", 2)):
        file = os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, fileno)
        os.close(file)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["directory"])
    sys.argv = ["q2c", *asked["arguments"]]
    status = 1
    try:
        main()
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does with whatever reaches it
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined] # it waits for the threads that are left
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve()
