"""`python -m tests.golden` rewrites every golden file; review the diff."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden.cases import CASES
from tests.golden.play import BODIES, play


async def write() -> None:
    """Rewrite the file of each case, and remove others."""
    for old in BODIES.glob("*.json"):
        old.unlink()
    for case in CASES:
        with TemporaryDirectory() as directory:
            (BODIES / f"{case.name}.json").write_text(await play(case, Path(directory)))


if __name__ == "__main__":
    asyncio.run(write())
