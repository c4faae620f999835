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
StepKind = Literal[
    "decide", "race", "accept_above", "rename_account", "list", "rename_customer", "merge", "switch"
]
STEPS: tuple[StepKind, ...] = get_args(StepKind)
_OFTEN = (8, 3, 1, 3, 2, 3, 2, 2)


class ReviewStep(Struct, frozen=True):
    """A step, at a time in virtual seconds.

    A person decides about an account, or two people decide at once, or a person accepts every sure suggestion. Or the CRM
    renames an account; or the accountant lists a customer, renames one, merges two, or makes one inactive or active again.
    """

    at: float
    workspace: str
    kind: StepKind


class ReviewPlan(Struct, frozen=True):
    """The review of a seed.

    Attributes:
        names: The names of each workspace's accounts and customers, as the places of families in `NAMES`.
        auto_links: The setting `auto_link` of each workspace.
        steps: The steps in the order of their times.
    """

    names: dict[str, tuple[int, ...]]
    auto_links: dict[str, str]
    steps: tuple[ReviewStep, ...]


def draw(random: Random, faults_end: float, workspaces: Sequence[str]) -> ReviewPlan | None:
    """Draw the review of a seed; most seeds have none."""
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
        auto_links={workspace: random.choice(AUTO_LINKS) for workspace in workspaces},
        steps=tuple(sorted(steps, key=lambda step: step.at)),
    )
