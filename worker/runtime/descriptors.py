"""Watch the file descriptors: each connection and each file takes one, and a process has a limited number.

A process that runs out of them does not report it: connections are dropped, files seem missing. So a few descriptors are
opened from time to time, to check that they are available.
"""

import contextlib
import errno
import os
import resource

import structlog

from events.clock import Clock
from worker.runtime.health import Health

PART = "descriptors"
WANTED = 65_536
SPARE = 8  # with fewer, the next connection or file may be refused
LOOK_SECONDS = 1.0
SAY_SECONDS = 60.0
REMEDY = "Raise the limit (ulimit -n, LimitNOFILE= of systemd, ulimits of Docker), or find the client that opens so many connections"
logger = structlog.get_logger()


def raise_limit() -> None:
    """Raise this process's soft limit to its hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit() -> int:
    """Return this process's limit of file descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WANTED if soft == resource.RLIM_INFINITY else soft


async def watch(clock: Clock, health: Health) -> None:
    """Log each minute that descriptors have run out, and once that there are enough again; until cancelled."""
    logged_at: float | None = None
    while True:
        if are_available(SPARE):
            if logged_at is not None:
                logger.warning("descriptors.free_again")
            logged_at = None
            health.good(PART)
        else:
            health.bad(PART, f"All {limit()} file descriptors are in use. {REMEDY}.")
            if logged_at is None or clock.monotonic() - logged_at >= SAY_SECONDS:
                logger.error("descriptors.exhausted", limit=limit(), remedy=REMEDY)
                logged_at = clock.monotonic()
        await clock.sleep(LOOK_SECONDS)


def are_available(count: int) -> bool:
    """Return whether `count` more descriptors can be opened.

    Raises:
        OSError: Opening failed for another reason.
    """
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(count):
                opened.callback(os.close, os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            return False
    return True
