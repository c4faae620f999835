"""The real `q2c` command."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.worker.running import Forks, Run


@pytest.fixture(scope="session")
def inherited() -> Mapping[str, str]:
    """The environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("Q2C_")}


@pytest.fixture(scope="session")
def migrated_file(
    forks: Forks, inherited: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """The database of an empty installation, as the command made it."""
    directory = tmp_path_factory.mktemp("migrated")
    file = directory / "q2c.sqlite3"
    migrated = forks.run(("migrate",), {**inherited, "Q2C_DATABASE_URL": f"sqlite:///{file}"}, directory)
    assert migrated.returncode == 0, migrated.stderr
    return file.read_bytes()


@pytest.fixture
def q2c(forks: Forks, inherited: Mapping[str, str], migrated_file: bytes, tmp_path: Path) -> Run:
    """Run the real command on an empty installation, whose database is copied: it takes longer than a command to make."""
    file = tmp_path / "q2c.sqlite3"
    file.write_bytes(migrated_file)

    def run(*arguments: str | bytes, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**inherited, "Q2C_DATABASE_URL": f"sqlite:///{file}", **variables}
        return forks.run(arguments, environment, tmp_path)

    return run
