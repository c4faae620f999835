"""Kill a worker after a single step, a different one each time, for several workloads; then check the result.

In two workloads the worker is suspended instead, while another takes over: for longer than its leases, or for a time in
which an admin disconnects the company and connects it again.

Random kills rarely hit the one moment between two commits that matters. So each moment is tried here.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count as counted
from itertools import islice
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from worker.demo import story
from worker.demo.story import Twist
from worker.quote_to_cash.view import AT_ONCE
from worker.sandbox.failing.refusals import Refusal
from worker.sandbox.failing.trouble import Kind
from worker.sandbox.failing.trouble import Plan as QuickBooksPlan
from worker.simulation import companies
from worker.simulation.changing import Flurry, SyncPlan
from worker.simulation.cluster import Cluster
from worker.simulation.database import Store
from worker.simulation.plan import DAY, FOREVER, SeedPlan
from worker.simulation.refusing import READS
from worker.simulation.seed import AfterStep, Verdict, run_seed

FIRST_SEED = 1
SECOND_KILL_AFTER = 25
FAULTS_END = 60.0
SEVERAL: tuple[Twist, ...] = ("none", "won_by_crm", "none", "none")


class Workload(Struct, frozen=True):
    """Some deals of one workspace, and the faults beside the kill.

    With `frozen_seconds`, the worker is suspended for that time instead of killed; with `restored_after`, a copy of the
    store is made, and restored after that time. At most `at_once` streams are reconsidered in one transaction.
    After the deals, an accountant makes the `flurries` of edits.
    With `batch_after`, the workspace syncs daily, for the first time that long after the beginning.
    `disconnected_at` is when an admin disconnects the company, `closed_until` when the books are opened, both in
    seconds; 0 means never.
    """

    name: str
    twists: tuple[Twist, ...] = ("none",)
    troubles: tuple[Kind | None, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    memory_seconds: float = FOREVER
    database_rate: float = 0.0
    twice: bool = False
    frozen_seconds: float = 0.0
    disconnected_at: float = 0.0
    closed_until: float = 0.0
    restored_after: float = 0.0
    at_once: int = AT_ONCE
    batch_after: timedelta | None = None
    flurries: tuple[Flurry, ...] = ()


WORKLOADS: Sequence[Workload] = (
    Workload("calm"),
    Workload("two_deals", ("none", "won_by_crm")),
    Workload("answers_lost", troubles=(None, "lost_answer") * 12),
    Workload("applied_late", troubles=(None, "late") * 12, memory_seconds=60.0),
    Workload("killed_twice", troubles=(None, None, "server_error_after") * 6, twice=True),
    Workload("commits_unknown", database_rate=0.05),
    Workload(
        "look_ups_refused",
        troubles=(None, "lost_answer") * 12,
        refusals=(Refusal("4002", operations=READS, entities=("Invoice", "Customer", "Item"), times=8),),
        memory_seconds=60.0,
    ),
    Workload(
        "made_though_refused",
        ("none", "won_by_crm"),
        refusals=(Refusal("6000", operations=("create",), entities=("Invoice",), times=2, applied=True),),
    ),
    Workload("lapsed", ("none", "won_by_crm"), refusals=(Refusal("6190", 200, rate=0.3, times=6),)),
    Workload("books_closed", ("none", "won_by_crm"), closed_until=90.0),
    Workload("in_portions", SEVERAL, at_once=1),
    Workload("in_batches", SEVERAL, at_once=1, batch_after=timedelta(minutes=2)),
    Workload("edited", flurries=("pay", "rename", "void", "merge", "pay")),
    Workload("restored", SEVERAL, restored_after=45.0),
    Workload("frozen", SEVERAL, frozen_seconds=300.0),
    Workload("frozen_cut_off", SEVERAL, frozen_seconds=90.0, disconnected_at=25.0),
)


class CrashPoint(Struct, frozen=True):
    """One moment of a workload: after a number of steps of the first worker, in the order of a seed."""

    workload: str
    seed: int
    step: int

    @property
    def name(self) -> str:
        """The name of the crash point, such as `calm:1:17`."""
        return f"{self.workload}:{self.seed}:{self.step}"


def plan(workload: Workload, seed: int) -> SeedPlan:
    """Make the plan of a workload: one worker, with only the deals and the order of steps drawn by chance."""
    random = Random(f"{seed}:{workload.name}")  # noqa: S311 - a simulation repeats itself
    tales = tuple(
        story.tale(number, twist, random, DAY) for number, twist in enumerate(workload.twists, start=1)
    )
    company = companies.plain("us")
    if workload.batch_after is not None:
        company = company.synced_at(company.daily(DAY + workload.batch_after))
    return SeedPlan(
        hosts=1,
        start=DAY,
        tales={"acme": tales},
        companies={"acme": company},
        dates_snapshots=False,
        stale_drafts=frozenset(),
        quickbooks=QuickBooksPlan(
            script=workload.troubles, writes_only=True, late_seconds=30, refusals=workload.refusals
        ),
        memory_seconds=workload.memory_seconds,
        at_once=workload.at_once,
        database_rate=workload.database_rate,
        duplicate_rate=0.0,
        poison=(),
        kills=(),
        freezes=(),
        jumps=(),
        resets=(),
        full_disk=(),
        disconnects=((workload.disconnected_at, "acme"),) if workload.disconnected_at else (),
        pauses=(),
        closings=((0.0, "acme", workload.closed_until),) if workload.closed_until else (),
        switchings=(),
        interludes=(),
        restores=(),
        faults_end=FAULTS_END,
        sync=SyncPlan(flurries=workload.flurries),
    )


def spread(store: Store, count: int) -> list[CrashPoint]:
    """Return `count` crash points: spread evenly over the first seed, or all of several seeds."""
    moments = _moments(store, FIRST_SEED)
    if count < len(moments):
        return [moments[place * len(moments) // count] for place in range(count)]
    more = (moment for seed in counted(FIRST_SEED + 1) for moment in _moments(store, seed))
    return [*moments, *islice(more, count - len(moments))]


def _moments(store: Store, seed: int) -> list[CrashPoint]:
    return [
        CrashPoint(workload.name, seed, step)
        for workload in WORKLOADS
        for step in range(1, steps_of(store, workload, seed) + 1)
    ]


def parse(text: str) -> CrashPoint:
    """Read a crash point as a failure names it, such as `answers_lost:1:217`.

    Raises:
        ValueError: The workload, the seed or the step does not exist.
    """
    workload, *numbers = text.split(":")
    known = workload in {known.name for known in WORKLOADS}
    if not known or len(numbers) != 2 or not all(number.isdecimal() for number in numbers):  # noqa: PLR2004 - seed and step
        raise ValueError(
            f"{text!r} is no crash point; it is a workload, a seed and a step, such as calm:1:17"
        )
    seed, step = map(int, numbers)
    return CrashPoint(workload, seed, step)


def kill_at(store: Store, point: CrashPoint) -> Verdict:
    """Run a workload, and kill or suspend its worker at one moment."""
    workload = next(workload for workload in WORKLOADS if workload.name == point.workload)
    verdict = run_seed(store, point.seed, plan(workload, point.seed), _striking(workload, point.step))
    return replace(verdict, name=point.name)


def steps_of(store: Store, workload: Workload, seed: int = FIRST_SEED) -> int:
    """Count the steps of a workload's worker without a kill."""
    steps = 0

    def count(cluster: Cluster, life: str) -> None:
        nonlocal steps
        steps += life == cluster.hosts[0].life

    run_seed(store, seed, plan(workload, seed), count)
    return steps


def _striking(workload: Workload, step: int) -> AfterStep:
    steps = {"w1#1": step, "w1#2": SECOND_KILL_AFTER if workload.twice else 0}

    def strike(cluster: Cluster, life: str) -> None:
        left = steps.get(life, 0)
        if left:
            steps[life] = left - 1
        if left != 1:
            return
        if workload.restored_after:
            cluster.copy_now(workload.restored_after)
        elif workload.frozen_seconds:
            cluster.freeze(cluster.hosts[0], workload.frozen_seconds)
            cluster.start(cluster.join())
        else:
            cluster.kill(cluster.hosts[0])

    return strike
