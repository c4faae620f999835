"""What goes wrong and when: two lists by seed, one of machines and one of networks, followed at the same time."""

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
# Longer than anything is held for: the Kafka session, a subscription, a company, a command.
HELD_SECONDS = max(SESSION_SECONDS, LEASE_SECONDS, REALM_HELD_SECONDS, TIMING.lease.total_seconds())
FROZEN_SECONDS = (1.25 * HELD_SECONDS, 1.5 * HELD_SECONDS)
DOWN_SECONDS = (0.5, 3.0)
VISIT_SECONDS = (5.0, 8.0)
TROUBLE_SECONDS = (0.8, 2.0)
BLACKHOLE_SECONDS = (2.0, 5.0)
PAUSE_SECONDS = (0.3, 1.5)
# What it takes besides until the next thing can be done; only to tell how long all of it will take.
BROKER_START_SECONDS = 8.0
POSTGRES_START_SECONDS = 1.0


class Fault(Struct, frozen=True):
    """Something that goes wrong.

    Attributes:
        kind: `kill` and `term` of a process; `freeze` of a process or a machine; `broker` killed; `postgres`
            stopped at once; `guest`, who joins ingestion and leaves; or one of a proxy's.
        target: Which process, machine or proxy.
        seconds: For how long.
        pause_seconds: What follows.
    """

    kind: str
    target: str
    seconds: float = 0
    pause_seconds: float = 0

    @property
    def takes_seconds(self) -> float:
        """About how long it takes, with the pause."""
        start = {"broker": BROKER_START_SECONDS, "postgres": POSTGRES_START_SECONDS}.get(self.kind, 0)
        return self.seconds + self.pause_seconds + start


class Amounts(Struct, frozen=True):
    """How many of each; `rounds` are of every kind of trouble on every network."""

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
    """Processes and servers, in an order by chance; every place has its turn before one has its second."""
    random = Random(f"{seed} machines")
    kills, terms = _in_turn(PLACES, amounts.kills, random), _in_turn(PLACES, amounts.terms, random)
    # A machine that stands still, then one process that does, and so on.
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
    """Every kind of trouble on every network, in an order by chance."""
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
