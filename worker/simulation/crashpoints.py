"""A kill after every single step of a worker, for several workloads; then it recovers, and is judged.

Random kills seldom hit the one moment between two commits that matters. So here each moment has its turn.
"""

from collections.abc import Sequence
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from worker.demo import story
from worker.demo.story import Twist
from worker.sandbox.trouble import Kind
from worker.sandbox.trouble import Plan as QuickBooksPlan
from worker.simulation.cluster import Cluster
from worker.simulation.database import Store
from worker.simulation.plan import DAY, FOREVER, Plan
from worker.simulation.seed import AfterStep, Verdict, run_seed

SEED = 1
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


def plan(workload: Workload) -> Plan:
    """Make the plan of a workload: one worker, nothing by chance but the order of steps."""
    random = Random(f"{SEED}:{workload.name}")  # noqa: S311 - a simulation repeats itself
    tales = tuple(
        story.tale(number, twist, random, DAY) for number, twist in enumerate(workload.twists, start=1)
    )
    return Plan(
        hosts=1,
        start=DAY,
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


def spread(store: Store, count: int) -> list[CrashPoint]:
    """Choose so many moments, evenly over all steps of all workloads; all of them if there are no more."""
    moments = [
        CrashPoint(workload.name, step)
        for workload in WORKLOADS
        for step in range(1, steps_of(store, workload) + 1)
    ]
    return (
        [moments[place * len(moments) // count] for place in range(count)]
        if count < len(moments)
        else moments
    )


def parse(text: str) -> CrashPoint:
    """Read a crash point as a failure names it, such as `answers_lost:217`.

    Raises:
        ValueError: There is no such workload, or no step.
    """
    workload, _, step = text.partition(":")
    if workload not in {known.name for known in WORKLOADS} or not step.isdecimal():
        raise ValueError(f"{text!r} is no crash point; it is a workload and a step, such as calm:17")
    return CrashPoint(workload, int(step))


def kill_at(store: Store, point: CrashPoint) -> Verdict:
    """Play a workload, killing its worker at one moment."""
    workload = next(workload for workload in WORKLOADS if workload.name == point.workload)
    killing = _killing(point.step, twice=workload.twice)
    verdict = run_seed(store, SEED, plan(workload), killing)
    return replace(verdict, name=f"{point.workload}:{point.step}")


def steps_of(store: Store, workload: Workload) -> int:
    """Count the steps of a workload's worker when nobody kills it."""
    steps = 0

    def count(cluster: Cluster, life: str) -> None:
        nonlocal steps
        steps += life == cluster.hosts[0].life

    run_seed(store, SEED, plan(workload), count)
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
