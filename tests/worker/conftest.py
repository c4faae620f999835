"""The real `q2c` command as a fixture."""

from collections.abc import Iterator

import pytest

from tests.worker.running import Forks, forking


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with forking() as opened:
        yield opened
