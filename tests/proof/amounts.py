"""The size of the proof: the default takes ten minutes on two cores; the environment sets the long form."""

import os

from msgspec import Struct


class Amounts(Struct, frozen=True):
    """The size of the proof.

    Attributes:
        first_seed: The first seed of the simulation.
        end_seed: The seed after the last.
        crash_points: The number of crash points.
        kills: The number of kills of the real `q2c up`.
        customers: The number of customers whose first read is killed.
        seed: The seed of the kills and of the chaos.
    """

    first_seed: int
    end_seed: int
    crash_points: int
    kills: int
    customers: int
    seed: int


def asked() -> Amounts:
    """Read the size from the environment.

    Raises:
        ValueError: A variable has an invalid value.
    """
    first, _, end = os.environ.get("Q2C_PROVE_SEEDS", "1:51").partition(":")
    return Amounts(
        first_seed=int(first),
        end_seed=int(end),
        crash_points=int(os.environ.get("Q2C_PROVE_CRASH_POINTS", "120")),
        kills=int(os.environ.get("Q2C_PROVE_KILLS", "30")),
        customers=int(os.environ.get("Q2C_PROVE_CUSTOMERS", "10000")),
        seed=int(os.environ.get("Q2C_PROVE_SEED", "20260505")),
    )


AMOUNTS = asked()
