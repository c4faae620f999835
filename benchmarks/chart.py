"""The picture of docs/benchmarks.md: each goal's figure as a multiple of its floor, on a logarithmic scale."""

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from benchmarks.measure import Result, Verdict
from benchmarks.report import figure

WIDTH = 960
LEFT, RIGHT = 400, 790
TOP, ROW, BOTTOM = 78, 26, 40
DOUBLINGS = 4
_SAYS = "Ours, as a multiple of its floor"
_LEGEND = "The median of interleaved rounds; the line from the least to the most; the aim a diamond. Right is better."
_STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328 }
  .head { font-size: 17px; font-weight: 600 } .small { font-size: 11.5px; fill: #59636e }
  .end { text-anchor: end } .middle { text-anchor: middle }
  .grid { stroke: #d1d9e0; stroke-width: 1 } .one { stroke: #59636e; stroke-width: 1.5 }
  .good { fill: #1a7f5a } .bad { fill: #c4572d } .aim { fill: none; stroke: #59636e; stroke-width: 1.6 }
  .spread { stroke: #1f2328; stroke-width: 1.4; opacity: .65 } .stripe { fill: #818b98; opacity: .07 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d } .one, .aim { stroke: #9198a1 }
    .good { fill: #3fb68b } .bad { fill: #e5855c } .spread { stroke: #f0f6fc }
  }
"""


def drawn(results: Sequence[Result]) -> str:
    """Draw every goal of every figure, as SVG."""
    rows = [
        (result, verdict)
        for result in results
        for verdict in result.verdicts
        if verdict.goal.floor is not None
    ]
    height = TOP + ROW * len(rows) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{_SAYS}">',
        f"<style>{_STYLE}</style>",
        f'<text class="head" x="16" y="30">{_SAYS}</text>',
        f'<text class="small" x="16" y="50">{_LEGEND}</text>',
        *_grid(TOP + ROW * len(rows)),
        *(part for place, row in enumerate(rows) for part in _row(place, *row)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def times_floor(value: float, verdict: Verdict) -> float:
    """Return how many times better than its floor a value is; below 1, the floor is not reached."""
    goal = verdict.goal
    floor = goal.floor or value
    return floor / value if goal.at_most else value / floor


def _x(times: float) -> float:
    """Return a multiple's place on the scale; values beyond an end are placed at the end."""
    doublings = min(max(math.log2(times), -DOUBLINGS), DOUBLINGS)
    return LEFT + (doublings + DOUBLINGS) / (2 * DOUBLINGS) * (RIGHT - LEFT)


def _grid(bottom: float) -> Iterator[str]:
    for doublings in range(-DOUBLINGS, DOUBLINGS + 1):
        x = _x(2.0**doublings)
        name = "floor" if doublings == 0 else f"{2**doublings}" if doublings > 0 else f"1/{2**-doublings}"
        kind = "one" if doublings == 0 else "grid"
        yield f'<line class="{kind}" x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom + 4:.0f}"/>'
        yield f'<text class="small middle" x="{x:.1f}" y="{bottom + 22:.0f}">{name}</text>'


def _row(place: int, result: Result, verdict: Verdict) -> Iterator[str]:
    y = TOP + ROW * place + ROW / 2
    goal, value = verdict.goal, verdict.value
    against = f" {result.figure.unit}" if goal.against == "none" else f" of the {goal.against}"
    at, one = _x(times_floor(value.median, verdict)), _x(1)
    low, high = sorted((_x(times_floor(value.low, verdict)), _x(times_floor(value.high, verdict))))
    if place % 2 == 0:
        yield f'<rect class="stripe" x="8" y="{y - ROW / 2:.1f}" width="{WIDTH - 16}" height="{ROW}" rx="4"/>'
    yield f'<text class="end" x="{LEFT - 12}" y="{y + 4.5:.1f}">{escape(result.figure.title)}</text>'
    yield (
        f'<rect class="{"good" if verdict.reached else "bad"}" x="{min(at, one):.1f}" y="{y - 6:.1f}"'
        f' width="{max(abs(at - one), 2):.1f}" height="12" rx="2"/>'
    )
    yield f'<line class="spread" x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}"/>'
    if goal.aim is not None:
        x = _x(times_floor(goal.aim, verdict))
        yield f'<path class="aim" d="M{x:.1f} {y - 6:.1f}l5 6l-5 6l-5 -6z"/>'
    yield f'<text class="small" x="{RIGHT + 14}" y="{y + 4:.1f}">{figure(value.median)}{escape(against)}</text>'
