"""What a benchmark is, and how it is run: in rounds, everybody once a round, so that all meet the same machine.

A machine's speed swings by a factor of two within minutes. So no figure stands alone: the limit, the peer and
ours take turns, in another order each round, and a ratio is taken within each round before the median is.
"""

import gc
import statistics
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal

from msgspec import Struct

from worker.runtime.garbage import seldom_collected

Measured = dict[str, float]
Contender = Callable[[], Awaitable[Measured]]
Name = Literal["limit", "peer", "ours"]
NAMES: tuple[Name, ...] = ("limit", "peer", "ours")


class NotHere(Exception):
    """A benchmark needs something that this machine does not have; the message says what."""


class Goal(Struct, frozen=True):
    """What a figure is to reach.

    Attributes:
        against: Whose figure ours is divided by; `none` for a figure that stands for itself.
        required: What must be reached, if anything.
        aim: Where the limit says there is room.
        at_most: Whether less is better.
    """

    against: Literal["limit", "peer", "none"]
    required: float | None
    aim: float | None = None
    at_most: bool = False

    def reached(self, value: float, wanted: float | None) -> bool | None:
        """Say whether a value is good enough, where anything is wanted."""
        if wanted is None:
            return None
        return value <= wanted if self.at_most else value >= wanted


class Figure(Struct, frozen=True):
    """One thing that a benchmark measures; contenders return it under its `key`."""

    key: str
    title: str
    unit: str
    goals: tuple[Goal, ...] = ()


class Contenders(Struct, frozen=True):
    """Who takes part. Each call does one round's work on data of its own and returns its figures."""

    ours: Contender
    limit: Contender | None = None
    peer: Contender | None = None


class Benchmark(Struct, frozen=True):
    """Something measured.

    Attributes:
        name: What it is called on the command line.
        figures: What comes of it.
        limit: What the limit is, in a few words.
        peer: What the peer is.
        open: Sets everything up in a directory, gives the contenders, and clears up.
        rounds: How often everybody takes a turn; one more round before warms up and does not count.
    """

    name: str
    figures: tuple[Figure, ...]
    open: Callable[[Path], AbstractAsyncContextManager[Contenders]]
    limit: str | None = None
    peer: str | None = None
    rounds: int = 7


class Spread(Struct, frozen=True):
    """The median of some rounds, and how far they lay apart."""

    median: float
    low: float
    high: float


class Verdict(Struct, frozen=True):
    """A goal, and the figure or ratio that it judges."""

    goal: Goal
    value: Spread

    @property
    def reached(self) -> bool | None:
        """Whether what is required is reached; none where nothing is."""
        return self.goal.reached(self.value.median, self.goal.required)

    @property
    def aim_reached(self) -> bool | None:
        """Whether the aim is reached; none where there is no aim."""
        return self.goal.reached(self.value.median, self.goal.aim)


class Result(Struct, frozen=True):
    """One figure of a benchmark that was run; `ratios` are ours divided by each other's."""

    benchmark: Benchmark
    figure: Figure
    rounds: int
    spreads: dict[Name, Spread]
    ratios: dict[Name, Spread]
    verdicts: tuple[Verdict, ...]


async def run(
    benchmark: Benchmark, directory: Path, told: Callable[[str], None], rounds: int | None = None
) -> list[Result]:
    """Run a benchmark.

    Args:
        benchmark: Which.
        directory: An empty directory for its data, on the disk whose speed is meant.
        told: Told what is being done.
        rounds: Another number of rounds than its own.

    Raises:
        NotHere: The machine lacks something that it needs.
    """
    count = rounds or benchmark.rounds
    measured: dict[Name, list[Measured]] = {}
    async with benchmark.open(directory) as contenders:
        present = [(name, each) for name in NAMES if (each := getattr(contenders, name)) is not None]
        for number in range(count + 1):
            told(f"{benchmark.name}: {f'round {number} of {count}' if number else 'warming up'}")
            for name, contender in rotated(present, number):
                gc.collect()  # nobody pays for another's garbage
                with seldom_collected():  # as in every worker
                    figures = await contender()
                if number:
                    measured.setdefault(name, []).append(figures)
    return [result(benchmark, figure, measured) for figure in benchmark.figures]


def rotated(present: Sequence[tuple[Name, Contender]], number: int) -> Sequence[tuple[Name, Contender]]:
    """Return who takes a turn in which order, so that nobody always comes first."""
    start = number % len(present)
    return [*present[start:], *present[:start]]


def result(benchmark: Benchmark, figure: Figure, measured: dict[Name, list[Measured]]) -> Result:
    """Sum up what the rounds gave for a figure."""
    columns = {
        name: [each[figure.key] for each in rounds]
        for name, rounds in measured.items()
        if all(figure.key in each for each in rounds)
    }
    ours = columns["ours"]
    ratios: dict[Name, Spread] = {
        name: spread([mine / other for mine, other in zip(ours, theirs, strict=True)])
        for name, theirs in columns.items()
        if name != "ours"
    }
    return Result(
        benchmark=benchmark,
        figure=figure,
        rounds=len(ours),
        spreads={name: spread(values) for name, values in columns.items()},
        ratios=ratios,
        verdicts=tuple(
            Verdict(goal, spread(ours) if goal.against == "none" else ratios[goal.against])
            for goal in figure.goals
        ),
    )


def spread(values: Sequence[float]) -> Spread:
    """Sum up some values."""
    return Spread(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent are not above: the nearest rank."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]
