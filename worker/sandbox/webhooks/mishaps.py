"""Mishaps on the way of an announcement, on purpose: by chance from a seed, or by a script."""

from collections import deque
from random import Random
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

Mishap = Literal["lost", "duplicated", "reordered", "late"]
MISHAPS: tuple[Mishap, ...] = get_args(Mishap)
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=1e7)]
ON_TIME = 0.0


class MishapPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """The mishaps of a subscription.

    Attributes:
        probability: The share of announcements with each mishap.
        script: The mishaps of the next announcements, one each, before chance decides; null is none.
        late_seconds: The delay of a late one; QuickBooks names five minutes.
        reordered_seconds: The longest delay of a reordered or repeated one, so that later ones may overtake it.
    """

    probability: dict[Mishap, Share] = {}
    script: tuple[Mishap | None, ...] = ()
    late_seconds: Seconds = 300
    reordered_seconds: Seconds = 10


class Mishaps:
    """Decides the mishap of each announcement by a plan.

    Args:
        plan: The plan.
        random: The chance; the same seed gives the same mishaps.
    """

    def __init__(self, plan: MishapPlan, random: Random) -> None:
        self._plan = plan
        self._random = random
        self._script = deque(plan.script)

    def delays(self) -> tuple[float, ...]:
        """Return by how many seconds each copy of the next announcement is late: no copy if it is lost, two if it is duplicated."""
        match self._script.popleft() if self._script else self._by_chance():
            case "lost":
                return ()
            case "duplicated":
                return (ON_TIME, self._random.uniform(0, self._plan.reordered_seconds))
            case "reordered":
                return (self._random.uniform(0, self._plan.reordered_seconds),)
            case "late":
                return (self._plan.late_seconds,)
        return (ON_TIME,)

    def _by_chance(self) -> Mishap | None:
        if not self._plan.probability:
            return None
        drawn = self._random.random()
        for mishap in MISHAPS:
            drawn -= self._plan.probability.get(mishap, 0)
            if drawn < 0:
                return mishap
        return None
