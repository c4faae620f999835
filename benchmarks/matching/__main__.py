"""`python -m benchmarks.matching`: the quality of matches beside other libraries, then their speed.

Made names are always measured. Labelled names are, if `--data` or `Q2C_COMPANY_NAMES` names their directory. Figures go to
stdout, progress to stderr; a library that can't be installed is named.
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import __main__ as bench
from benchmarks.matching import labelled, methods, speed, synthetic
from benchmarks.matching.labelled import Labelled
from benchmarks.matching.methods import TITLES, Method, Run
from benchmarks.matching.quality import BIN_MIN, Answer, Quality, calibration, quality
from benchmarks.measure import NotHere
from worker.matching.index import Index, KnownCustomer, SoughtAccount

VARIABLE = "Q2C_COMPANY_NAMES"
MADE = 3_000
LIMIT = "limit: every answer right"
FIGURES: dict[str, Callable[[Quality], float]] = {
    "top-1": lambda found: found.top1,
    "F1": lambda found: found.f1,
    "R@P.99": lambda found: found.recall_at[0.99],
    "R@P.998": lambda found: found.recall_at[0.998],
    "R@P.999": lambda found: found.recall_at[0.999],
    "hard F1": lambda found: found.hard_f1,
}
# Floors and aims for labelled names, cross-validated.
GOALS = {
    "top-1": (0.985, None),
    "F1": (0.98, 0.988),
    "R@P.998": (0.95, None),
    "R@P.999": (None, 0.965),
    "hard F1": (0.74, 0.8),
}


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matching", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get(VARIABLE), help="the directory of labelled names"
    )
    parser.add_argument(
        "--seeds", type=int, default=1, help="how often other companies are removed from the reference"
    )
    parser.add_argument("--no-speed", action="store_true", help="measure quality alone")
    chosen = parser.parse_args()
    with bench.quiet():
        asyncio.run(_qualities(chosen.data, chosen.seeds))
        if not chosen.no_speed:
            results, missing = bench.measure([speed.LOOKUP, speed.MATCH_ALL], None)
            print()
            for result in results:
                bench.show(result, as_json=False)
            for lacking in missing:
                print(f"{lacking.name}: not measured: {lacking.reason}")
    return 0


async def _qualities(directory: Path | None, seeds: int) -> None:
    with bench.place() as place:
        try:
            async with methods.libraries(place) as libraries:
                await _measured(directory, seeds, libraries)
        except NotHere as error:
            print(f"Not measured: {', '.join(TITLES[each] for each in methods.LIBRARIES)}: {error}")
            await _measured(directory, seeds, {})


async def _measured(directory: Path | None, seeds: int, libraries: dict[str, Method]) -> None:
    made = [synthetic.made(seed, MADE) for seed in range(seeds)]
    await _compared(f"Made names, {MADE:,} with {MADE:,}", made, libraries, is_labelled=False)
    if directory is None:
        print(f"\nLabelled names: not measured; name their directory by --data or {VARIABLE}.")
        return
    data = [labelled.load(Path(directory), seed) for seed in range(seeds)]
    title = f"Labelled names, {len(data[0].queries):,} with {len(data[0].reference):,}; ours cross-validated by company"
    await _compared(title, data, libraries, is_labelled=True)
    _renames(Path(directory))


async def _compared(
    title: str, data: Sequence[Labelled], libraries: dict[str, Method], *, is_labelled: bool
) -> None:
    """Print the table of a set of names, the means over its seeds, and ratios to the limit and to the best peer."""
    print(f"\n{title}\n{'':34}{''.join(f'{name:>9}' for name in FIGURES)}{'names/s':>12}")
    found: dict[str, list[float]] = {}
    ours: list[Run] = []
    for name, method in {
        "ours": methods.ours,
        "exact": methods.exact,
        "wratio": methods.wratio,
        **libraries,
    }.items():
        bench.tell(f"{title}: {TITLES[name]}")
        try:
            runs = [await method(each) for each in data]
        except NotHere as error:
            bench.tell("")
            print(f"Not measured: {error}")
            continue
        rate = sum(len(each.queries) for each in data) / sum(run.seconds for run in runs)
        if name == "ours":
            ours = runs
        answers = [run.answers for run in runs]
        if name == "ours" and is_labelled:
            answers = [methods.cross_validated(each) for each in data]
        found[name] = _means([quality(each) for each in answers])
        bench.tell("")
        print(f"{TITLES[name]:34}{''.join(f'{value:9.4f}' for value in found[name])}{rate:12,.0f}")
        if name == "ours":
            _calibration(answers)
    print(f"{LIMIT:34}{''.join(f'{1:9.4f}' for _ in FIGURES)}")
    peers = [values for name, values in found.items() if name not in ("ours", "exact")]
    best = [max(column) for column in zip(*peers, strict=True)]
    for title_of_ratio, against in (
        ("ours, of the limit", [1.0] * len(best)),
        ("ours, of the best peer", best),
    ):
        ratios = [
            mine / theirs if theirs else 0.0 for mine, theirs in zip(found["ours"], against, strict=True)
        ]
        print(f"{title_of_ratio:34}{''.join(f'{value:9.4f}' for value in ratios)}")
    _links(ours)
    if is_labelled:
        for name, value in zip(FIGURES, found["ours"], strict=True):
            floor, aim = GOALS.get(name, (None, None))
            if floor is not None or aim is not None:
                print(f"{name}: {value:.4f}; floor {_reached(value, floor)}, aim {_reached(value, aim)}")


def _reached(value: float, wanted: float | None) -> str:
    if wanted is None:
        return "none"
    return f"{wanted} {'reached' if value >= wanted else 'NOT REACHED'}"


def _means(found: Sequence[Quality]) -> list[float]:
    return [statistics.mean(figure(each) for each in found) for figure in FIGURES.values()]


def _links(runs: Sequence[Run]) -> None:
    """Print the precision and recall of links without a person, with the default requirement."""
    found = [quality(run.answers) for run in runs]
    precision = statistics.mean(each.precision or 0.0 for each in found)
    recall = statistics.mean(each.recall or 0.0 for each in found)
    print(f"links without a person: precision {precision:.4f}, recall {recall:.4f}")


def _calibration(answers: Sequence[Sequence[Answer]]) -> None:
    found = [calibration(each) for each in answers]
    error, outside = statistics.mean(each.error for each in found), max(each.outside for each in found)
    print(
        f"  calibration: expected error {error:.4f}; tenths of {BIN_MIN} and more outside their 99 % interval: {outside}"
    )


def _renames(directory: Path) -> None:
    """Print how many renamed companies would be linked; their names are other names, so it should be few."""
    pairs = list(labelled.renames(directory))
    linked = [
        f"{old} → {new}"
        for old, new in pairs
        if Index([KnownCustomer("1", old)]).suggest(SoughtAccount("", new)).decision == "link"
    ]
    print(f"renamed companies linked: {len(linked)} of {len(pairs)}: {'; '.join(linked)}")


if __name__ == "__main__":
    sys.exit(main())
