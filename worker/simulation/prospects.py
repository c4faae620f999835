"""The plan of a seed's review: accounts and customers with names near to each other, and what becomes of them when."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

from msgspec import Struct

# Spellings of one company, other companies of nearly the same name, and trade names.
NAMES: Sequence[tuple[str, ...]] = (
    (
        "Harbor Freight Supply LLC",
        "Harbor Freight Supply, Inc.",
        "The Harbor Freight Supply Company",
        "Harbor Freight Supply",
        "Harbour Freight Supplies",
        "Harbor Freight",
    ),
    (
        "Brückner & Söhne GmbH",
        "Brueckner und Soehne",
        "Bruckner & Sohne Gesellschaft mbH",
        "Brückner & Söhne AG",
        "Brückner Immobilien GmbH",
        "Bruckner Sons",
    ),
    (
        "Summit Ridge Consulting Ltd",
        "Summit Ridge Consulting Limited",
        "Summit Ridge Consultants",
        "Summit Ridge",
        "Sumit Ridge Consulting",
        "Summit Bridge Consulting Ltd",
    ),
)
DOMAINS = ("harborfreight.example", "brueckner.example", "summitridge.example")
ACCOUNTS, CUSTOMERS = 4, 4  # in each workspace
REVIEWED_RATE = 0.4
AUTO_LINKS = ("off", "off", "90", "97")
SYNCS = ("off", "to_quickbooks", "to_crm", "both", "both")
RULES = ("both", "both", "crm", "quickbooks")
RULED = ("sync_name", "sync_email", "sync_phone")
PHONES = ("+1 503 555 0142", "+1 503 555 0143", "+1 503 555 0144")
UNMAPPED_ACCOUNTS = ("hold", "create_on_invoice", "create_at_once", "create_at_once")
UNMAPPED_CUSTOMERS = ("ignore", "create_in_crm", "create_in_crm")
StepKind = Literal[
    "decide",
    "race",
    "accept_above",
    "resolve",
    "edit_account",
    "list",
    "edit_customer",
    "merge",
    "switch",
    "open_account",
    "overtake",
    "hurry",
]
# How often each step is taken.
OFTEN: Mapping[StepKind, int] = {
    "decide": 8,
    "race": 3,
    "accept_above": 1,
    "resolve": 3,
    "edit_account": 7,
    "list": 2,
    "edit_customer": 7,
    "merge": 2,
    "switch": 2,
}
HURRIED_RATE = 0.5
HURRIED: Mapping[StepKind, int] = {"overtake": 1, "hurry": 1}


class ReviewStep(Struct, frozen=True):
    """A step, at a time in virtual seconds.

    A person decides about an account, or two people decide at once, or a person accepts every sure suggestion, or decides a
    conflict of both sides. Or somebody edits an account in the CRM, or opens one; or the accountant lists a customer, edits
    one, merges two, or makes one inactive or active again. Or both change an account's customer at once, before the worker
    knows of the other edit, or the CRM edits an account several times in a row.
    """

    at: float
    workspace: str
    kind: StepKind


class ReviewPlan(Struct, frozen=True):
    """The review of a seed.

    Attributes:
        names: The names of each workspace's accounts and customers, as the places of families in `NAMES`.
        settings: The settings of each workspace: `auto_link`, how accounts and customers are kept in step, and what becomes
            of those that have no counterpart.
        steps: The steps in the order of their times.
        places: What may follow a name, so that a long review has enough of them; without places, names are as they are.
    """

    names: dict[str, tuple[int, ...]]
    settings: dict[str, dict[str, str]]
    steps: tuple[ReviewStep, ...]
    places: tuple[str, ...] = ()


def draw(
    random: Random, unmapped: Random, hurried: Random, faults_end: float, workspaces: Sequence[str]
) -> ReviewPlan | None:
    """Draw the review of a seed; most seeds have none.

    The settings of what has no counterpart come from `unmapped`, and edits that follow each other closely from `hurried`.
    """
    if random.random() >= REVIEWED_RATE:
        return None
    count = random.choice((10, 20, 30))
    steps = [
        ReviewStep(random.uniform(15, faults_end), random.choice(workspaces), kind_of(random, OFTEN))
        for _ in range(count)
    ]
    if hurried.random() < HURRIED_RATE:
        steps += [
            ReviewStep(hurried.uniform(15, faults_end), hurried.choice(workspaces), kind_of(hurried, HURRIED))
            for _ in range(hurried.choice((4, 8)))
        ]
    return ReviewPlan(
        names={
            workspace: tuple(random.sample(range(len(NAMES)), random.randint(1, 2)))
            for workspace in workspaces
        },
        settings={workspace: in_step(random) | of_unmapped(unmapped) for workspace in workspaces},
        steps=tuple(sorted(steps, key=lambda step: step.at)),
    )


def kind_of(random: Random, often: Mapping[StepKind, int]) -> StepKind:
    """Draw the kind of a step."""
    return random.choices(tuple(often), tuple(often.values()))[0]


def in_step(random: Random) -> dict[str, str]:
    """Draw whether accounts are linked without a person, and how both sides are kept in step."""
    return {
        "auto_link": random.choice(AUTO_LINKS),
        "customer_sync": random.choice(SYNCS),
        **{name: random.choice(RULES) for name in RULED},
    }


def of_unmapped(random: Random) -> dict[str, str]:
    """Draw what becomes of accounts and customers without a counterpart."""
    return {
        "unmapped_account": random.choice(UNMAPPED_ACCOUNTS),
        "unmapped_customer": random.choice(UNMAPPED_CUSTOMERS),
    }
