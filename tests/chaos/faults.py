"""Two lists of faults by seed, one of machines and one of networks, carried out at the same time."""

from collections.abc import Sequence
from random import Random

from msgspec import Struct

from events.log.subscriptions import LEASE_SECONDS
from tests.chaos import proxy
from tests.chaos.fleet import MACHINES, ROLES_OF_A_MACHINE
from tests.chaos.ground import SESSION_SECONDS, TIMING
from worker.commands.companies import REALM_HELD_SECONDS

PLACES = tuple(f"{roles[0]}-{machine}" for machine in MACHINES for roles in ROLES_OF_A_MACHINE)
PROXIES = ("postgres", "kafka", "quickbooks")
# Longer than every lease: the Kafka session, a subscription, a company, a command.
HELD_SECONDS = max(SESSION_SECONDS, LEASE_SECONDS, REALM_HELD_SECONDS, TIMING.lease.total_seconds())
FROZEN_SECONDS = (1.25 * HELD_SECONDS, 1.5 * HELD_SECONDS)
DOWN_SECONDS = (0.5, 3.0)
VISIT_SECONDS = (5.0, 8.0)
TROUBLE_SECONDS = (0.8, 2.0)
BLACKHOLE_SECONDS = (2.0, 5.0)
PAUSE_SECONDS = (0.3, 1.5)
# The additional time until the next fault is possible; only to estimate the whole duration.
BROKER_START_SECONDS = 8.0
POSTGRES_START_SECONDS = 1.0


class Fault(Struct, frozen=True):
    """A fault.

    Attributes:
        kind: `kill` and `term` of a process; `freeze` of a process or a machine; `broker` killed; `postgres`
            stopped at once; `guest`, which joins ingestion and leaves; or a proxy's kind.
        target: The process, machine or proxy.
        seconds: The length of the fault.
        pause_seconds: The pause after it.
    """

    kind: str
    target: str
    seconds: float = 0
    pause_seconds: float = 0

    @property
    def takes_seconds(self) -> float:
        """The approximate duration, with the pause."""
        start = {"broker": BROKER_START_SECONDS, "postgres": POSTGRES_START_SECONDS}.get(self.kind, 0)
        return self.seconds + self.pause_seconds + start


class Amounts(Struct, frozen=True):
    """The number of faults of each kind; `rounds` counts every network fault on every network."""

    kills: int
    terms: int
    freezes: int
    brokers: int
    postgres: int
    guests: int
    rounds: int

    @property
    def total(self) -> int:
        return (
            self.kills
            + self.terms
            + self.freezes
            + self.brokers
            + self.postgres
            + self.guests
            + self.rounds * len(PROXIES) * len(proxy.KINDS)
        )


def machine_faults(amounts: Amounts, seed: int) -> list[Fault]:
    """Return the faults of processes and servers in random order; every place has a turn before one has its second."""
    random = Random(f"{seed} machines")
    kills, terms = _in_turn(PLACES, amounts.kills, random), _in_turn(PLACES, amounts.terms, random)
    # Freezes of a machine and of one process alternate.
    frozen = _in_turn(MACHINES, amounts.freezes, random)
    frozen[1::2] = _in_turn(PLACES, len(frozen[1::2]), random)
    faults = [
        *(Fault("kill", place) for place in kills),
        *(Fault("term", place) for place in terms),
        *(Fault("freeze", target, random.uniform(*FROZEN_SECONDS)) for target in frozen),
        *(Fault("broker", "kafka", random.uniform(*DOWN_SECONDS)) for _ in range(amounts.brokers)),
        *(Fault("postgres", "postgres", random.uniform(*DOWN_SECONDS)) for _ in range(amounts.postgres)),
        *(Fault("guest", "ingest", random.uniform(*VISIT_SECONDS)) for _ in range(amounts.guests)),
    ]
    return _muddled(faults, random)


def network_faults(amounts: Amounts, seed: int) -> list[Fault]:
    """Return every kind of fault on every network, in random order."""
    random = Random(f"{seed} networks")
    faults = [
        Fault(kind, name, random.uniform(*(BLACKHOLE_SECONDS if kind == "blackhole" else TROUBLE_SECONDS)))
        for _ in range(amounts.rounds)
        for kind in proxy.KINDS
        for name in PROXIES
    ]
    return _muddled(faults, random)


def _in_turn(targets: Sequence[str], count: int, random: Random) -> list[str]:
    chosen: list[str] = []
    while len(chosen) < count:
        chosen += random.sample(targets, len(targets))
    return chosen[:count]


def _muddled(faults: Sequence[Fault], random: Random) -> list[Fault]:
    return [
        Fault(fault.kind, fault.target, fault.seconds, random.uniform(*PAUSE_SECONDS))
        for fault in random.sample(faults, len(faults))
    ]
