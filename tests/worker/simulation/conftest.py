"""One store for the simulation's tests, without logs: compiling its statements takes longer than a seed."""

from collections.abc import Iterator

import pytest
import structlog

from worker.simulation import campaign
from worker.simulation.database import Store


@pytest.fixture(scope="package", autouse=True)
def quiet() -> Iterator[None]:
    configured = structlog.get_config()
    campaign.silence_logs()
    yield
    structlog.configure(**configured)


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("simulation"))
