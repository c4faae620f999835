"""The plan of a seed: its deals and its faults."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from worker.demo import story
from worker.demo.story import Tale, Twist
from worker.sandbox.failing.trouble import Plan as QuickBooksPlan
from worker.simulation import changing, companies, prospects, refusing
from worker.simulation.changing import SyncPlan
from worker.simulation.companies import CompanyPlan
from worker.simulation.prospects import ReviewPlan
from worker.workspaces.kinds import HOLD

WORKSPACES = ("acme", "bolt")
HOSTS = 2
DEALS_MIN, DEALS_MAX = 3, 4
# Six in ten deals should get their invoice; the others should get none.
TWISTS: tuple[Twist, ...] = (
    *("none",) * 12,
    *("won_by_crm", "signed_again", "signed_around") * 2,
    *sorted({*story.TWISTS, *story.OLD_TWISTS, "no_tax_code"} - {"won_by_crm"}),
)
# Twists whose gates are checked before the cut-over's gate, and after it.
BEFORE_CUT_OVER = frozenset(
    {"not_won", "contract_not_signed", "contract_declined", "contract_voided", "deal_closed_lost"}
)
DAY = datetime(2026, 5, 5, 15, tzinfo=UTC)
LATE = timedelta(days=3)
RESTORES = (0, 0, 0, 0, 0, 1)

# An hour and a day, as a wrong time zone, a wrong date or a machine without a battery sets a clock.
RESET_SECONDS = (-3600.0, -86_400.0, 3600.0)
RESETS_RATE = 0.25
# A frozen worker sends its pending request within the time that QuickBooks remembers request IDs.
MEMORY_SECONDS, FOREVER = 200.0, 1e9


class SeedPlan(Struct, frozen=True):
    """The plan of one seed, in virtual seconds unless stated otherwise.

    Attributes:
        hosts: The number of workers.
        start: The first instant.
        tales: The deals of each workspace.
        companies: The workspaces' companies, with their settings.
        dates_snapshots: Whether the CRM dates its snapshots.
        stale_drafts: Deals whose first draft had another quote, and arrives last.
        quickbooks: The faults of QuickBooks while faults are on.
        memory_seconds: For how long QuickBooks remembers a request ID.
        at_once: The most streams that are reconsidered in one transaction, and the size of a portion.
        database_rate: The share of transactions that fail or whose answer is lost.
        duplicate_rate: The share of messages that are sent twice.
        poison: The number of unusable messages.
        kills: The time and host of each kill.
        freezes: The time, host and length of each freeze.
        jumps: The time and host of each change of a wall clock, and by how much.
        resets: The time of each kill of all workers with a change of all wall clocks, and by how much.
        full_disk: The time and length of each full disk.
        disconnects: The time and workspace of each disconnection in QuickBooks.
        pauses: The time, workspace and length of each pause.
        closings: The time, workspace and length of each closing of the books.
        switchings: The time, workspace and length for which an admin switches invoicing off.
        interludes: The time, workspace and length for which an admin connects another company.
        restores: The times when a copy of the store is made, and when it is restored.
        faults_end: When faults end and all work has to finish.
        sync: What changes in QuickBooks behind our back.
        reviews: The accounts that people review meanwhile; None if there are none.
    """

    hosts: int
    start: datetime
    tales: dict[str, tuple[Tale, ...]]
    companies: dict[str, CompanyPlan]
    dates_snapshots: bool
    stale_drafts: frozenset[tuple[str, str]]
    quickbooks: QuickBooksPlan
    memory_seconds: float
    at_once: int
    database_rate: float
    duplicate_rate: float
    poison: tuple[bytes, ...]
    kills: tuple[tuple[float, int], ...]
    freezes: tuple[tuple[float, int, float], ...]
    jumps: tuple[tuple[float, int, float], ...]
    resets: tuple[tuple[float, float], ...]
    full_disk: tuple[tuple[float, float], ...]
    disconnects: tuple[tuple[float, str], ...]
    pauses: tuple[tuple[float, str, float], ...]
    closings: tuple[tuple[float, str, float], ...]
    switchings: tuple[tuple[float, str, float], ...]
    interludes: tuple[tuple[float, str, float], ...]
    restores: tuple[tuple[float, float], ...]
    faults_end: float
    sync: SyncPlan = SyncPlan()
    reviews: ReviewPlan | None = None


def draw(seed: int) -> SeedPlan:
    """Draw a seed's plan."""
    random = Random(f"{seed}:plan")  # noqa: S311 - a simulation repeats itself
    lags = Random(f"{seed}:lags")  # noqa: S311 - as above
    drawn = {workspace: companies.draw(random, lags) for workspace in WORKSPACES}
    start = drawn[random.choice(WORKSPACES)].start(random)
    frequencies = Random(f"{seed}:frequencies")  # noqa: S311 - as above
    drawn = {workspace: company.synced(frequencies, start) for workspace, company in drawn.items()}
    memory_seconds = random.choice((MEMORY_SECONDS, FOREVER))
    faults_end = random.uniform(120, 250) + (MEMORY_SECONDS if memory_seconds != FOREVER else 0)

    def instants(count: int) -> list[float]:
        return sorted(random.uniform(5, faults_end) for _ in range(count))

    def host() -> int:
        return random.randrange(HOSTS)

    def sometimes(*counts: int) -> tuple[tuple[float, str, float], ...]:
        """Draw some instants, each with a workspace and a length."""
        return tuple(
            (at, random.choice(WORKSPACES), random.uniform(20, 100)) for at in instants(random.choice(counts))
        )

    tales = {workspace: _tales(random, start, company) for workspace, company in drawn.items()}
    interludes = sometimes(0, 0, 0, 0, 0, 1)
    # A restored copy with another company connected would invoice deals there, as decided then.
    restored_at = () if interludes else instants(random.choice(RESTORES))
    plan = SeedPlan(
        hosts=HOSTS,
        start=start,
        tales=tales,
        companies=drawn,
        dates_snapshots=random.random() < 0.5,  # noqa: PLR2004 - half of them
        stale_drafts=frozenset(
            (workspace, tale.deal_id)
            for workspace, deals in tales.items()
            for tale in deals
            if tale.twist == "none" and random.random() < 0.4  # noqa: PLR2004 - some
        ),
        quickbooks=QuickBooksPlan(
            rate=random.choice((0.0, 0.15, 0.3, 0.45)),
            late_seconds=random.uniform(3, 55),
            slow_seconds=random.uniform(1, 12),
            refusals=refusing.drawn(Random(f"{seed}:refusing")),  # noqa: S311 - as above
        ),
        memory_seconds=memory_seconds,
        at_once=Random(f"{seed}:at_once").choice((1, 2, 100)),  # noqa: S311 - as above
        database_rate=random.choice((0.0, 0.01, 0.05)),
        duplicate_rate=random.choice((0.0, 0.3, 0.8)),
        poison=tuple(random.sample(_POISON, random.randint(0, 4))),
        kills=tuple((at, host()) for at in instants(random.randint(0, 5))),
        freezes=tuple((at, host(), random.uniform(10, 260)) for at in instants(random.choice((0, 1, 2)))),
        jumps=tuple((at, host(), random.uniform(-120, 120)) for at in instants(random.choice((0, 0, 0, 2)))),
        resets=_resets(Random(f"{seed}:resets"), faults_end, drawn.values()),  # noqa: S311 - as above
        full_disk=tuple((at, random.uniform(1, 20)) for at in instants(random.choice((0, 0, 0, 1)))),
        disconnects=tuple((at, random.choice(WORKSPACES)) for at in instants(random.choice((0, 0, 1)))),
        pauses=sometimes(0, 1, 2),
        closings=sometimes(0, 0, 1),
        switchings=sometimes(0, 0, 1),
        interludes=interludes,
        restores=tuple((at, at + random.uniform(20, 90)) for at in restored_at),
        faults_end=faults_end,
        sync=changing.draw(
            Random(f"{seed}:sync"),  # noqa: S311 - as above
            Random(f"{seed}:flurries"),  # noqa: S311 - as above
            faults_end,
            WORKSPACES,
            HOSTS,
        ),
    )
    if (
        not interludes
    ):  # another company would get items, and deals that wait for theirs would be invoiced there
        plan = _with_unmapped_products(plan, Random(f"{seed}:unmapped"))  # noqa: S311 - as above
    reviews = prospects.draw(
        Random(f"{seed}:reviews"),  # noqa: S311 - as above
        Random(f"{seed}:unmapped sides"),  # noqa: S311 - as above
        Random(f"{seed}:hurried"),  # noqa: S311 - as above
        faults_end,
        WORKSPACES,
    )
    if reviews is not None:
        chosen = {
            workspace: company.choosing(reviews.settings[workspace] | _waiting(plan.tales[workspace]))
            for workspace, company in plan.companies.items()
        }
        plan = replace(plan, companies=chosen, reviews=reviews)
    # By a wrong clock of ours, an edit without a date seems to be from before the sending.
    return replace(plan, dates_snapshots=plan.dates_snapshots or bool(plan.jumps or plan.resets))


def _waiting(tales: Iterable[Tale]) -> dict[str, str]:
    """Return the settings by which a deal whose account has no customer waits, if there is one."""
    waits = any(tale.twist == "account_unmapped" for tale in tales)
    return {"unmapped_account": HOLD} if waits else {}


def _with_unmapped_products(plan: SeedPlan, random: Random) -> SeedPlan:
    """Draw what becomes of products without an item; where they get one, no deal waits for it."""
    drawn = {workspace: random.choice(companies.UNMAPPED_PRODUCTS) for workspace in plan.companies}
    held = story.GATES["product_unmapped"]
    return replace(
        plan,
        companies={
            workspace: company
            if drawn[workspace] == HOLD
            else company.choosing({"unmapped_product": drawn[workspace]})
            for workspace, company in plan.companies.items()
        },
        tales={
            workspace: tuple(
                replace(tale, gates=()) if tale.gates == held and drawn[workspace] != HOLD else tale
                for tale in tales
            )
            for workspace, tales in plan.tales.items()
        },
    )


def _resets(
    random: Random, faults_end: float, drawn: Iterable[CompanyPlan]
) -> tuple[tuple[float, float], ...]:
    """Draw changes of all clocks, rarely, and none if a cut-over depends on a clock (when invoicing is switched on)."""
    if random.random() >= RESETS_RATE or any(company.cut_over_ago is None for company in drawn):
        return ()
    return tuple(
        (at, random.choice(RESET_SECONDS))
        for at in sorted(random.uniform(5, faults_end) for _ in range(random.choice((1, 2))))
    )


def stale_draft(tale: Tale) -> dict[str, Any]:
    """Return the first draft of a deal, with another quote."""
    draft = tale.snapshots[0]
    quote = {**draft["quote"], "lines": draft["quote"]["lines"][:1], "total": "1.00"}
    return {**draft, "quote": quote}


def _tales(random: Random, start: datetime, company: CompanyPlan) -> tuple[Tale, ...]:
    count = random.randint(DEALS_MIN, DEALS_MAX)
    return tuple(_tale(number, random, start, company) for number in range(1, count + 1))


def _tale(number: int, random: Random, start: datetime, company: CompanyPlan) -> Tale:
    """Make a deal whose result is certain in its company."""
    twist = random.choice(TWISTS)
    if twist == "no_tax_code" and not company.market.tax_codes:
        twist = "none"
    if twist == "signed_again" and company.cut_over_ago is None:
        twist = "none"  # the first contract would be older than the cut-over
    # Some deals arrive days late, which is long enough for a look-up before the first send.
    # Not those that the CRM won: without a date, they count as won when they arrive.
    late = random.random() < 0.2 and twist not in {*story.OLD_TWISTS, "won_by_crm"}  # noqa: PLR2004 - some
    now, minutes_ago = start, (3, 12)
    if company.cut_over_ago is None:
        minutes_ago = (-3, -1)  # once invoicing was switched on
    elif late:
        now = start - LATE
    cut_over = company.cut_over(start)
    tale = story.tale(number, twist, random, now, company.market, cut_over, minutes_ago)
    if twist in {"won_by_crm", "edited_since"} and "invoice_requires_signature" in company.settings:
        return replace(tale, gates=("contract_not_signed",))
    if now < cut_over and not BEFORE_CUT_OVER & set(tale.gates):
        return replace(tale, gates=("won_before_cut_over",))
    return tale


_POISON = (
    b"\xff\xfe not json",
    b'{"specversion":"1.0"',
    b'{"specversion":"1.0","id":"x","source":"s","type":"com.coeffection.deal.updated.v9","data":{}}',
    b'{"specversion":"1.0","id":"y","source":"s","type":"com.coeffection.deal.updated.v1","data":{"deal_id":1}}',
    b'{"specversion":"1.0","id":"z","source":"s","type":"com.coeffection.deal.updated.v1","data":{"deal_id":NaN}}',
    b"[" * 2000,
    b'{"specversion":"1.0","id":"\\ud800","source":"s","type":"com.coeffection.deal.updated.v1","data":{}}',
)
