"""Server processes that end with the test run, run by an ordinary user even if we are root."""

import os
import pwd
import random
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from tests.servers.errors import Failed

LOOPBACK = "127.0.0.1"
# Below the ports of outgoing connections, so that a port stays free while a server is down.
PORTS = range(20_000, 32_000)
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
POLL_SECONDS = 0.03
LOG_CHARACTERS_SHOWN = 3_000

# For Linux, a parent dies with its thread. This thread lives as long as the interpreter.
_starter = ThreadPoolExecutor(1, thread_name_prefix="servers")


class Owner(msgspec.Struct, frozen=True):
    """The user and group that a server runs as, as Popen's arguments; None means our own."""

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None


def ordinary_owner() -> Owner:
    """Return an ordinary user if we are root, since PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return Owner()
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return Owner(entry.pw_uid, entry.pw_gid, ())


def give(path: Path, owner: Owner) -> None:
    """Give a file or an empty directory to the server's user."""
    if owner.user is not None and owner.group is not None:
        os.chown(path, owner.user, owner.group)


def free_port() -> int:
    for port in random.SystemRandom().sample(PORTS, k=200):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise Failed("200 random ports are all in use")


@contextmanager
def home(directory: Path | None, name: str, owner: Owner) -> Iterator[Path]:
    """Yield the directory of a server: a given one stays, a temporary one is removed afterwards."""
    if directory is None:
        made = Path(tempfile.mkdtemp(prefix=f"q2c-{name}-"))
        give(made, owner)
        try:
            yield made
        finally:
            shutil.rmtree(made)
        return
    directory.mkdir(parents=True, exist_ok=True)
    give(directory, owner)
    resolved = directory.resolve()
    if owner.user is not None and not all(
        parent.stat().st_mode & stat.S_IXOTH for parent in resolved.parents
    ):
        raise Failed(f"{directory} must be accessible to all users, because the server runs as another user")
    yield resolved


def run(command: Sequence[str | Path], directory: Path, owner: Owner) -> None:
    """Run one of a server's tools to its end."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=directory,
        user=owner.user,
        group=owner.group,
        extra_groups=owner.extra_groups,
        text=True,
    )
    if done.returncode != 0:
        raise Failed(
            f"{command[0]} ended with status {done.returncode}:\n{done.stdout[-LOG_CHARACTERS_SHOWN:]}"
        )


class Process:
    """A server process, running or stopped, with a fixed command and a log file."""

    def __init__(
        self,
        command: Sequence[str | Path],
        directory: Path,
        owner: Owner,
        *,
        ready: str,
        orphaned: signal.Signals,
    ) -> None:
        """`ready` is its log message when it is ready, `orphaned` its signal if we die without stopping it."""
        self.log = directory / "server.log"
        self._command = [*_dying_with_us(orphaned), *command]
        self._directory = directory
        self._owner = owner
        self._ready = ready
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._running is None:
            raise Failed(f"the server in {self._directory} is down")
        return self._running.pid

    def start(self) -> None:
        """Start the server, and wait until it is ready."""
        if self._running is not None and self._running.poll() is None:
            raise Failed(f"the server in {self._directory} runs already")
        with self.log.open("ab") as log:
            logged_before = log.tell()
            self._running = _starter.submit(self._popen, log).result()
        deadline = time.monotonic() + START_SECONDS_MAX
        while self._ready not in self._logged(logged_before):
            if self._running.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                said = self._logged(logged_before)[-LOG_CHARACTERS_SHOWN:]
                raise Failed(f"the server in {self._directory} did not become ready:\n{said}")
            time.sleep(POLL_SECONDS)

    def stop(self, how: signal.Signals) -> None:
        """Send a signal and wait until the server has ended; ignore a server that is down."""
        if self._running is None:
            return
        running, self._running = self._running, None
        running.send_signal(how)
        try:
            running.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            raise Failed(f"the server in {self._directory} ignored {how.name}") from None

    def _popen(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self._directory,
            user=self._owner.user,
            group=self._owner.group,
            extra_groups=self._owner.extra_groups,
            start_new_session=True,  # Ctrl-C reaches only us: we stop servers in order
        )

    def _logged(self, after: int) -> str:
        with self.log.open("rb") as log:
            log.seek(after)
            return log.read().decode(errors="replace")


def _dying_with_us(how: signal.Signals) -> list[str]:
    """Return a command prefix that ends a process with us; only on Linux, elsewhere a killed run leaves its servers."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", how.name.removeprefix("SIG"), "--"] if setpriv else []
