"""How much is played: the default takes ten minutes on two cores; the long form is asked for by the environment."""

import os
import subprocess
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]
THIRDS = 3
ALL = "all"


class Amounts(Struct, frozen=True):
    """What the environment asks for.

    Attributes:
        first_seed: The first of the seeds of the simulation.
        end_seed: The one after the last.
        crash_points: How many single steps a worker is killed after.
        third: Which third of the safeguards is taken away; none is all of them.
        kills: How often the real `q2c up` is killed.
        seed: Of the kills and of the chaos.
    """

    first_seed: int
    end_seed: int
    crash_points: int
    third: int | None
    kills: int
    seed: int


def asked() -> Amounts:
    """Read the environment.

    Raises:
        ValueError: A variable is none of what it can be.
    """
    first, _, end = os.environ.get("Q2C_PROVE_SEEDS", "1:201").partition(":")
    third = os.environ.get("Q2C_PROVE_ABLATIONS") or by_commit(commit())
    return Amounts(
        first_seed=int(first),
        end_seed=int(end),
        crash_points=int(os.environ.get("Q2C_PROVE_CRASH_POINTS", "500")),
        third=None if third == ALL else int(third) % THIRDS,
        kills=int(os.environ.get("Q2C_PROVE_KILLS", "50")),
        seed=int(os.environ.get("Q2C_PROVE_SEED", "20260505")),
    )


def commit() -> str:
    """Name the commit of this tree; where there is none, nothing."""
    named = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - git is where the user has it
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return named.stdout.strip() if named.returncode == 0 else ""


def by_commit(short: str) -> str:
    """Choose the third of a commit by its short hash, so that each has its turn; without a commit, all."""
    return str(int(short, 16) % THIRDS) if short else ALL


AMOUNTS = asked()
