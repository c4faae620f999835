"""The real `q2c` command."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.worker.running import Forks, Run


@pytest.fixture
def q2c(forks: Forks, tmp_path: Path) -> Run:
    """Run the real command on an empty installation."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("Q2C_")}

    def run(*arguments: str | bytes, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = inherited | {"Q2C_DATABASE_URL": f"sqlite:///{tmp_path / 'q2c.sqlite3'}"} | variables
        return forks.run(arguments, environment, tmp_path)

    return run
