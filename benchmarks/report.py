"""Write the table of docs/benchmarks.md between two marks, so that the text around it stays."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from benchmarks.measure import Name, Result, Spread, Verdict

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"
CHART = "benchmarks.svg"
_HEAD = (
    "| | ours | limit | peer | ratio, least to most | floor | aim | |",
    "|---|--:|--:|--:|---|--:|--:|---|",
)


class Missing(Struct, frozen=True):
    """A benchmark that could not run on this machine, with the reason."""

    name: str
    reason: str


def as_json(result: Result) -> bytes:
    """Write one figure as a line of JSON: medians with their least and greatest values."""
    medians = {name: result.spreads[name].median if name in result.spreads else None for name in _EVERYBODY}
    return msgspec.json.encode(
        {
            "name": result.benchmark.name,
            "figure": result.figure.key,
            "title": result.figure.title,
            "unit": result.figure.unit,
            **medians,
            "ratios": {name: ratio.median for name, ratio in result.ratios.items()},
            "spread": {name: (each.low, each.high) for name, each in result.spreads.items()},
            "ratio_spread": {name: (each.low, each.high) for name, each in result.ratios.items()},
            "goals": [_goal_as_json(verdict) for verdict in result.verdicts],
            "rounds": result.rounds,
            "is": {"limit": result.benchmark.limit, "peer": result.benchmark.peer},
        }
    )


def table(results: Sequence[Result], missing: Sequence[Missing], machine: Mapping[str, str], day: str) -> str:
    """Write the table of results, with the machine and the date."""
    judged = [verdict.reached for result in results for verdict in result.verdicts]
    reached = [each for each in judged if each is not None]
    on = ", ".join(f"{name} {value}" for name, value in machine.items() if name != "cores")
    lines = [
        f"![Ours beside its floors]({CHART})",
        "",
        f"Measured on {day}, {machine['cores']} cores: {on}.",
        f"{sum(reached)} of {len(reached)} floors are reached.",
        "",
        *_HEAD,
        *(line for result in results for line in _lines(result)),
    ]
    if missing:
        lines += ["", "Not measured:", "", *(f"- `{each.name}`: {each.reason}" for each in missing)]
    return "\n".join(lines)


def rewritten(document: str, measured: str) -> str:
    """Replace the text between the marks.

    Raises:
        ValueError: The document lacks a mark.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The document needs {BEGIN} and {END}")
    return f"{before}{begin}\n{measured}\n{end}{after}"


def figure(value: float) -> str:
    """Write a number with three significant digits."""
    if abs(value) >= 1000:  # noqa: PLR2004 - without decimals from here on
        return f"{value:,.0f}"
    return f"{value:.3g}"


_EVERYBODY: tuple[Name, ...] = ("limit", "peer", "ours")


def _goal_as_json(verdict: Verdict) -> dict[str, object]:
    return {
        "against": verdict.goal.against,
        "at_most": verdict.goal.at_most,
        "floor": verdict.goal.floor,
        "aim": verdict.goal.aim,
        "measured": verdict.value.median,
        "reached": verdict.reached,
        "aim_reached": verdict.aim_reached,
    }


def _lines(result: Result) -> list[str]:
    """Write the lines of a figure: one for each goal, at least one."""
    unit = result.figure.unit
    shown: dict[Name, str] = {
        name: f"{figure(result.spreads[name].median)} {unit}" if name in result.spreads else ""
        for name in _EVERYBODY
    }
    limit = f"{shown['limit']}<br>{result.benchmark.limit}" if shown["limit"] else ""
    peer = f"{shown['peer']}<br>{result.benchmark.peer}" if shown["peer"] else ""
    first = f"| {result.figure.title} | **{shown['ours']}** | {limit} | {peer} |"
    judged = [_judged(verdict, unit) for verdict in result.verdicts]
    judged += [
        f" {_ratio(ratio)} of the {name} | | | |"
        for name, ratio in result.ratios.items()
        if all(verdict.goal.against != name for verdict in result.verdicts)
    ]
    starts = [first, *["| | | | |"] * (len(judged) - 1)]
    return [f"{start}{rest}" for start, rest in zip(starts, judged or [" | | | |"], strict=False)]


def _judged(verdict: Verdict, unit: str) -> str:
    goal = verdict.goal
    alone = goal.against == "none"
    value = f"{_ratio(verdict.value)}{f' {unit}' if alone else f' of the {goal.against}'}"
    floor, aim = (
        f"{'≤' if goal.at_most else '≥'} {figure(wanted)}" if wanted is not None else ""
        for wanted in (goal.floor, goal.aim)
    )
    return f" {value} | {floor} | {aim} | {_mark(verdict)} |"


def _mark(verdict: Verdict) -> str:
    if verdict.aim_reached:
        return "✓ aim"
    if verdict.reached is None:
        return ""
    return "✓" if verdict.reached else "**not reached**"


def _ratio(value: Spread) -> str:
    return f"**{figure(value.median)}** ({figure(value.low)} to {figure(value.high)})"
