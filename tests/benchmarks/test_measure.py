from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import report
from benchmarks.chart import drawn, times_floor
from benchmarks.measure import (
    Benchmark,
    Contenders,
    Figure,
    Goal,
    Measured,
    Result,
    Spread,
    Verdict,
    percentile,
    run,
)

RATE = Figure("rate", "Somethings <b>", "events/s", (Goal("limit", 0.4, 0.6), Goal("peer", 2)))


def benchmark(turns: list[str], rates: dict[str, list[float]], figure: Figure = RATE) -> Benchmark:
    def contender(name: str) -> Any:
        left = iter([0.0, *rates[name]])  # the first round warms up

        async def turn() -> Measured:
            turns.append(name)
            return {figure.key: next(left)}

        return turn

    @asynccontextmanager
    async def opened(_: Path) -> Any:
        yield Contenders(**{name: contender(name) for name in rates})

    rounds = len(rates["ours"])
    return Benchmark("some", (figure,), opened, limit="the least", peer="a library", rounds=rounds)


async def measured(rates: dict[str, list[float]], figure: Figure = RATE) -> Result:
    return (await run(benchmark([], rates, figure), Path(), lambda _: None))[0]


async def test_each_contender_takes_a_turn_a_round_and_none_is_always_first() -> None:
    turns: list[str] = []
    rates = {name: [1.0, 1.0] for name in ("limit", "peer", "ours")}
    await run(benchmark(turns, rates), Path(), lambda _: None)
    assert turns == ["limit", "peer", "ours", "peer", "ours", "limit", "ours", "limit", "peer"]


async def test_a_ratio_is_taken_within_each_round_so_that_a_slow_machine_changes_nothing() -> None:
    result = await measured({"limit": [100, 10, 50], "peer": [10, 1, 5], "ours": [50, 5, 20]})
    assert result.ratios["limit"] == Spread(0.5, 0.4, 0.5)
    assert result.ratios["peer"] == Spread(5, 4, 5)
    assert [(verdict.reached, verdict.aim_reached) for verdict in result.verdicts] == [
        (True, False),
        (True, None),
    ]


async def test_the_warm_up_does_not_count() -> None:
    result = await measured({"limit": [10], "peer": [1], "ours": [5]})
    assert (result.rounds, result.spreads["ours"]) == (1, Spread(5, 5, 5))


@pytest.mark.parametrize(("value", "reached"), [(1.9, True), (2.0, True), (2.1, False)])
async def test_less_may_be_better(value: float, *, reached: bool) -> None:
    figure = Figure("p50", "One", "ms", (Goal("none", 2, at_most=True),))
    result = await measured({"ours": [value]}, figure)
    assert result.verdicts[0].reached is reached
    assert (times_floor(value, result.verdicts[0]) >= 1) is reached


def test_a_percentile_is_a_value_that_occurred() -> None:
    values = [float(value) for value in range(1, 201)]
    assert (percentile(values, 50), percentile(values, 99), percentile([7.0], 99)) == (100, 198, 7)


async def test_json_has_the_medians_beside_the_ratios() -> None:
    result = await measured({"limit": [100, 100], "peer": [10, 10], "ours": [30, 50]})
    line = msgspec.json.decode(report.as_json(result))
    assert {key: line[key] for key in ("name", "unit", "limit", "peer", "ours", "ratios")} == {
        "name": "some",
        "unit": "events/s",
        "limit": 100,
        "peer": 10,
        "ours": 40,
        "ratios": {"limit": 0.4, "peer": 4},
    }
    assert line["spread"]["ours"] == [30, 50]
    assert [goal["reached"] for goal in line["goals"]] == [True, True]


async def test_the_table_marks_missed_goals_and_lists_unmeasured_benchmarks() -> None:
    result = await measured({"limit": [100], "peer": [10], "ours": [30]})
    missing = [report.Missing("other", "it needs Java")]
    written = report.table([result], missing, {"cores": "2", "Python": "3.11"}, "2026-05-05")
    assert "1 of 2 floors are reached" in written
    assert "**not reached**" in written
    assert "- `other`: it needs Java" in written
    columns = {line.count("|") for line in written.splitlines() if line.startswith("|")}
    assert columns == {9}


def test_the_text_around_the_table_stays() -> None:
    document = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    written = report.rewritten(document, "new")
    assert written == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
    assert report.rewritten(written, "new") == written
    with pytest.raises(ValueError, match="needs"):
        report.rewritten("nothing", "new")


async def test_the_picture_has_a_row_a_goal() -> None:
    result = await measured({"limit": [100], "peer": [10], "ours": [30]})
    picture = drawn([result])
    assert picture.count('class="bad"') == 1
    assert picture.count('class="good"') == 1
    assert "Somethings &lt;b&gt;" in picture


def test_how_much_better_than_the_floor() -> None:
    at_least = Verdict(Goal("limit", 0.4), Spread(0.8, 0.8, 0.8))
    at_most = Verdict(Goal("none", 10, at_most=True), Spread(5, 5, 5))
    assert times_floor(0.8, at_least) == times_floor(5, at_most) == 2


@pytest.mark.parametrize(("value", "shown"), [(12_345.6, "12,346"), (123.4, "123"), (0.0345, "0.0345")])
def test_numbers_have_three_digits_that_count(value: float, shown: str) -> None:
    assert report.figure(value) == shown
