"""The shipped code on virtual time, with random faults by seed, and killed after single steps."""

from collections.abc import Sequence

import pytest

from tests.proof.amounts import AMOUNTS
from worker.simulation import campaign
from worker.simulation.crashpoints import CrashPoint

SEEDS_EACH, CRASH_POINTS_EACH = 20, 50
SEEDS = range(AMOUNTS.first_seed, AMOUNTS.end_seed)


@pytest.fixture(scope="module")
def crash_points() -> list[CrashPoint]:
    return campaign.spread(AMOUNTS.crash_points)


@pytest.mark.parametrize(
    "seeds",
    [SEEDS[start : start + SEEDS_EACH] for start in range(0, len(SEEDS), SEEDS_EACH)],
    ids=lambda seeds: f"{seeds.start}:{seeds.stop}",
)
def test_nothing_breaks(seeds: Sequence[int]) -> None:
    report = campaign.run(seeds)
    assert report.seeds == len(seeds)
    assert wrong(report) == []


@pytest.mark.parametrize("part", range(-(-AMOUNTS.crash_points // CRASH_POINTS_EACH)))
def test_a_kill_after_a_step_is_recovered_from(crash_points: list[CrashPoint], part: int) -> None:
    chosen = crash_points[part * CRASH_POINTS_EACH :][:CRASH_POINTS_EACH]
    report = campaign.run_crash_points(chosen)
    assert report.seeds == len(chosen)
    assert wrong(report) == []


def wrong(report: campaign.Report) -> list[str]:
    """Return each failure with the command that replays it."""
    print(campaign.summary(report))  # noqa: T201 - pytest shows it
    return [
        f"{campaign.replay_line(verdict)}: {'; '.join(verdict.violations[:3])}" for verdict in report.failed
    ]
