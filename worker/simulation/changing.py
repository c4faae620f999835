"""The plan of what sync is up against in a seed: an accountant's edits, webhooks that go astray, outages."""

from random import Random
from typing import Literal, get_args

from msgspec import Struct

from worker.sandbox.webhooks.mishaps import MISHAPS, MishapPlan
from worker.sandbox.webhooks.subscriptions import QuickBooksSubscription

URL = "https://worker.test/webhooks/quickbooks"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
# Up to and across the thirty days that change data capture looks back.
OUTAGES = (0.0, 0.0, 0.0, 10 * MINUTE, 2 * HOUR, 5 * DAY, 28.9 * DAY, 29.5 * DAY, 31 * DAY, 45 * DAY)

# For how many seconds change data capture does not show a change yet.
CHANGES_LAGS = (0, 0, 20)
Flurry = Literal["rename", "pay", "void", "merge"]
FLURRIES: tuple[Flurry, ...] = get_args(Flurry)
# No sweep follows these, so nothing but their notices tells of them.
NEVER_SWEPT: tuple[Flurry, ...] = ("rename", "void")
VOIDED_NOTES = ("Voided", "Annulé")
SWITCHES = (
    "payments_change_invoices",
    "merges_change_transactions",
    "payments_are_released",
    "inactive_names_stay",
    "ids_compare_as_texts",
)


class SyncPlan(Struct, frozen=True):
    """What changes in QuickBooks behind our back, and what hinders us from noticing it.

    Attributes:
        edits: The time and workspace of each edit while the story is told; none concerns its objects.
        subscription: The app's webhooks, with their mishaps.
        outage_seconds: How long all workers are down after the story; 0 if they are not.
        later_edits: The number of edits after the story, of any objects.
        traits: How the companies behave where it is unsure, in the order of their workspaces.
        kills: When hosts are killed after that, in seconds, and which.
        flurries: The flurries of edits that follow in each company, each of a few objects in a few seconds.
    """

    edits: tuple[tuple[float, str], ...] = ()
    subscription: QuickBooksSubscription = QuickBooksSubscription(url=URL)
    outage_seconds: float = 0.0
    later_edits: int = 0
    traits: tuple[dict[str, float | str], ...] = ()
    kills: tuple[tuple[float, int], ...] = ()
    flurries: tuple[Flurry, ...] = ()


def draw(
    random: Random, flurries: Random, faults_end: float, workspaces: tuple[str, ...], hosts: int
) -> SyncPlan:
    """Draw the plan of a seed; the flurries of edits, and what concerns them, are drawn from `flurries`."""
    share = random.choice((0.0, 0.1, 0.2))
    mishaps = MishapPlan(
        probability=dict.fromkeys(MISHAPS, share) | ({"lost": 1.0} if random.random() < 0.2 else {}),  # noqa: PLR2004 - some
        late_seconds=random.uniform(5, 90),
        reordered_seconds=20,
    )
    return SyncPlan(
        edits=tuple(
            (random.uniform(5, faults_end), random.choice(workspaces))
            for _ in range(random.choice((0, 3, 8)))
        ),
        subscription=QuickBooksSubscription(
            url=URL,
            form=random.choice(("cloud_events", "classic")),
            merge_names_deleted=bool(random.getrandbits(1)),
            per_delivery_max=random.choice((1, 100)),
            mishaps=mishaps,
        ),
        outage_seconds=random.choice(OUTAGES),
        later_edits=random.choice((0, 6, 12)),
        traits=tuple(
            {
                "changes_lag_seconds": random.choice(CHANGES_LAGS),
                **{name: bool(random.getrandbits(1)) for name in SWITCHES},
                "voided_note": flurries.choice(VOIDED_NOTES),
            }
            for _ in workspaces
        ),
        kills=tuple(
            (random.uniform(0, 30), random.randrange(hosts)) for _ in range(random.choice((0, 0, 1, 3)))
        ),
        flurries=tuple(
            flurries.choices(flurries.choice((FLURRIES, NEVER_SWEPT)), k=flurries.choice((0, 2, 4)))
        ),
    )
