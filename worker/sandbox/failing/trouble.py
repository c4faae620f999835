"""Failures on the way to QuickBooks, on purpose: by chance from a seed, or by a script."""

from collections import Counter, deque
from collections.abc import Sequence
from random import Random
from typing import Literal, get_args

from msgspec import Struct

from worker.sandbox.failing.asked import OperationAsked
from worker.sandbox.failing.refusals import Refusal

Kind = Literal[
    "lost_before",
    "lost_answer",
    "late",
    "throttled",
    "server_error",
    "server_error_after",
    "slow",
    "half_body",
    "unauthorized",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """The planned failures.

    Attributes:
        rate: The share of requests, spread evenly over all kinds.
        probability: The share of requests for single kinds, instead of `rate`.
        script: The failures of the next requests, one each, before chance has its turn; null is no failure.
        writes_only: Whether only requests that change the books suffer.
        late_seconds: How long after its request a late one is applied.
        slow_seconds: How long a slow answer takes.
        latency_seconds: How long every other answer takes.
        refusals: The rules by which requests are refused; the first that concerns a request counts.
    """

    rate: float = 0
    probability: dict[Kind, float] = {}
    script: tuple[Kind | None, ...] = ()
    writes_only: bool = False
    late_seconds: float = 5
    slow_seconds: float = 2
    latency_seconds: float = 0
    refusals: tuple[Refusal, ...] = ()


class Trouble:
    """Chooses the failure of each request, and counts failures."""

    def __init__(self, random: Random, plan: Plan | None = None) -> None:
        self._random = random
        self.counts: Counter[str] = Counter()
        self.plan = plan or Plan()
        self._script: deque[Kind | None] = deque(self.plan.script)
        self._refused: Counter[int] = Counter()

    def follow(self, plan: Plan) -> None:
        """Follow another plan from now on."""
        self.plan = plan
        self._script = deque(plan.script)
        self._refused.clear()

    def next(self, *, write: bool) -> Kind | None:
        """Return the failure of the next request."""
        if self.plan.writes_only and not write:
            return None
        kind = self._script.popleft() if self._script else self._by_chance()
        if kind is not None:
            self.counts[kind] += 1
        return kind

    def refusal(self, asked: OperationAsked) -> Refusal | None:
        """Decide whether a request is refused."""
        for place, refusal in enumerate(self.plan.refusals):
            spent = refusal.times is not None and self._refused[place] >= refusal.times
            if spent or not refusal.concerns(asked):
                continue
            if refusal.rate < 1 and self._random.random() >= refusal.rate:
                continue
            self._refused[place] += 1
            self.counts["refused"] += 1
            return refusal
        return None

    def _by_chance(self) -> Kind | None:
        kinds: Sequence[Kind] = KINDS
        shares = [self.plan.probability.get(kind, 0) for kind in kinds]
        if not self.plan.probability:
            shares = [self.plan.rate / len(kinds)] * len(kinds)
        drawn = self._random.random()
        for kind, share in zip(kinds, shares, strict=True):
            drawn -= share
            if drawn < 0:
                return kind
        return None
