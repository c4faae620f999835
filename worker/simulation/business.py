"""The plan of days of business: a handful of deals a day, an accountant, people, and what fails by seed."""

from datetime import UTC, datetime, timedelta
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from worker.demo import story
from worker.demo.market import US
from worker.demo.story import Tale, Twist
from worker.sandbox.failing.trouble import Plan as QuickBooksPlan
from worker.sandbox.webhooks.mishaps import MISHAPS, MishapPlan
from worker.sandbox.webhooks.subscriptions import QuickBooksSubscription
from worker.simulation import prospects
from worker.simulation.changing import URL, SyncPlan
from worker.simulation.companies import MEMOS, CompanyPlan
from worker.simulation.plan import FOREVER, WORKSPACES, SeedPlan
from worker.simulation.prospects import NAMES, ReviewPlan, ReviewStep
from worker.workspaces.kinds import (
    BOTH,
    CREATE_AT_ONCE,
    CREATE_IN_CRM,
    CREATE_ON_INVOICE,
    HOURLY,
    REAL_TIME,
    TO_QUICKBOOKS,
)

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
# In each workspace: what people do about accounts and customers, and how often an admin changes a setting for them.
STEPS_A_DAY_MAX, CHOSEN_A_DAY = 10, 0.15
OFTEN = {**prospects.OFTEN, **prospects.HURRIED, "open_account": 3, "list": 3}
SYNCS = (TO_QUICKBOOKS, BOTH, BOTH)
PLACES = ("Austin", "Boise", "Chicago", "Denver", "Eugene")
# When customers of accounts without one are created at once, in half of the workspaces.
AT_ONCE_SECONDS = 7200.0
# After the CRM has taken over what it was told in working hours.
NIGHT_SECONDS = 15 * 3600.0


class Business(Struct, frozen=True):
    """Days of business, in virtual seconds.

    Attributes:
        plan: The deals, the edits and the faults.
        choices: When an admin of a workspace chooses another setting, and which.
        outages: When all workers are down, and for how long.
        nights: When nobody works in either program, so that people's decisions and both sides can be compared.
    """

    plan: SeedPlan
    choices: tuple[tuple[float, str, dict[str, str]], ...]
    outages: tuple[tuple[float, float], ...]
    nights: tuple[float, ...]


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
    chosen = tuple(
        (at, workspace, {"sync_frequency": value}) for at, workspace, value in (*frequencies, *at_last)
    )
    nights = tuple(day * DAY_SECONDS + NIGHT_SECONDS for day in range(days - 1))
    return _reviewed(Business(plan, chosen, outages, nights), Random(f"{seed}:business reviews"), days)  # noqa: S311 - as above


def _reviewed(drawn: Business, random: Random, days: int) -> Business:
    """Return the days with accounts and customers that people review, and settings for them that change now and then."""
    settings = {
        workspace: prospects.in_step(random)
        | {
            "customer_sync": random.choice(SYNCS),
            "unmapped_account": CREATE_ON_INVOICE,
            "unmapped_customer": CREATE_IN_CRM,
        }
        for workspace in WORKSPACES
    }
    steps = [
        ReviewStep(_in_hours(random, day), workspace, prospects.kind_of(random, OFTEN))
        for day in range(days)
        for workspace in WORKSPACES
        for _ in range(random.randint(0, STEPS_A_DAY_MAX))
    ]
    # Once all revisions of the deals' accounts have arrived: the story expects customers with the last ones.
    choices = [
        (AT_ONCE_SECONDS, workspace, {"unmapped_account": CREATE_AT_ONCE})
        for workspace in WORKSPACES
        if random.getrandbits(1)
    ]
    choices += [
        (_in_hours(random, day), workspace, _another_setting(random))
        for day in range(days - 1)
        for workspace in WORKSPACES
        if random.random() < CHOSEN_A_DAY
    ]
    reviews = ReviewPlan(
        names={workspace: tuple(range(len(NAMES))) for workspace in WORKSPACES},
        settings=settings,
        steps=tuple(sorted(steps, key=lambda step: step.at)),
        places=PLACES,
    )
    chosen = {name: company.choosing(settings[name]) for name, company in drawn.plan.companies.items()}
    plan = replace(drawn.plan, companies=chosen, reviews=reviews)
    return replace(drawn, plan=plan, choices=(*drawn.choices, *choices))


def _another_setting(random: Random) -> dict[str, str]:
    """Draw one of the settings of customers, with a value that may be the present one."""
    drawn = prospects.in_step(random) | prospects.of_unmapped(random)
    name = random.choice(sorted(drawn))
    return {name: drawn[name]}


def _in_hours(random: Random, day: int) -> float:
    """Draw an instant of a day's working hours."""
    return day * DAY_SECONDS + random.uniform(600, WORKING_HOURS * 3600)


def _tales(random: Random, days: int) -> tuple[Tale, ...]:
    """Draw the deals: each is won or lost on its day, in working hours."""
    made: list[Tale] = []
    for day in range(days):
        for _ in range(random.randint(0, DEALS_A_DAY_MAX)):
            at = START + timedelta(days=day, hours=random.uniform(0.3, WORKING_HOURS))
            twist = random.choice(TWISTS)
            made.append(story.tale(len(made) + 1, twist, random, at, US, START - timedelta(days=60)))
    return tuple(made)
