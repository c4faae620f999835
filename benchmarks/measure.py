"""Run benchmarks in rounds: each contender takes a turn in each round, so that all meet the same conditions.

A machine's speed varies by a factor of two within minutes. So no figure is measured alone: the limit, the peer and ours
take turns, in another order each round, and ratios are calculated within each round before the median.
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
    """A benchmark needs something that this machine lacks; the message names it."""


class Goal(Struct, frozen=True):
    """The goal of a figure.

    Attributes:
        against: The contender by whose figure ours is divided; `none` for our figure itself.
        floor: The value that a change must not fall below, if any.
        aim: A better value that seems possible.
        at_most: Whether less is better.
    """

    against: Literal["limit", "peer", "none"]
    floor: float | None
    aim: float | None = None
    at_most: bool = False

    def reached(self, value: float, wanted: float | None) -> bool | None:
        """Return whether a value reaches the wanted one; None if none is wanted."""
        if wanted is None:
            return None
        return value <= wanted if self.at_most else value >= wanted


class Figure(Struct, frozen=True):
    """One figure of a benchmark; contenders return it under its `key`."""

    key: str
    title: str
    unit: str
    goals: tuple[Goal, ...] = ()


class Contenders(Struct, frozen=True):
    """The contenders of a benchmark. Each call does one round's work on its own data, and returns its figures."""

    ours: Contender
    limit: Contender | None = None
    peer: Contender | None = None


class Benchmark(Struct, frozen=True):
    """A benchmark.

    Attributes:
        name: Its name on the command line.
        figures: Its figures.
        limit: A short description of the limit.
        peer: A short description of the peer.
        open: Prepares data in a directory, yields the contenders, and cleans up.
        rounds: The number of rounds; one more round before them warms up and does not count.
    """

    name: str
    figures: tuple[Figure, ...]
    open: Callable[[Path], AbstractAsyncContextManager[Contenders]]
    limit: str | None = None
    peer: str | None = None
    rounds: int = 7


class Spread(Struct, frozen=True):
    """The median of some rounds, with the least and greatest values."""

    median: float
    low: float
    high: float


class Verdict(Struct, frozen=True):
    """A goal, and the figure or ratio that it judges."""

    goal: Goal
    value: Spread

    @property
    def reached(self) -> bool | None:
        """Whether the floor is reached; None without a floor."""
        return self.goal.reached(self.value.median, self.goal.floor)

    @property
    def aim_reached(self) -> bool | None:
        """Whether the aim is reached; None without an aim."""
        return self.goal.reached(self.value.median, self.goal.aim)


class Result(Struct, frozen=True):
    """The result of one figure; `ratios` are our figure divided by each other contender's."""

    benchmark: Benchmark
    figure: Figure
    rounds: int
    spreads: dict[Name, Spread]
    ratios: dict[Name, Spread]
    verdicts: tuple[Verdict, ...]


async def run(
    benchmark: Benchmark, directory: Path, progress: Callable[[str], None], rounds: int | None = None
) -> list[Result]:
    """Run a benchmark.

    Args:
        benchmark: The benchmark.
        directory: An empty directory for its data, on the measured disk.
        progress: Called with progress messages.
        rounds: The number of rounds instead of the benchmark's own.

    Raises:
        NotHere: The machine lacks something that the benchmark needs.
    """
    count = rounds or benchmark.rounds
    measured: dict[Name, list[Measured]] = {}
    async with benchmark.open(directory) as contenders:
        present = [(name, each) for name in NAMES if (each := getattr(contenders, name)) is not None]
        for number in range(count + 1):
            progress(f"{benchmark.name}: {f'round {number} of {count}' if number else 'warming up'}")
            for name, contender in rotated(present, number):
                gc.collect()  # so that no contender collects another's garbage
                with seldom_collected():  # as in every worker
                    figures = await contender()
                if number:
                    measured.setdefault(name, []).append(figures)
    return [result(benchmark, figure, measured) for figure in benchmark.figures]


def rotated(present: Sequence[tuple[Name, Contender]], number: int) -> Sequence[tuple[Name, Contender]]:
    """Return the contenders in the order of a round, so that none is always first."""
    start = number % len(present)
    return [*present[start:], *present[:start]]


def result(benchmark: Benchmark, figure: Figure, measured: dict[Name, list[Measured]]) -> Result:
    """Return the result of a figure from all rounds."""
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
    """Return the spread of some values."""
    return Spread(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile by the nearest rank."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]
