"""python-quickbooks and intuit-oauth, unmodified, on `q2c sandbox` over HTTP.

The libraries are in an environment of their own, because python-quickbooks pins its version of intuit-oauth. `calls` runs
there, and prints the result of each case.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peer import cache, prepared

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
AREAS = sorted(path.stem for path in (HERE / "calls").glob("*.py") if "def case_" in path.read_text())
INTUITS_ISSUER = "https://oauth.platform.intuit.com/op/v1"
OPTIONS = (
    "--json --port 0 --no-limits --company us --company uk "
    f"--issuer {INTUITS_ISSUER} --redirect-uri http://localhost:8000/callback"
).split()
RUN_SECONDS_MAX = 60


@pytest.fixture(scope="module")
def libraries() -> Path:
    """The Python of the environment that has the libraries."""
    return prepared(HERE / "requirements.txt", cache() / "clients")


@contextmanager
def sandbox() -> Iterator[dict[str, Any]]:
    """Run a sandbox; give the line that it prints for apps."""
    command = [sys.executable, "-c", "from worker.cli import main; main()", "sandbox", *OPTIONS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield json.loads(running.stdout.readline())
        finally:
            running.terminate()


@pytest.mark.parametrize("area", AREAS)
def test_every_call_works_as_against_quickbooks(libraries: Path, area: str) -> None:
    command = [str(libraries), "-m", "tests.clients.calls", area]
    with sandbox() as line:
        done = subprocess.run(
            command,
            input=json.dumps(line),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS_MAX,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    results = [json.loads(each) for each in done.stdout.splitlines()]
    assert results
    failed = [f"{each['case']}: {each['error']}" for each in results if each["error"]]
    assert failed == [], "\n".join(failed)
