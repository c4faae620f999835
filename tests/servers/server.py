"""The common base of PostgreSQL's and Kafka's servers."""

import signal
from pathlib import Path
from typing import ClassVar

from tests.servers.certificates import Papers
from tests.servers.errors import NotOurs, NotSecured
from tests.servers.processes import Process


class Server:
    """A running server, which can be stopped if it was started by us, and has papers if it is secured."""

    orderly_stop: ClassVar[signal.Signals]

    def __init__(self, process: Process | None, papers: Papers | None) -> None:
        self._process = process
        self._papers = papers

    @property
    def pid(self) -> int:
        return self._own().pid

    @property
    def log(self) -> Path:
        return self._own().log

    @property
    def ca_file(self) -> Path:
        return self._asked_for().ca_file

    @property
    def username(self) -> str:
        return self._asked_for().username

    @property
    def password(self) -> str:
        return self._asked_for().password

    def stop(self) -> None:
        self._own().stop(self.orderly_stop)

    def start(self) -> None:
        """Start again on the same data and port."""
        self._own().start()

    def _own(self) -> Process:
        if self._process is None:
            raise NotOurs("this server is used as it is; ask for one with own=True")
        return self._process

    def _asked_for(self) -> Papers:
        if self._papers is None:
            raise NotSecured("this server asks for no papers; ask for one with secured=True")
        return self._papers
