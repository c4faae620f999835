"""A kill after every single step of a worker, for several workloads; then it recovers, and is judged.

Random kills seldom hit the one moment between two commits that matters. So here each moment has its turn.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random

from msgspec import Struct

from worker.demo import story
from worker.demo.story import Twist
from worker.sandbox.trouble import Kind
from worker.sandbox.trouble import Plan as QuickBooksPlan
from worker.simulation.cluster import Cluster
from worker.simulation.database import Store
from worker.simulation.plan import DAY, FOREVER, Plan
from worker.simulation.seed import AfterStep, Verdict, run_seed

SECOND_KILL_AFTER = 25
FAULTS_END = 60.0


class Workload(Struct, frozen=True):
    """Some deals of one workspace, and what goes wrong beside the kill."""

    name: str
    twists: tuple[Twist, ...] = ("none",)
    troubles: tuple[Kind | None, ...] = ()
    memory_seconds: float = FOREVER
    database_rate: float = 0.0
    twice: bool = False


WORKLOADS: Sequence[Workload] = (
    Workload("calm"),
    Workload("two_deals", ("none", "won_by_crm")),
    Workload("answers_lost", troubles=(None, "lost_answer") * 12),
    Workload("applied_late", troubles=(None, "late") * 12, memory_seconds=60.0),
    Workload("killed_twice", troubles=(None, None, "server_error_after") * 6, twice=True),
    Workload("commits_unknown", database_rate=0.05),
)


class CrashPoint(Struct, frozen=True):
    """One moment of one workload: after so many steps of the first worker."""

    workload: str
    step: int


def plan(workload: Workload, seed: int) -> Plan:
    """Make the plan of a workload: one worker, nothing by chance but the order of steps."""
    random = Random(f"{seed}:{workload.name}")  # noqa: S311 - a simulation repeats itself
    tales = tuple(
        story.tale(number, twist, random, DAY) for number, twist in enumerate(workload.twists, start=1)
    )
    return Plan(
        hosts=1,
        start=DAY + timedelta(minutes=seed),
        tales={"acme": tales},
        stale_drafts=frozenset(),
        quickbooks=QuickBooksPlan(script=workload.troubles, writes_only=True, late_seconds=30),
        memory_seconds=workload.memory_seconds,
        database_rate=workload.database_rate,
        duplicate_rate=0.0,
        poison=(),
        kills=(),
        freezes=(),
        jumps=(),
        full_disk=(),
        disconnects=(),
        pauses=(),
        faults_end=FAULTS_END,
    )


def enumerated(store: Store, count: int, seed: int = 0) -> Iterator[tuple[CrashPoint, Verdict]]:
    """Kill at `count` moments, spread evenly over all steps of all workloads; at every one if there are fewer."""
    moments = [
        CrashPoint(workload.name, step)
        for workload in WORKLOADS
        for step in range(1, steps_of(store, workload, seed) + 1)
    ]
    stride = max(1.0, len(moments) / count)
    chosen = dict.fromkeys(int(place * stride) for place in range(count) if place * stride < len(moments))
    for place in chosen:
        yield moments[place], kill_at(store, moments[place], seed)


def kill_at(store: Store, point: CrashPoint, seed: int = 0) -> Verdict:
    """Play a workload, killing its worker at one moment."""
    workload = next(workload for workload in WORKLOADS if workload.name == point.workload)
    return run_seed(store, seed, plan(workload, seed), _killing(point.step, twice=workload.twice))


def steps_of(store: Store, workload: Workload, seed: int = 0) -> int:
    """Count the steps of a workload's worker when nobody kills it."""
    steps = 0

    def count(cluster: Cluster, life: str) -> None:
        nonlocal steps
        steps += life == cluster.hosts[0].life

    run_seed(store, seed, plan(workload, seed), count)
    return steps


def _killing(step: int, *, twice: bool) -> AfterStep:
    steps = {"w1#1": step, "w1#2": SECOND_KILL_AFTER if twice else 0}

    def kill(cluster: Cluster, life: str) -> None:
        left = steps.get(life, 0)
        if left:
            steps[life] = left - 1
            if left == 1:
                cluster.kill(cluster.hosts[0])

    return kill
