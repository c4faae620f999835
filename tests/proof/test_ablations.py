"""Each safeguard removed in turn: a third of them in one run, chosen by the commit, or all."""

from collections.abc import Sequence

import pytest

from tests.proof.amounts import ALL, AMOUNTS, THIRDS, by_commit
from worker.simulation import campaign
from worker.simulation.ablations import SAFEGUARDS, Safeguard

COSTLY_FIRST = sorted(SAFEGUARDS, key=lambda safeguard: -safeguard.budget)


def thirds(third: int | None) -> Sequence[Safeguard]:
    return COSTLY_FIRST if third is None else COSTLY_FIRST[third::THIRDS]


@pytest.mark.parametrize("safeguard", thirds(AMOUNTS.third), ids=lambda safeguard: safeguard.name)
def test_a_missing_safeguard_is_noticed(safeguard: Safeguard) -> None:
    report = campaign.run(range(1, safeguard.budget + 1), ablated=[safeguard.name], stop_at_first=True)
    print(campaign.summary(report))  # noqa: T201 - pytest shows it
    assert report.failed


def test_every_safeguard_has_its_turn() -> None:
    assert {by_commit(short) for short in ("3", "0a1", "7653c10")} == {"0", "2", "1"}
    assert by_commit("") == ALL
    turns = [safeguard.name for third in range(THIRDS) for safeguard in thirds(third)]
    assert sorted(turns) == sorted(safeguard.name for safeguard in thirds(None))
