"""The plan of a seed's review: accounts and customers with names near to each other, and what becomes of them when."""

from collections.abc import Sequence
from random import Random
from typing import Literal, get_args

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
    "decide", "race", "accept_above", "resolve", "edit_account", "list", "edit_customer", "merge", "switch"
]
STEPS: tuple[StepKind, ...] = get_args(StepKind)
_OFTEN = (8, 3, 1, 3, 7, 2, 7, 2, 2)


class ReviewStep(Struct, frozen=True):
    """A step, at a time in virtual seconds.

    A person decides about an account, or two people decide at once, or a person accepts every sure suggestion, or decides a
    conflict of both sides. Or somebody edits an account in the CRM; or the accountant lists a customer, edits one, merges two,
    or makes one inactive or active again.
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
    """

    names: dict[str, tuple[int, ...]]
    settings: dict[str, dict[str, str]]
    steps: tuple[ReviewStep, ...]


def draw(random: Random, unmapped: Random, faults_end: float, workspaces: Sequence[str]) -> ReviewPlan | None:
    """Draw the review of a seed, with the settings of what has no counterpart from `unmapped`; most seeds have none."""
    if random.random() >= REVIEWED_RATE:
        return None
    count = random.choice((10, 20, 30))
    steps = [
        ReviewStep(
            random.uniform(15, faults_end), random.choice(workspaces), random.choices(STEPS, _OFTEN)[0]
        )
        for _ in range(count)
    ]
    return ReviewPlan(
        names={
            workspace: tuple(random.sample(range(len(NAMES)), random.randint(1, 2)))
            for workspace in workspaces
        },
        settings={workspace: _settings(random) | _of_unmapped(unmapped) for workspace in workspaces},
        steps=tuple(sorted(steps, key=lambda step: step.at)),
    )


def _settings(random: Random) -> dict[str, str]:
    return {
        "auto_link": random.choice(AUTO_LINKS),
        "customer_sync": random.choice(SYNCS),
        **{name: random.choice(RULES) for name in RULED},
    }


def _of_unmapped(random: Random) -> dict[str, str]:
    return {
        "unmapped_account": random.choice(UNMAPPED_ACCOUNTS),
        "unmapped_customer": random.choice(UNMAPPED_CUSTOMERS),
    }
