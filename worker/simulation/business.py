"""The plan of days of business: a handful of deals a day, an accountant, people, and what fails by seed."""

from datetime import UTC, datetime, timedelta
from random import Random

from msgspec import Struct

from worker.demo import story
from worker.demo.market import US
from worker.demo.story import Tale, Twist
from worker.sandbox.failing.trouble import Plan as QuickBooksPlan
from worker.sandbox.webhooks.mishaps import MISHAPS, MishapPlan
from worker.sandbox.webhooks.subscriptions import QuickBooksSubscription
from worker.simulation.changing import URL, SyncPlan
from worker.simulation.companies import MEMOS, CompanyPlan
from worker.simulation.plan import FOREVER, WORKSPACES, SeedPlan
from worker.workspaces.kinds import HOURLY, REAL_TIME

DAY_SECONDS = 86_400.0
START = datetime(2026, 5, 4, 13, tzinfo=UTC)
DEALS_A_DAY_MAX, EDITS_A_DAY_MAX = 3, 4
WORKING_HOURS = 9
TWISTS: tuple[Twist, ...] = (
    "none",
    "none",
    "none",
    "none",
    "won_by_crm",
    "declined",
    "not_signed",
    "closed_lost",
)
FREQUENCIES = (REAL_TIME, HOURLY, "daily 02:30")


class Business(Struct, frozen=True):
    """Days of business, in virtual seconds.

    Attributes:
        plan: The deals, the edits and the faults.
        frequencies: When an admin of a workspace chooses another sync frequency, and which.
        outages: When all workers are down, and for how long.
    """

    plan: SeedPlan
    frequencies: tuple[tuple[float, str, str], ...]
    outages: tuple[tuple[float, float], ...]


def draw(seed: int, days: int) -> Business:
    """Draw days of business."""
    random = Random(f"{seed}:business")  # noqa: S311 - a simulation repeats itself
    end = days * DAY_SECONDS

    def instants(every_days: float) -> list[float]:
        """Draw instants, one in so many days on average; none on the last day, so that all comes to rest."""
        count = round(max(days - 1, 0) / every_days + random.random())
        return sorted(random.uniform(600, max(end - DAY_SECONDS, 601)) for _ in range(count))

    companies = {
        workspace: CompanyPlan(kind, {}, {"memo": MEMOS[0]}, US, timedelta(days=60))
        for workspace, kind in zip(WORKSPACES, ("us", "us-ast"), strict=True)
    }
    mishaps = MishapPlan(probability=dict.fromkeys(MISHAPS, 0.05), late_seconds=300, reordered_seconds=60)
    plan = SeedPlan(
        hosts=1,
        start=START,
        tales={workspace: _tales(random, days) for workspace in WORKSPACES},
        companies=companies,
        dates_snapshots=True,
        stale_drafts=frozenset(),
        quickbooks=QuickBooksPlan(rate=0.02, late_seconds=30, slow_seconds=5),
        memory_seconds=FOREVER,
        at_once=100,
        database_rate=0.0,
        duplicate_rate=0.1,
        poison=(),
        kills=tuple((at, 0) for at in instants(3)),
        freezes=(),
        jumps=(),
        resets=(),
        full_disk=(),
        disconnects=tuple((at, random.choice(WORKSPACES)) for at in instants(20)),
        pauses=(),
        closings=(),
        switchings=(),
        interludes=(),
        restores=(),
        faults_end=end,
        sync=SyncPlan(
            edits=tuple(
                (day * DAY_SECONDS + random.uniform(0, WORKING_HOURS * 3600), workspace)
                for day in range(days)
                for workspace in WORKSPACES
                for _ in range(random.randint(0, EDITS_A_DAY_MAX))
            ),
            subscription=QuickBooksSubscription(url=URL, mishaps=mishaps),
        ),
    )
    frequencies = tuple((at, random.choice(WORKSPACES), random.choice(FREQUENCIES)) for at in instants(5))
    at_last = tuple((max(end - DAY_SECONDS, 600.0), workspace, REAL_TIME) for workspace in WORKSPACES)
    outages = tuple((at, random.choice((600.0, 7200.0, DAY_SECONDS))) for at in instants(10))
    return Business(plan, (*frequencies, *at_last), outages)


def _tales(random: Random, days: int) -> tuple[Tale, ...]:
    """Draw the deals: each is won or lost on its day, in working hours."""
    made: list[Tale] = []
    for day in range(days):
        for _ in range(random.randint(0, DEALS_A_DAY_MAX)):
            at = START + timedelta(days=day, hours=random.uniform(0.3, WORKING_HOURS))
            twist = random.choice(TWISTS)
            made.append(story.tale(len(made) + 1, twist, random, at, US, START - timedelta(days=60)))
    return tuple(made)
