"""The size of the proof: the default takes ten minutes on two cores; the environment sets the long form."""

import os
import subprocess
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]
THIRDS = 3
ALL = "all"


class Amounts(Struct, frozen=True):
    """The size of the proof.

    Attributes:
        first_seed: The first seed of the simulation.
        end_seed: The seed after the last.
        crash_points: The number of crash points.
        third: The third of the safeguards that is removed; None means all.
        kills: The number of kills of the real `q2c up`.
        customers: The number of customers whose first read is killed.
        seed: The seed of the kills and of the chaos.
    """

    first_seed: int
    end_seed: int
    crash_points: int
    third: int | None
    kills: int
    customers: int
    seed: int


def asked() -> Amounts:
    """Read the size from the environment.

    Raises:
        ValueError: A variable has an invalid value.
    """
    first, _, end = os.environ.get("Q2C_PROVE_SEEDS", "1:51").partition(":")
    third = os.environ.get("Q2C_PROVE_ABLATIONS") or by_commit(commit())
    return Amounts(
        first_seed=int(first),
        end_seed=int(end),
        crash_points=int(os.environ.get("Q2C_PROVE_CRASH_POINTS", "120")),
        third=None if third == ALL else int(third) % THIRDS,
        kills=int(os.environ.get("Q2C_PROVE_KILLS", "30")),
        customers=int(os.environ.get("Q2C_PROVE_CUSTOMERS", "10000")),
        seed=int(os.environ.get("Q2C_PROVE_SEED", "20260505")),
    )


def commit() -> str:
    """Return the short hash of this tree's commit; empty without one."""
    named = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - git is where the user has it
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return named.stdout.strip() if named.returncode == 0 else ""


def by_commit(short: str) -> str:
    """Return the third for a commit by its short hash, so that each third has its turn; without a commit, all."""
    return str(int(short, 16) % THIRDS) if short else ALL


AMOUNTS = asked()
